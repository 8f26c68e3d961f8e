"""Downloads: bring the file of a video from its address."""

import asyncio
import time

from app.core.errors import JobFailure
from app.core.settings import Settings
from app.core.storage.addresses import is_bucket_url
from app.core.storage.interface import Storage, StoredFile
from app.core.storage.keys import fetched_key, part_facts_key, part_key
from app.sources.failures import SourceNotFound
from app.sources.queries import room_for, save_file, source_of
from app.videos.first_jobs import first_jobs
from worker.downloads.requests import Rules
from worker.downloads.transfer import Download, Limits
from worker.handlers.bucket_object import bring_object
from worker.job_task import HandlerContext, JobResult, JobTask, Reporter

LOOK_EVERY_S = 0.5


def download(task: JobTask, context: HandlerContext, reporter: Reporter) -> JobResult:
    """Bring a video's file from the address in its row.

    Raises:
        JobFailure: it could not be had. What came is kept if it may still come.
        StorageFull: there is no room for it.
    """
    if task.video_id is None:
        raise ValueError("a download is of a video")
    video_id = task.video_id
    reporter.progress("download", 0.0)
    with context.sessions() as session:
        source = session.scalar(source_of(video_id)) or {}
        left_bytes = room_for(session, video_id)
    if "url" not in source:
        raise SourceNotFound("The video has no address to be downloaded from.")
    if is_bucket_url(source["url"]):
        return bring_object(task, context, reporter, source["url"])
    run = Download(
        source["url"],
        video_id,
        context.storage,
        rules_of(context.settings),
        limits_of(context.settings, left_bytes=left_bytes),
    )
    try:
        asyncio.run(_watched(run, reporter))
    except JobFailure as exc:
        if not exc.retryable:
            _forget_part(run, context.storage)
        raise
    key = fetched_key(video_id, task.token)
    context.storage.link(part_key(video_id), key)
    stored = StoredFile(key, run.size_bytes, run.hash.sha256.hexdigest())
    return JobResult(
        facts={"size_bytes": stored.size_bytes, "sha256": stored.sha256},
        save=lambda session: save_file(
            session, video_id, stored, filename=run.part.filename
        ),
        then=first_jobs(task.params.get("model")),
        new_files=[key],
    )


def rules_of(settings: Settings) -> Rules:
    """Give the rules of addresses; they are those of webhooks."""
    return Rules(
        allow_nets=settings.webhook_allow_nets,
        idle_s=settings.upload_idle.total_seconds(),
    )


def limits_of(settings: Settings, *, left_bytes: int | None = None) -> Limits:
    """Give the limits of a download; but for its time they are those of uploads.

    Args:
        left_bytes: of the project's quota; None: it has none.
    """
    max_bytes = int(settings.max_upload_size)
    return Limits(
        max_bytes=max_bytes,
        quota_bytes=max_bytes if left_bytes is None else left_bytes,
        timeout_s=settings.download_timeout.total_seconds(),
        min_rate=float(settings.upload_min_rate),
        rate_over_s=settings.upload_idle.total_seconds(),
        min_free_bytes=int(settings.min_free_space),
    )


async def _watched(run: Download, reporter: Reporter) -> None:
    """Report while it runs; a run that must stop is ended at once."""
    work = asyncio.create_task(run.run())
    began_at_s, began_at = time.monotonic(), -1
    try:
        while not work.done():
            await asyncio.wait([work], timeout=LOOK_EVERY_S)
            if began_at < 0:
                began_at = run.size_bytes
            passed_s = time.monotonic() - began_at_s
            _report(run, reporter, rate=(run.size_bytes - began_at) / passed_s)
    except BaseException:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        raise
    await work


def _report(run: Download, reporter: Reporter, *, rate: float) -> None:
    total = run.part.total_bytes
    if not total:
        reporter.progress("download", 0.0)
        return
    left = max(total - run.size_bytes, 0)
    eta_s = left / rate if rate > 0 else None
    reporter.progress("download", min(run.size_bytes / total, 1.0), eta_s)


def _forget_part(run: Download, storage: Storage) -> None:
    storage.delete(part_key(run.video_id))
    storage.delete(part_facts_key(run.video_id))

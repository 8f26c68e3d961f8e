"""Requests for inference: each sample's video gets an analysis of its own."""

from datetime import datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

from anyio.to_thread import run_sync
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.checkpoints.catalogue import check_model
from app.core.db.base import new_id
from app.core.db.project_sessions import PRINCIPAL, project_of
from app.core.errors import (
    RULE,
    InvalidRequest,
    JobIsFinished,
    JobNotFound,
    VideoNotFound,
    VideoNotStored,
)
from app.core.resources import Resources
from app.idempotency.service import check_key
from app.jobs.kinds import KINDS, JobKind
from app.jobs.requests import request
from app.jobs.service import cancel as cancel_job
from app.jobs.tables import Job
from app.osl.problems import AssetNotFound, InferenceJobNotFound, UnsupportedTask
from app.osl.results import SPEAKING, job_of
from app.osl.schemas import HEAD, SHARED_PREFIX, TASK, Asset, Item, NewInference
from app.osl.sent_again import check_same, fingerprint_of, key_of_item, made_before
from app.osl.tables import OslItem, OslJob
from app.projects.quotas import take_queue
from app.sources.schemas import NewVideo
from app.sources.service import accept_source, find_import
from app.videos.queries import lock_video, lock_videos
from app.videos.service import find_video
from app.videos.tables import Video

KEPT_FOR = timedelta(days=30)


async def ask(
    wanted: NewInference, key: str | None, *, resources: Resources, now: datetime
) -> OslJob:
    """Queue what is asked for; the same request, sent again, gets the same job.

    Raises:
        UnsupportedTask, InvalidRequest, UnknownModel: it cannot be done.
        AssetNotFound, VideoNotStored, ImportNotFound, SourceRefused: an input is not
            here.
        StorageFull, StoredQuotaReached, QueueQuotaReached: there is no room.
        IdempotencyKeyReused: the key belongs to another request.
    """
    if wanted.task != TASK:
        raise UnsupportedTask(
            f"The task is {wanted.task!r}; this service knows {TASK}."
        )
    _check_items(wanted)
    if key is not None:
        check_key(key)
    key = key or wanted.idempotency_key or uuid4().hex
    # What it was made of or with may be gone by now.
    look = partial(made_before, key, fingerprint_of(wanted), resources)
    earlier = await run_sync(look, limiter=resources.upload_threads)
    if earlier is not None:
        return earlier
    check = partial(check_model, wanted.model_id, resources.settings)
    await run_sync(check, limiter=resources.upload_threads)
    videos = await _find_assets(wanted, key, resources=resources, now=now)
    write = partial(_write, wanted, key, videos, resources=resources, now=now)
    job, ring_for = await run_sync(write, limiter=resources.upload_threads)
    for job_id in ring_for:
        notify = partial(
            resources.notifier.notify_job, job_id, queue=KINDS[JobKind.SPOT].queue
        )
        await run_sync(notify, limiter=resources.upload_threads)
    return job


def find(session: Session, job_id: UUID) -> OslJob:
    """Load a request.

    Raises:
        InferenceJobNotFound: there is none of that id.
    """
    job = session.get(OslJob, job_id)
    if job is None:
        raise InferenceJobNotFound(f"No inference job has the id {job_id}.")
    return job


def cancel(job_id: UUID, *, resources: Resources, now: datetime) -> None:
    """Cancel what still waits or runs of a request.

    Raises:
        InferenceJobNotFound: there is none of that id.
    """
    with resources.sessions.begin() as session:
        job = find(session, job_id)
        job.canceled_at = job.canceled_at or now
        found = [job_of(session, job, item) for item in job.items]
        ids = [one.id for one in found if one is not None]
    for one in ids:
        try:
            with resources.sessions.begin() as session:
                _, delivery_id = cancel_job(session, one, settings=resources.settings)
        except (JobNotFound, JobIsFinished):
            continue
        if delivery_id is not None:
            resources.notifier.notify_delivery(delivery_id)


def _check_items(wanted: NewInference) -> None:
    ids = [item.item_id for item in wanted.items]
    if len(set(ids)) != len(ids):
        raise InvalidRequest("Each item needs an `item_id` of its own.", kind=RULE)
    for item in wanted.items:
        if len(item.inputs) != 1 or item.inputs[0].type != "video":
            raise InvalidRequest(
                f"The item {item.item_id[:64]!r} must have one input, of type video.",
                kind=RULE,
            )


async def _find_assets(
    wanted: NewInference, key: str, *, resources: Resources, now: datetime
) -> list[UUID]:
    """Find each item's video; files of the shared folder become some.

    None is made before all are found: a request that is refused leaves nothing.
    """
    assets = [item.inputs[0].asset for item in wanted.items]
    found = [await _look_for(asset, resources) for asset in assets]
    made: dict[str, UUID] = {}
    for number, (asset, video_id) in enumerate(zip(assets, found, strict=True)):
        path = asset.shared_path or ""
        if video_id is not None or path in made:
            continue
        new = NewVideo.model_validate({"import": path, "model": wanted.model_id})
        accepted = await accept_source(
            new, key_of_item(key, number), resources=resources, now=now
        )
        made[path] = accepted.video.id
    return [
        made[asset.shared_path or ""] if video_id is None else video_id
        for asset, video_id in zip(assets, found, strict=True)
    ]


async def _look_for(asset: Asset, resources: Resources) -> UUID | None:
    """Find an input's video; None: its file is in the shared folder."""
    if asset.kind == "upload":
        look = partial(_find_uploaded, asset.id or "", resources)
        return await run_sync(look, limiter=resources.upload_threads)
    path = asset.shared_path
    if path is None:
        raise InvalidRequest(
            f"A shared asset must begin with {SHARED_PREFIX}.", kind=RULE
        )
    look_shared = partial(_find_imported, path, resources)
    return await run_sync(look_shared, limiter=resources.upload_threads)


def _find_uploaded(text: str, resources: Resources) -> UUID:
    try:
        video_id = UUID(text)
        with resources.sessions() as session:
            return find_video(session, video_id).id
    except (ValueError, VideoNotFound):
        raise AssetNotFound(
            f"No video stands for the asset {text[:64]!r}; upload the file again."
        ) from None


def _find_imported(path: str, resources: Resources) -> UUID | None:
    """Find the video of a shared file that is here and has not changed since."""
    file = find_import(path, resources.settings)
    statement = select(Video).where(
        Video.source == {"import": path},
        Video.storage_key.is_not(None),
        Video.size_bytes == file.size_bytes,
        Video.created_at > file.modified_at,
    )
    with resources.sessions() as session:
        found = session.scalars(statement.order_by(Video.id.desc()).limit(1)).first()
        return None if found is None else found.id


def _write(
    wanted: NewInference,
    key: str,
    videos: list[UUID],
    *,
    resources: Resources,
    now: datetime,
) -> tuple[OslJob, list[UUID]]:
    """Write the request and its jobs in one transaction, or find the earlier one."""
    fingerprint = fingerprint_of(wanted)
    job = {
        "id": new_id(),
        "key": key,
        "fingerprint": fingerprint,
        "model": wanted.model_id,
        "head": wanted.parameters.head or HEAD,
        "labels": wanted.parameters.labels,
        "items": [],
        "created_at": now,
    }
    with resources.sessions.begin() as session:
        session.execute(delete(OslJob).where(OslJob.created_at < now - KEPT_FOR))
        signed = {
            "project_id": project_of(session),
            "created_by": str(session.info[PRINCIPAL]),
        }
        taken = session.scalar(
            insert(OslJob)
            .values({**job, **signed})
            .on_conflict_do_nothing()
            .returning(OslJob.id)
        )
        row = session.scalars(select(OslJob).where(OslJob.key == key)).one()
        if taken is None:
            return check_same(row, fingerprint), []
        session.execute(lock_videos(videos))
        jobs = [_queue(session, one, wanted.model_id) for one in videos]
        row.items = [
            _item(item, video_id, job_id, wanted)
            for item, video_id, job_id in zip(wanted.items, videos, jobs, strict=True)
        ]
        session.flush()
    return row, [one for one in jobs if one is not None]


def _queue(session: Session, video_id: UUID, model: str) -> UUID | None:
    """Queue an analysis; None: the file is on its way, and one follows by itself."""
    if session.execute(lock_video(video_id)).one_or_none() is None:
        raise AssetNotFound(f"The video {video_id} has just been deleted.")
    video = session.get_one(Video, video_id)
    if video.dropped_at is not None:
        raise AssetNotFound(
            f"The file of the video {video_id} was removed by the project's rules; "
            "upload it again."
        )
    if video.storage_key is None:
        _refuse_other_model(session, video_id, model)
        return None
    take_queue(session, video.project_id, duration_s=video.duration_s)
    params = {"model": model}
    job = request(session, kind=JobKind.SPOT, video_id=video_id, params=params)
    return job.id


def _refuse_other_model(session: Session, video_id: UUID, model: str) -> None:
    """Refuse a file that no analysis by this model follows: it would have no end.

    Raises:
        VideoNotStored: it is so.
    """
    brings = Job.video_id == video_id, Job.kind.in_(SPEAKING)
    asked_for = Job.params["model"].astext
    latest = select(asked_for).where(*brings).order_by(Job.id.desc()).limit(1)
    if session.scalar(latest) != model:
        raise VideoNotStored(
            f"The file of the video {video_id} is still on its way, and was not asked "
            f"for with the model {model!r}. Ask again once it is here."
        )


def _item(
    item: Item, video_id: UUID, job_id: UUID | None, wanted: NewInference
) -> OslItem:
    parameters = wanted.parameters
    offset_ms = parameters.input_time_offsets_ms.get(item.item_id, 0)
    return OslItem(
        item_id=item.item_id,
        sample_id=item.sample_id,
        video_id=str(video_id),
        job_id=None if job_id is None else str(job_id),
        from_ms=max(0, parameters.start_ms - offset_ms),
        to_ms=parameters.end_ms - offset_ms if parameters.end_ms else None,
    )

"""Joins: make the file of a video of several."""

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from time import monotonic
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.errors import SourceMissing
from app.core.storage.interface import StoredFile
from app.core.storage.keys import fetched_key
from app.sources.joining import JoinResult, PlacedPart, keys_of, save_joined
from app.sources.queries import ensure_room_for
from app.videos.first_jobs import first_jobs
from app.videos.parts import name_of
from app.videos.tables import Video
from model.video.joining import Joining, pieces_of
from model.video.joins import Joined, PartFile
from model.video.limits import DEFAULT_LIMITS
from worker.handlers.source import stored_file
from worker.handlers.storing import refuse_to_fill_the_disk, store_pieces
from worker.job_task import HandlerContext, JobResult, JobTask, Reporter


def join_parts(task: JobTask, context: HandlerContext, reporter: Reporter) -> JobResult:
    """Make one file of those that a video's row names.

    Raises:
        ModelError: a part cannot be used, or they differ too much; it is named.
        SourceMissing: a part is gone.
        StorageFull, QuotaReached: there is no room for the result.
    """
    if task.video_id is None:
        raise ValueError("files are joined to a video")
    video_id = task.video_id
    reporter.progress("join", 0.0)
    names, keys, total = _find(video_id, context)
    # Once while it is written, and once more while it is stored.
    refuse_to_fill_the_disk(context, 2 * total, what="joined video")
    stored, made = _join(task, names, keys, context, reporter)
    return JobResult(
        facts={
            "size_bytes": stored.size_bytes,
            "sha256": stored.sha256,
            "mode": made.mode,
            "sound": made.sound,
            "parts": [part._asdict() for part in made.parts],
            "warnings": dict(made.warnings) or None,
        },
        save=lambda session: save_joined(
            session,
            video_id,
            stored,
            made,
            keep_originals=bool(task.params.get("keep_originals", True)),
        ),
        then=first_jobs(task.params.get("model")),
        new_files=[stored.key],
    )


def _find(video_id: UUID, context: HandlerContext) -> tuple[list[str], list[str], int]:
    """Find the parts: what they are called, where they lie, and their size together."""
    with context.sessions() as session:
        video = session.get(Video, video_id)
        if video is None or video.parts is None:
            raise SourceMissing("The video is made of no other files.")
        files = video.parts["files"]
        keys = keys_of(session, video)
        total = sum(one["size_bytes"] for one in files)
        _ensure_quota(session, video, total)
    names = [
        name_of(number, one["filename"]) for number, one in enumerate(files, start=1)
    ]
    return [name[0].upper() + name[1:] for name in names], keys, total


def _ensure_quota(session: Session, video: Video, total: int) -> None:
    """Take a first look at the quota; parts that go when they are joined make room."""
    coming = total - (video.parts_bytes or 0)
    if coming > 0:
        ensure_room_for(session, video.id, coming)


def _join(
    task: JobTask,
    names: list[str],
    keys: list[str],
    context: HandlerContext,
    reporter: Reporter,
) -> tuple[StoredFile, JoinResult]:
    folder = context.settings.data_dir
    folder.mkdir(parents=True, exist_ok=True)
    encode = task.params.get("encode")
    with (
        ExitStack() as files,
        # Without a name: whatever ends this process, nothing of it is left.
        tempfile.TemporaryFile(dir=folder) as scratch,
    ):
        joining = Joining(
            [
                PartFile(
                    files.enter_context(
                        stored_file(key, context.storage, reporter.touch)
                    ),
                    name,
                )
                for key, name in zip(keys, names, strict=True)
            ],
            encode=None if encode is None else bool(encode),
            limits=replace(
                DEFAULT_LIMITS,
                max_duration_s=context.settings.max_duration.total_seconds(),
            ),
            on_progress=_progress(context, reporter),
            on_wait=reporter.touch,
        )
        joined = joining.write(scratch.fileno())
        reporter.progress("store", 1.0, 0.0)
        stored = store_pieces(
            fetched_key(UUID(str(task.video_id)), task.token),
            pieces_of(joined, scratch.fileno()),
            context,
            reporter,
            what="joined video",
        )
    return stored, _made(joined, joining)


def _made(joined: Joined, joining: Joining) -> JoinResult:
    places = [PlacedPart(one.start_s, one.end_s, one.offset_s) for one in joined.parts]
    return JoinResult(joined.mode, joined.sound, joining.warnings(joined), places)


def _progress(
    context: HandlerContext, reporter: Reporter
) -> Callable[[str, float], None]:
    began = monotonic()

    def report(stage: str, done: float) -> None:
        refuse_to_fill_the_disk(context, 0, what="joined video")
        eta_s = (monotonic() - began) * (1 - done) / done if done > 0 else None
        reporter.progress(stage, done, eta_s)

    return report

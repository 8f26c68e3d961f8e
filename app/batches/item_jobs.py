"""What is to be done for one item: bring its video, analyse it, or nothing at all."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.orm import Session

from app.batches.queries import (
    bytes_on_their_way,
    shown_analysis_of,
    video_before,
)
from app.batches.tables import Batch, BatchItem, ItemState
from app.core.db.base import new_id, utc_now
from app.core.errors import TouchlineError
from app.jobs.kinds import JobKind
from app.jobs.requests import request
from app.jobs.tables import Job
from app.projects.problems import QueueQuotaReached, StoredQuotaReached
from app.projects.quotas import quotas_of, take_queue, take_stored
from app.timelines.tables import SPOTTING
from app.videos.queries import lock_video, lock_videos
from app.videos.tables import Video


class QuotaFull(TouchlineError):
    """The project's quota holds no more for now; the batch waits."""


def hold_videos(session: Session, items: Iterable[BatchItem]) -> None:
    """Hold the videos of items that are about to be queued; see `lock_videos`."""
    known = [_known(session, one) for one in items]
    session.execute(lock_videos([one for one in known if one is not None]))


def queue_item(session: Session, batch: Batch, item: BatchItem) -> Job | None:
    """Queue the next job of a pending item; None: it has ended without one.

    Raises:
        QuotaFull: nothing more of the batch can be queued now.
    """
    video = _find(session, batch, item)
    if item.kind == "video" and (problem := _problem_of(video)) is not None:
        _end(item, ItemState.FAILED)
        item.error_code, item.error_detail = problem
        item.error_retryable = False
        return None
    if video is not None and _is_here(video):
        item.video_id = video.id
        if not batch.again and _is_analysed(session, batch, video):
            _end(item, ItemState.SKIPPED)
            return None
        return _analyse(session, batch, video)
    _take_queue(session, batch, None)
    _take_stored(session, batch, item.size_bytes)
    if video is None or video.dropped_at is not None:
        video = _new_video(session, batch, item)
    item.video_id = video.id
    return _bring(session, batch, item, video)


def _find(session: Session, batch: Batch, item: BatchItem) -> Video | None:
    """Find the video of an item and hold it: its own, or that of an earlier batch."""
    known = _known(session, item)
    if known is None or session.execute(lock_video(known)).one_or_none() is None:
        return None
    video = session.get(Video, known)
    is_ours = video is not None and video.project_id == batch.project_id
    return video if is_ours else None


def _known(session: Session, item: BatchItem) -> UUID | None:
    """Name the video of an item, as far as one is known."""
    known = UUID(item.address) if item.kind == "video" else item.video_id
    if known is not None:
        return known
    return session.scalars(video_before(item)).one_or_none()


def _problem_of(video: Video | None) -> tuple[str, str] | None:
    """Tell why a video that was named cannot be analysed."""
    if video is None:
        return "video_not_found", "No video of the project has that id."
    if video.dropped_at is not None:
        return "file_dropped", "The video's file is gone by the project's rules."
    if not _is_here(video):
        return "video_not_stored", "The video's file is not here, or not yet."
    return None


def _is_here(video: Video) -> bool:
    return video.storage_key is not None and video.dropped_at is None


def _is_analysed(session: Session, batch: Batch, video: Video) -> bool:
    """Whether the timeline that is shown is just what the model would find."""
    shown = session.scalars(shown_analysis_of(video.id)).one_or_none()
    if shown is None or batch.weights.get("sha256") is None:
        return False
    ran: dict[str, Any] = shown.checkpoint
    is_same = ran.get("sha256") == batch.weights["sha256"]
    return (
        is_same
        and ran.get("name") == batch.model
        and ran.get(SPOTTING) == batch.weights.get(SPOTTING)
    )


def _analyse(session: Session, batch: Batch, video: Video) -> Job:
    _take_queue(session, batch, video.duration_s)
    return _request(session, batch, video, JobKind.SPOT)


def _new_video(session: Session, batch: Batch, item: BatchItem) -> Video:
    """Make the row of a video whose bytes are to come."""
    video = Video(
        id=new_id(),
        project_id=batch.project_id,
        title=item.title,
        filename=item.shown_address.rpartition("/")[2][:255] or None,
        source={item.kind: item.address},
        created_at=utc_now(),
    )
    video.created_by = batch.created_by
    session.add(video)
    session.flush()
    return video


def _bring(session: Session, batch: Batch, item: BatchItem, video: Video) -> Job:
    kind = JobKind.IMPORT if item.kind == "import" else JobKind.DOWNLOAD
    return _request(session, batch, video, kind)


def _request(session: Session, batch: Batch, video: Video, kind: JobKind) -> Job:
    job = request(
        session,
        kind=kind,
        video_id=video.id,
        params={"model": batch.model},
        priority=batch.priority,
        batch_id=batch.id,
    )
    job.created_by = batch.created_by
    return job


def _take_queue(session: Session, batch: Batch, duration_s: float | None) -> None:
    try:
        take_queue(session, batch.project_id, duration_s=duration_s, is_of_batch=True)
    except QueueQuotaReached as exc:
        raise QuotaFull(exc.detail) from exc


def _take_stored(session: Session, batch: Batch, size_bytes: int | None) -> None:
    """Keep room for a file of a known size, and for those that are on their way.

    One that is larger than the quota would wait for ever: its job says so.
    """
    project_id = batch.project_id
    limit = quotas_of(session, project_id).stored_bytes
    if size_bytes is None or limit is None or size_bytes > limit:
        return
    coming = int(session.scalar(bytes_on_their_way(project_id)) or 0)
    try:
        take_stored(session, project_id, coming + size_bytes)
    except StoredQuotaReached as exc:
        raise QuotaFull(exc.detail) from exc


def _end(item: BatchItem, state: ItemState) -> None:
    item.state, item.finished_at = state, func.now()

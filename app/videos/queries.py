"""Statements about videos, built without a session."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from functools import cache
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Delete,
    Select,
    Update,
    case,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.orm import aliased

from app.core.storage.keys import LINK_SUFFIX
from app.jobs.kinds import KINDS
from app.jobs.tables import Job
from app.timelines.tables import Analysis
from app.videos.search import VideoFilter
from app.videos.tables import PendingDeletion, Video

SPEAKING = tuple(kind for kind, spec in KINDS.items() if spec.speaks_for_video)


@cache
def videos_with_jobs() -> Select[Video, Job, Analysis | None]:
    """Each video, its latest job, and (or null) the analysis that is shown.

    Only jobs that speak for the video count.

    Made once: SQLAlchemy compiles a statement with new aliases anew for every request.
    """
    latest_row = (
        select(Job)
        .where(Job.video_id == Video.id, Job.kind.in_(SPEAKING))
        .order_by(Job.created_at.desc(), Job.id.desc())
        .limit(1)
        .lateral("latest")
    )
    latest = aliased(Job, latest_row)
    return (
        select(Video, latest, Analysis)
        .join(latest_row, latest_row.c.video_id == Video.id)
        .outerjoin(Analysis, Analysis.id == Video.current_analysis_id)
    )


def videos_page(
    *, before: UUID | None, limit: int, wanted: VideoFilter | None = None
) -> Select[Video, Job, Analysis | None]:
    """A page of videos, the newest first; one row more tells that there is a next."""
    statement = videos_with_jobs().order_by(Video.id.desc()).limit(limit + 1)
    if wanted is not None:
        statement = statement.where(*wanted.conditions())
    return statement if before is None else statement.where(Video.id < before)


def own_bytes() -> ColumnElement[int]:
    """What a video's file takes of our storage: nothing where it lies elsewhere."""
    is_ours = Video.storage_key.is_not(None) & ~Video.storage_key.endswith(LINK_SUFFIX)
    return case((is_ours, func.coalesce(Video.size_bytes, 0)), else_=0)


def same_file(project_id: UUID, sha256: str, size_bytes: int) -> Select[UUID]:
    """Find the first video of a project whose file is there and has these bytes."""
    return (
        select(Video.id)
        .where(
            Video.project_id == project_id,
            Video.sha256 == sha256,
            Video.size_bytes == size_bytes,
            Video.storage_key.is_not(None),
        )
        .order_by(Video.id)
        .limit(1)
    )


def video_with_jobs(video_id: UUID | None) -> Select[Video, Job, Analysis | None]:
    """One video with its latest job and the analysis that is shown."""
    return videos_with_jobs().where(Video.id == video_id)


def video_with_bytes(sha256: str) -> Select[Video, Job, Analysis | None]:
    """The first video whose file is there and has these bytes."""
    statement = videos_with_jobs().where(
        Video.sha256 == sha256, Video.storage_key.is_not(None)
    )
    return statement.order_by(Video.id).limit(1)


def lock_video(video_id: UUID) -> Select[UUID]:
    """Hold a video against its deletion until the transaction ends; no row: gone."""
    return select(Video.id).where(Video.id == video_id).with_for_update(key_share=True)


def lock_videos(video_ids: Collection[UUID]) -> Select[UUID]:
    """Hold several videos, in the order of their ids.

    Whoever goes on to a project's quota holds all videos before: who has one of them
    then waits for the quota, and nobody who has the quota for a video.
    """
    return (
        select(Video.id)
        .where(Video.id.in_(video_ids))
        .order_by(Video.id)
        .with_for_update(key_share=True)
    )


def note_facts(video_id: UUID | None, facts: Mapping[str, object]) -> Update:
    """Keep what a probe said of a file: the facts that a video shows, and all of them.

    Args:
        facts: the values of a `model.video.probe.VideoFacts`, by name.
    """
    shown = ("duration_s", "width", "height", "fps", "codec", "container")
    return (
        update(Video)
        .where(Video.id == video_id)
        .values(**{name: facts[name] for name in shown}, facts=dict(facts))
    )


def add_pending_deletion(prefix: str) -> Insert:
    """Have the objects under a prefix deleted once this transaction is committed."""
    row = insert(PendingDeletion).values(prefix=prefix, created_at=func.now())
    return row.on_conflict_do_nothing()


def due_deletions(*, again_after: timedelta, limit: int) -> Select[str]:
    """List prefixes whose objects are to be deleted, for the first or the last time."""
    is_last = PendingDeletion.created_at < func.now() - again_after
    return (
        select(PendingDeletion.prefix)
        .where(PendingDeletion.deleted_at.is_(None) | is_last)
        .order_by(PendingDeletion.created_at)
        .limit(limit)
    )


def note_deletion(prefix: str) -> Update:
    """Note that the objects under a prefix were deleted."""
    return (
        update(PendingDeletion)
        .where(PendingDeletion.prefix == prefix)
        .values(deleted_at=func.now())
    )


def end_deletion(prefix: str, *, again_after: timedelta) -> Delete:
    """Forget a deletion that was done for the last time."""
    return delete(PendingDeletion).where(
        PendingDeletion.prefix == prefix,
        PendingDeletion.created_at < func.now() - again_after,
    )

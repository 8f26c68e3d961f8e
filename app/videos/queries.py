"""Statements about videos, built without a session."""

from datetime import timedelta
from functools import cache
from uuid import UUID

from sqlalchemy import Delete, Select, Update, delete, func, select, update
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.orm import aliased

from app.jobs.kinds import KINDS
from app.jobs.tables import Job
from app.timelines.tables import Analysis
from app.videos.tables import PendingDeletion, Video

SPEAKING = tuple(kind for kind, spec in KINDS.items() if spec.speaks_for_video)


@cache
def videos_with_jobs() -> Select[Video, Job, Analysis]:
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


def videos_page(*, before: UUID | None, limit: int) -> Select[Video, Job, Analysis]:
    """A page of videos, the newest first; one row more tells that there is a next."""
    statement = videos_with_jobs().order_by(Video.id.desc()).limit(limit + 1)
    return statement if before is None else statement.where(Video.id < before)


def video_with_jobs(video_id: UUID | None) -> Select[Video, Job, Analysis]:
    """One video with its latest job and the analysis that is shown."""
    return videos_with_jobs().where(Video.id == video_id)


def lock_video(video_id: UUID) -> Select[UUID]:
    """Hold a video against its deletion until the transaction ends; no row: gone."""
    return select(Video.id).where(Video.id == video_id).with_for_update(key_share=True)


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

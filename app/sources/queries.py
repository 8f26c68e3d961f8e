"""Statements about videos whose bytes come from elsewhere."""

from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.core.storage.interface import StoredFile
from app.core.storage.links import is_link_key
from app.jobs.kinds import JobKind
from app.jobs.tables import Job
from app.projects.problems import QuotaReached, StoredQuotaReached
from app.projects.quotas import left_bytes, size_text, take_stored
from app.videos.queries import same_file
from app.videos.tables import Video


def source_of(video_id: UUID) -> Select[dict[str, str] | None]:
    """Tell where a video's bytes come from."""
    return select(Video.source).where(Video.id == video_id)


def save_file(
    session: Session, video_id: UUID, stored: StoredFile, *, filename: str | None = None
) -> None:
    """Note a video's file in the transaction that ends the job which brought it.

    Args:
        filename: what its source calls it; None: the video keeps the name it has.

    Raises:
        QuotaReached: it does not fit into the project's quota.
    """
    video = session.get_one(Video, video_id)
    if not is_link_key(stored.key):
        ensure_stored_quota(session, video.project_id, stored.size_bytes)
    same = same_file(video.project_id, stored.sha256, stored.size_bytes)
    video.duplicate_of = session.scalar(same.where(Video.id != video_id))
    video.storage_key = stored.key
    video.size_bytes, video.sha256 = stored.size_bytes, stored.sha256
    video.filename = filename or video.filename


def room_for(session: Session, video_id: UUID) -> int | None:
    """Tell how much a video may take of its project's quota; None: there is none."""
    return left_bytes(session, session.get_one(Video, video_id).project_id)


def ensure_room_for(session: Session, video_id: UUID, size_bytes: int) -> None:
    """Take a first look whether a video's file fits into its project's quota.

    Raises:
        QuotaReached: it does not.
    """
    left = room_for(session, video_id)
    if left is not None and size_bytes > left:
        raise QuotaReached(
            f"The file takes {size_text(size_bytes)}, and {size_text(left)} are left "
            "of the project's quota. Delete videos, then run the job again."
        )


def ensure_stored_quota(session: Session, project_id: UUID, size_bytes: int) -> None:
    """Make sure that what a job brings fits into its project's quota.

    Raises:
        QuotaReached: it does not.
    """
    try:
        take_stored(session, project_id, size_bytes)
    except StoredQuotaReached as problem:
        raise QuotaReached(problem.detail) from problem


def latest_source_job(video_id: UUID, kind: JobKind) -> Select[Job]:
    """Find the latest job that was to bring a video's bytes."""
    return (
        select(Job)
        .where(Job.video_id == video_id, Job.kind == kind)
        .order_by(Job.created_at.desc(), Job.id.desc())
        .limit(1)
    )

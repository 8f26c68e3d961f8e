"""Clips that were asked for: found, and deleted with their jobs."""

from uuid import UUID

from sqlalchemy.orm import Session

from app.clips.clip_queries import clip_with_job, delete_clip
from app.clips.problems import ClipNotFound
from app.clips.tables import Clip
from app.core.errors import JobIsFinished
from app.core.settings import Settings
from app.jobs.service import cancel
from app.jobs.tables import Job, JobStatus


def find_clip(session: Session, clip_id: UUID) -> tuple[Clip, Job | None]:
    """Load a clip with its job.

    Raises:
        ClipNotFound: no clip has that id.
    """
    found = session.execute(clip_with_job(clip_id)).one_or_none()
    if found is None:
        raise clip_not_found(clip_id)
    return found[0], found[1]


def clip_not_found(clip_id: UUID) -> ClipNotFound:
    """Say that a clip is not there."""
    return ClipNotFound(f"No clip has the id {clip_id}.")


def remove_clip(
    session: Session, clip_id: UUID, *, settings: Settings
) -> tuple[str | None, UUID | None]:
    """Delete a clip's row, and cancel its job if that has not ended.

    Returns:
        The key of its file, to be deleted once this is committed, and the webhook
        message to announce; None where there is none.

    Raises:
        ClipNotFound: no clip has that id.
    """
    clip, job = find_clip(session, clip_id)
    delivery_id = None
    if job is not None and not JobStatus(job.status).is_final:
        try:
            _, delivery_id = cancel(session, job.id, settings=settings)
        except JobIsFinished:  # meanwhile; the row tells of its file now
            session.refresh(clip)
    session.execute(delete_clip(clip_id))
    return clip.file_key, delivery_id

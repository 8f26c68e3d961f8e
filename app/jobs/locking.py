"""Locks of jobs: a video is locked before its jobs, as a deletion does it."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.jobs.attempts import Held, LeaseLost
from app.jobs.tables import Job, JobStatus
from app.videos.queries import lock_video
from app.videos.tables import Video


def lock_job(session: Session, job_id: UUID) -> tuple[Job | None, Video | None]:
    """Lock a job after its video; None: it is gone, or has no video."""
    video_id = session.scalar(select(Job.video_id).where(Job.id == job_id))
    if video_id is not None:
        session.execute(lock_video(video_id))
    job = session.get(Job, job_id, with_for_update={"key_share": True})
    return job, None if video_id is None else session.get(Video, video_id)


def lock_held_job(session: Session, held: Held) -> tuple[Job, Video | None]:
    """Lock a job that a run holds.

    Raises:
        LeaseLost: the job is no longer ours.
    """
    job, video = lock_job(session, held.job_id)
    if job is None or job.status != JobStatus.RUNNING or job.lease_token != held.token:
        raise LeaseLost
    return job, video

"""Which saved runs nobody needs any more: those of jobs that have ended."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.storage.keys import is_saved_run_key, job_of_saved_run, video_of
from app.jobs.tables import Job, JobStatus
from app.videos.lost_objects import ObjectOwner
from app.videos.tables import Video


def _find_lost(session: Session, keys: Collection[str]) -> set[str]:
    """Find those whose job no longer waits or runs."""
    videos = {video_of(key) for key in keys}
    known = set(session.scalars(select(Video.id).where(Video.id.in_(videos))))
    jobs = {job_of_saved_run(key) for key in keys}
    is_open = Job.status.in_((JobStatus.QUEUED, JobStatus.RUNNING))
    needed = set(session.scalars(select(Job.id).where(Job.id.in_(jobs), is_open)))
    return {
        key
        for key in keys
        if video_of(key) in known and job_of_saved_run(key) not in needed
    }


SAVED_RUNS = ObjectOwner("saved_runs", is_saved_run_key, _find_lost)

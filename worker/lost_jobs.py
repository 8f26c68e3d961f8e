"""Ended jobs of what was deleted: a training, a comparison, whatever has an owner."""

from sqlalchemy import update

from app.core.db.session import Sessions
from app.jobs.queries import delete_jobs, jobs_of_nothing
from app.owners import JOB_OWNERS
from app.webhooks.tables import Delivery

BATCH = 200  # rows a sweep; the next one goes on


def forget_jobs(sessions: Sessions) -> int:
    """Delete ended jobs of what was deleted; webhook messages of their end stay.

    Returns:
        How many were deleted.
    """
    count = 0
    for owner in JOB_OWNERS:
        with sessions.begin() as session:
            found = session.scalars(jobs_of_nothing(owner, limit=BATCH)).all()
            if not found:
                continue
            # It may not have been sent yet, and its job would take it along.
            told = update(Delivery).where(Delivery.job_id.in_(found))
            session.execute(told.values(job_id=None))
            session.execute(delete_jobs(found))
            count += len(found)
    return count

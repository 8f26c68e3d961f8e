"""Jobs whose training or comparison was deleted: they go as soon as they have ended.

Others go with their video.
"""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import InstrumentedAttribute

from app.comparisons.tables import Comparison
from app.core.db.session import Sessions
from app.jobs.kinds import JobKind
from app.jobs.queries import delete_jobs, jobs_of_nothing
from app.trainings.tables import Training
from app.webhooks.tables import Delivery

BATCH = 200  # rows a sweep; the next one goes on

OWNERS: Mapping[JobKind, InstrumentedAttribute[UUID]] = {
    JobKind.TRAIN: Training.job_id,
    JobKind.COMPARE: Comparison.job_id,
}


def forget_jobs(sessions: Sessions) -> int:
    """Delete ended jobs of what was deleted; webhook messages of their end stay.

    Returns:
        How many were deleted.
    """
    count = 0
    for kind, owner in OWNERS.items():
        with sessions.begin() as session:
            found = session.scalars(jobs_of_nothing(kind, owner, limit=BATCH)).all()
            if not found:
                continue
            # It may not have been sent yet, and its job would take it along.
            told = update(Delivery).where(Delivery.job_id.in_(found))
            session.execute(told.values(job_id=None))
            session.execute(delete_jobs(found))
            count += len(found)
    return count

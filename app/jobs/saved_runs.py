"""What runs of a job save while they go on, so that the next one need not begin anew.

The job's row names the last object that was saved; each names the one before. A run
that gets further than any before has what failed so far forgiven: the limits on
failures and on deaths of workers count since then. As a video has an end, so has that.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from app.jobs.queries import held_job
from app.jobs.tables import Job


def saved_of(session: Session, job_id: UUID) -> str | None:
    """Tell the key of what the job's runs saved last."""
    return session.scalar(select(Job.saved_key).where(Job.id == job_id))


def name_saved(
    session: Session, job_id: UUID, token: UUID, *, key: str, done: float
) -> bool:
    """Name what the run that `token` holds has just saved.

    Args:
        key: of the object.
        done: share of the job that is done with it, 0 to 1.

    Returns:
        Whether that run still holds the job; if not, nothing is changed.
    """
    statement = held_job(job_id, token).values(saved_key=key, **_further(done))
    return session.scalar(statement.returning(Job.id)) is not None


def note_further(session: Session, job_id: UUID, token: UUID, *, done: float) -> bool:
    """Note how far a run got that keeps its state itself, on its machine.

    Args:
        done: share of the job, 0 to 1, that need not be done again.

    Returns:
        Whether the run that `token` holds still holds the job.
    """
    statement = held_job(job_id, token).values(**_further(done))
    return session.scalar(statement.returning(Job.id)) is not None


def _further(done: float) -> dict[str, Any]:
    """Set how far the job is, and what that forgives."""
    is_further = done > Job.saved_progress
    failures = Job.attempt - 1 - Job.interruptions
    return {
        "saved_progress": func.greatest(Job.saved_progress, done),
        "forgiven_failures": case((is_further, failures), else_=Job.forgiven_failures),
        "forgiven_interruptions": case(
            (is_further, Job.interruptions), else_=Job.forgiven_interruptions
        ),
    }

"""Comparisons are deleted; apart, since handlers of jobs end no job."""

from contextlib import suppress
from uuid import UUID

from sqlalchemy.orm import Session

from app.comparisons.queries import delete_comparison
from app.comparisons.service import find_comparison
from app.core.errors import JobIsFinished
from app.core.settings import Settings
from app.jobs.service import cancel
from app.jobs.tables import JobStatus


def remove_comparison(
    session: Session, comparison_id: UUID, *, settings: Settings
) -> None:
    """Delete a comparison, and cancel its job if that has not ended.

    Raises:
        ComparisonNotFound: no comparison has that id.
    """
    _, job = find_comparison(session, comparison_id)
    if not JobStatus(job.status).is_final:
        with suppress(JobIsFinished):  # meanwhile
            cancel(session, job.id, settings=settings)
    session.execute(delete_comparison(comparison_id))

"""Statements about comparisons, built without a session."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Delete, Select, Update, delete, func, or_, select, update

from app.comparisons.tables import Comparison, ComparisonMoment
from app.jobs.kinds import JobKind
from app.jobs.tables import Job, JobStatus


def comparison_with_job(comparison_id: UUID) -> Select[Comparison, Job]:
    """One comparison with the job that makes it."""
    return _comparisons().where(Comparison.id == comparison_id)


def comparisons_page(
    *, training_id: UUID | None, before: UUID | None, limit: int
) -> Select[Comparison, Job]:
    """A page of comparisons, the newest first; one row more than `limit`."""
    statement = _comparisons()
    if training_id is not None:
        statement = statement.where(Comparison.training_id == training_id)
    if before is not None:
        statement = statement.where(Comparison.id < before)
    return statement.order_by(Comparison.id.desc()).limit(limit + 1)


def waiting_comparisons(project_id: UUID) -> Select[int]:
    """Count a project's comparisons that wait for a worker."""
    return select(func.count(Job.id)).where(
        Job.kind == JobKind.COMPARE,
        Job.status == JobStatus.QUEUED,
        Job.project_id == project_id,
    )


def first_of_training(training_id: UUID) -> Select[Comparison]:
    """The comparison that a training asked for itself: it has its hold-out."""
    return (
        select(Comparison)
        .where(Comparison.training_id == training_id)
        .order_by(Comparison.id)
        .limit(1)
    )


def moments_page(
    comparison: Comparison,
    *,
    models: Sequence[str],
    label: str | None,
    kinds: Sequence[str],
    after: int,
    limit: int,
) -> Select[ComparisonMoment]:
    """A page of what went wrong, by video and time; one row more than `limit`.

    Args:
        models: one of these went wrong there, in one of these `kinds`.
        after: the number of the last one seen; -1: from the first on.
    """
    said = [ComparisonMoment.by_model[name]["kind"].astext for name in models]
    wrong = [one.in_(kinds) for one in said]
    statement = select(ComparisonMoment).where(
        ComparisonMoment.comparison_id == comparison.id,
        ComparisonMoment.number > after,
        or_(*wrong),
    )
    if label is not None:
        statement = statement.where(ComparisonMoment.label == label)
    return statement.order_by(ComparisonMoment.number).limit(limit + 1)


def save_result(comparison_id: UUID, result: dict[str, object]) -> Update:
    """Keep what a comparison came to."""
    return (
        update(Comparison)
        .where(Comparison.id == comparison_id)
        .values(result=result)
        .execution_options(synchronize_session=False)
    )


def delete_comparison(comparison_id: UUID) -> Delete:
    """Delete a comparison; what went wrong goes with it."""
    return delete(Comparison).where(Comparison.id == comparison_id)


def _comparisons() -> Select[Comparison, Job]:
    return select(Comparison, Job).join(Job, Job.id == Comparison.job_id)

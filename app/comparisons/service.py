"""Comparisons in transactions given to it: asked for, found, saved, deleted."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from app.comparisons.problems import ComparisonNotFound
from app.comparisons.queries import (
    comparison_with_job,
    save_result,
)
from app.comparisons.tables import Comparison, ComparisonMoment
from app.core.db.base import new_id, utc_now
from app.jobs.kinds import JobKind
from app.jobs.requests import request
from app.jobs.tables import Job

PRIORITY = -1  # somebody may wait for an analysis

# By video: from and to in seconds.
Holdout = Mapping[UUID, Sequence[tuple[float, float]]]


def ask_for_comparison(
    session: Session,
    *,
    project_id: UUID,
    models: Sequence[str],
    holdout: Holdout,
    training_id: UUID | None = None,
    created_by: str | None = None,
    now: datetime | None = None,
) -> Comparison:
    """Queue a comparison; notify the workers of `JobKind.COMPARE` after the commit.

    Args:
        models: names of checkpoints, two to four, the new one first.
        holdout: stretches that none of them has learned from; of these, what is
            reviewed when the job runs is compared on.
        training_id: the training that made the first model, if one did.
        created_by: `str` of a principal; None: the session's own.

    Raises:
        ValueError: other than two to four models, or no stretch.
    """
    if not 2 <= len(set(models)) == len(models) <= 4:
        raise ValueError(f"two to four different models are compared, got {models}")
    if not any(holdout.values()):
        raise ValueError("a comparison needs stretches")
    comparison_id, now = new_id(), now or utc_now()
    job = request(
        session,
        kind=JobKind.COMPARE,
        video_id=None,
        params={"comparison_id": str(comparison_id)},
        priority=PRIORITY,
    )
    comparison = Comparison(
        id=comparison_id,
        project_id=project_id,
        job_id=job.id,
        training_id=training_id,
        models=list(models),
        holdout=[
            {"video_id": str(video_id), "spans": [[*span] for span in spans]}
            for video_id, spans in holdout.items()
            if spans
        ],
        created_at=now,
    )
    job.project_id = project_id
    session.add(comparison)
    session.flush()
    if created_by is not None:
        job.created_by = comparison.created_by = created_by
        session.flush()
    return comparison


def holdout_of(comparison: Comparison) -> Holdout:
    """Read the stretches of a comparison."""
    return {
        UUID(one["video_id"]): [(start, end) for start, end in one["spans"]]
        for one in comparison.holdout
    }


def find_comparison(session: Session, comparison_id: UUID) -> tuple[Comparison, Job]:
    """Load a comparison with its job.

    Raises:
        ComparisonNotFound: no comparison has that id.
    """
    found = session.execute(comparison_with_job(comparison_id)).one_or_none()
    if found is None:
        raise comparison_not_found(comparison_id)
    return found[0], found[1]


def comparison_not_found(comparison_id: UUID) -> ComparisonNotFound:
    """Say that a comparison is not there."""
    return ComparisonNotFound(f"No comparison has the id {comparison_id}.")


def keep_result(
    session: Session,
    comparison_id: UUID,
    result: dict[str, object],
    moments: Sequence[Mapping[str, object]],
) -> None:
    """Write what a comparison came to; `moments` are columns of `ComparisonMoment`."""
    session.execute(save_result(comparison_id, result))
    rows = [
        {"comparison_id": comparison_id, "number": number, **moment}
        for number, moment in enumerate(moments)
    ]
    if rows:
        session.execute(insert(ComparisonMoment), rows)

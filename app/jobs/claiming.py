"""Which waiting jobs a worker may take, and in which order."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    Update,
    and_,
    case,
    func,
    or_,
    select,
    true,
    type_coerce,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import aliased

from app.jobs.kinds import KINDS, LOWEST_PRIORITY, JobKind
from app.jobs.needs import offers_of
from app.jobs.segment_queries import has_open_segments
from app.jobs.tables import Job, JobStatus
from app.projects.tables import Project

# The order in which waiting jobs are run.
QUEUE_ORDER = (Job.priority.desc(), Job.created_at, Job.id)


def claim_job(
    job_id: UUID,
    *,
    token: UUID,
    owner: str,
    lease: timedelta,
    max_attempts: int,
    max_interruptions: int,
) -> Update:
    """Take a job that waits or whose holder fell silent; no row: not claimable.

    A claim that ended with the death of its worker counts as an interruption, not as
    an attempt: `attempt - interruptions` runs have failed by themselves. What came
    before a run got further than any before is forgiven (see `saved_runs`).
    """
    return (
        update(Job)
        .where(
            Job.id == job_id,
            _is_claimable(max_attempts, max_interruptions),
            _can_run(owner),
        )
        .values(
            status=JobStatus.RUNNING,
            stage=None,
            progress=case(
                (_is_split(), Job.progress),  # as its segments left it
                else_=Job.saved_progress,
            ),
            eta_s=None,
            attempt=Job.attempt + 1,
            interruptions=_interruptions(),
            lease_token=token,
            lease_owner=owner,
            lease_expires_at=func.now() + lease,
            started_at=func.coalesce(Job.started_at, func.now()),
        )
        .execution_options(synchronize_session=False)
    )


def claimable_jobs(
    *,
    kinds: Collection[JobKind],
    max_attempts: int,
    max_interruptions: int,
    limit: int,
    owner: str = "",
    least_priority: int = LOWEST_PRIORITY,
) -> Select[UUID]:
    """List the jobs that `claim_job` would take now, in the order of the queue.

    Projects take turns among jobs of one priority: next comes the project that has the
    fewest jobs running, and of several the one whose turn was longest ago. Within a
    project the oldest comes first. So ten thousand jobs of one project are not in the
    way of another one's three.

    Args:
        owner: the process that would take them.
        least_priority: those of a lower one are left to others.
    """
    turn = func.row_number().over(
        partition_by=Job.priority, order_by=(Job.created_at, Job.id)
    )
    columns = (Job.id, Job.priority, Job.created_at, turn.label("turn"))
    wanted = (
        Job.status.in_((JobStatus.QUEUED, JobStatus.RUNNING)),
        Job.kind.in_(kinds),
        Job.priority >= least_priority,
        _is_claimable(max_attempts, max_interruptions),
        _can_run(owner),
    )
    project = select(Project.id).subquery("project")
    waiting = (
        select(*columns)
        .where(Job.project_id == project.c.id, *wanted)
        .order_by(*QUEUE_ORDER)
        .limit(limit)
        .lateral("waiting")
    )
    running, latest = _share_of(project.c.id, kinds)
    return (
        select(waiting.c.id)
        .select_from(project)
        .join(waiting, true())
        .order_by(
            waiting.c.priority.desc(),
            running + waiting.c.turn,
            latest.nulls_first(),
            *(waiting.c.created_at, waiting.c.id),
        )
        .limit(limit)
    )


def _share_of(
    project_id: ColumnElement[UUID], kinds: Collection[JobKind]
) -> tuple[ColumnElement[int], ColumnElement[datetime]]:
    """Tell how many jobs of a project run, and when the latest one began."""
    its = aliased(Job)
    is_its = and_(its.project_id == project_id, its.kind.in_(kinds))
    is_run = and_(its.status == JobStatus.RUNNING, its.lease_expires_at > func.now())
    running = select(func.count()).where(is_its, is_run).scalar_subquery()
    latest = [
        select(func.max(its.started_at))
        .where(its.project_id == project_id, its.kind == kind)
        .scalar_subquery()
        for kind in kinds
    ]
    return running, func.greatest(*latest)


def _is_claimable(max_attempts: int, max_interruptions: int) -> ColumnElement[bool]:
    return and_(
        ~Job.cancel_requested,
        or_(
            and_(Job.status == JobStatus.QUEUED, ~_waits_for_segments()),
            and_(Job.status == JobStatus.RUNNING, Job.lease_expires_at < func.now()),
        ),
        Job.attempt - _interruptions() - Job.forgiven_failures < max_attempts,
        _interruptions() - Job.forgiven_interruptions < max_interruptions,
    )


def _waits_for_segments() -> ColumnElement[bool]:
    return and_(_is_split(), has_open_segments(Job.id))


def _is_split() -> ColumnElement[bool]:
    """Whether a job waits, or waited, for segments: no other that waits has a stage."""
    return and_(
        Job.kind == JobKind.SPOT,
        Job.status == JobStatus.QUEUED,
        Job.stage.is_not(None),
    )


def _can_run(owner: str) -> ColumnElement[bool]:
    """Whether this release offers what a job needs, and the process did not refuse."""
    needs: ColumnElement[bool] = Job.needs.contained_by(offers_of(KINDS))
    refused: ColumnElement[bool] = type_coerce(Job.refusals, JSONB).has_key(owner)
    return and_(needs, ~refused)


def _interruptions() -> ColumnElement[int]:
    """Count the death of whoever still seems to run the job."""
    return Job.interruptions + case((Job.status == JobStatus.RUNNING, 1), else_=0)


def unclaimable_jobs(
    *, max_attempts: int, max_interruptions: int
) -> ColumnElement[bool]:
    """Waiting jobs that `claim_job` refuses: canceled ones, or tried too often."""
    return and_(
        Job.status == JobStatus.QUEUED,
        or_(
            Job.cancel_requested,
            Job.attempt - Job.interruptions - Job.forgiven_failures >= max_attempts,
            Job.interruptions - Job.forgiven_interruptions >= max_interruptions,
        ),
    )


def queued_jobs(*, kinds: Collection[JobKind], limit: int) -> Select[UUID]:
    """List the jobs that wait for a worker, in the order of the queue."""
    return (
        select(Job.id)
        .where(Job.status == JobStatus.QUEUED, Job.kind.in_(kinds))
        .order_by(*QUEUE_ORDER)
        .limit(limit)
    )

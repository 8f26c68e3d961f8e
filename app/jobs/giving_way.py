"""Analyses of low priority that give way to what a person waits for.

They go on from what they saved; a segment begins anew. Each gives way to one job alone,
the one that began last first; none to a job that a worker has tried already, that its
own worker could not run either, or that has waited so long that giving way seems not to
help.
"""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import Select, and_, func, or_, select, type_coerce
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import aliased

from app.jobs.kinds import KINDS, USUAL_PRIORITY, JobKind
from app.jobs.needs import offers_of
from app.jobs.tables import Job, JobStatus

ANALYSES = (JobKind.SPOT, JobKind.SPOT_SEGMENT)
WAITS_FROM = timedelta(seconds=5)  # a worker that idles takes it before
WAITS_UNTIL = timedelta(minutes=2)


def may_have_to(kind: JobKind, priority: int) -> bool:
    """Whether a run of such a job is one that gives way."""
    return kind in ANALYSES and priority < USUAL_PRIORITY


def gives_way(job_id: UUID) -> Select[bool]:
    """Whether a run is to end now for an analysis that waits; no row: it is gone."""
    mine, later, waiting = Job, aliased(Job), aliased(Job)
    wait = func.now() - waiting.created_at
    waits = (
        select(func.count())
        .where(
            waiting.status == JobStatus.QUEUED,
            waiting.kind == JobKind.SPOT,
            waiting.priority >= USUAL_PRIORITY,
            waiting.attempt == 0,
            waiting.stage.is_(None),  # or it waits for its own segments
            ~waiting.cancel_requested,
            waiting.needs.contained_by(offers_of(KINDS)),
            ~type_coerce(waiting.refusals, JSONB).has_key(
                func.coalesce(mine.lease_owner, "")
            ),
            wait.between(WAITS_FROM, WAITS_UNTIL),
        )
        .correlate(mine)
        .scalar_subquery()
    )
    began_later = (
        select(func.count())
        .where(
            later.status == JobStatus.RUNNING,
            later.kind.in_(ANALYSES),
            later.priority < USUAL_PRIORITY,
            later.lease_expires_at > func.now(),
            or_(
                later.started_at > mine.started_at,
                and_(later.started_at == mine.started_at, later.id > mine.id),
            ),
        )
        .correlate(mine)
        .scalar_subquery()
    )
    return select(began_later < waits).where(mine.id == job_id)

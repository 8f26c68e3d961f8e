"""Jobs that not every worker can run: left to those that can, and what is said of them.

A worker of an older release does not offer what a job needs, and leaves it alone. One
that finds out only while it runs it (a checkpoint that it lacks, or cannot read)
refuses it. A job that no living worker can run says so; where none lives, it waits.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import type_coerce

from app.core.process_identity import ProcessIdentity
from app.core.settings import Settings
from app.health.queries import living_workers
from app.health.tables import WorkerHeartbeat
from app.jobs.attempts import Failure
from app.jobs.kinds import KINDS, JobKind
from app.jobs.needs import is_offered
from app.jobs.problems import NoCapableWorker
from app.jobs.recovery import free_jobs
from app.jobs.settling import end_failed
from app.jobs.tables import Job, JobStatus

SILENT_BEATS = 3  # a worker that missed so many heartbeats is not there

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LivingWorker:
    """A worker process that was heard of lately.

    Attributes:
        owner: as the leases of its jobs name it.
        node: its node name, for people.
        release: of Touchline; None: one that does not tell.
        offers: see `app.jobs.needs`.
    """

    owner: str
    node: str
    release: str | None
    offers: Collection[str] | None

    @classmethod
    def of(cls, row: WorkerHeartbeat) -> "LivingWorker":
        """Read a heartbeat."""
        before, _, owner = row.name.rpartition(" ")
        offers, release = row.info.get("offers"), row.info.get("version")
        return cls(
            owner,
            before.partition(" ")[2],
            None if release is None else str(release),
            [str(one) for one in offers] if isinstance(offers, list) else None,
        )

    def can_run(self, job: Job) -> bool:
        """Whether it offers what a job needs, and has not refused it."""
        return is_offered(job.needs, self.offers) and self.owner not in job.refusals


def workers_of(session: Session, kind: str, settings: Settings) -> list[LivingWorker]:
    """List the living workers that listen where jobs of a kind wait."""
    within: timedelta = settings.heartbeat * SILENT_BEATS
    queue = KINDS[JobKind(kind)].queue
    rows = session.scalars(living_workers(queue, within=within))
    return [LivingWorker.of(row) for row in rows]


def told_refusals(job: Job) -> str:
    """Say why nobody can run a job that workers have refused."""
    if len(job.refusals) == 1:
        return next(iter(job.refusals.values()))
    told = "; ".join(f"{_machine(one)}: {why}" for one, why in job.refusals.items())
    return f"No worker can run this job. {told}"


def sweep_refused(session: Session, *, settings: Settings) -> int:
    """End jobs that every living worker has refused; say of others that none can.

    Returns:
        How many were ended.
    """
    ended = _end_refused(session, settings)
    _tell_unmet(session, settings)
    return ended


def _end_refused(session: Session, settings: Settings) -> int:
    wanted = Job.status == JobStatus.QUEUED, type_coerce(Job.refusals, JSONB) != {}
    count = 0
    for job, video in free_jobs(session, *wanted):
        workers = workers_of(session, job.kind, settings)
        if not workers or any(one.can_run(job) for one in workers):
            continue
        failure = Failure(job.error_code or "", told_refusals(job), retryable=False)
        end_failed(session, job, video, failure, settings=settings)
        count += 1
    return count


def _tell_unmet(session: Session, settings: Settings) -> None:
    """Note on waiting jobs that no living worker offers what they need; or no more."""
    code = NoCapableWorker.code
    is_quiet = or_(Job.error_code.is_(None), Job.error_code == code)
    waiting = (Job.status == JobStatus.QUEUED, Job.needs != [], is_quiet)
    groups = select(Job.kind, Job.needs, func.count()).where(*waiting)
    for kind, needs, count in session.execute(groups.group_by(Job.kind, Job.needs)):
        if kind not in set(KINDS):
            continue
        workers = workers_of(session, kind, settings)
        is_met = any(is_offered(needs, one.offers) for one in workers)
        its = update(Job).where(*waiting, Job.kind == kind, Job.needs == needs)
        if is_met or not workers:
            its = its.where(Job.error_code == code)
            session.execute(its.values(error_code=None, error_detail=None))
            continue
        told = _told_unmet(needs, workers)
        told_now = its.where(Job.error_detail.is_distinct_from(told)).values(
            error_code=code, error_detail=told, error_retryable=True
        )
        if session.scalars(told_now.returning(Job.id)).all():
            log.warning("no_capable_worker", kind=kind, jobs=count, detail=told)


def _told_unmet(needs: Iterable[str], workers: Sequence[LivingWorker]) -> str:
    here = ", ".join(f"{one.node} ({one.release or 'older'})" for one in workers[:5])
    return (
        f"No worker that runs now can do this job: it needs {', '.join(needs)}, which "
        f"these do not offer: {here}. It waits for one of a newer release: update them."
    )


def _machine(owner: str) -> str:
    process = ProcessIdentity.parse(owner)
    return owner if process is None else process.host

"""One run of one job, of whatever kind: claim it, have it handled, write its end.

Celery stays outside: whatever calls `run_job` hands in what it needs. A second call
for the same job finds it held or closed and does nothing.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from uuid import UUID, uuid4

import structlog
from sqlalchemy.exc import OperationalError

from app.core.process_identity import ProcessIdentity
from app.core.storage.interface import StorageUnavailable
from app.core.tracing.context import TraceContext
from app.core.tracing.spans import Span, span
from app.jobs import service
from app.jobs.attempts import Claim, JobProgress, LeaseLost
from app.jobs.giving_way import may_have_to
from app.jobs.kinds import JobKind
from app.jobs.tables import JobStatus
from app.videos.tables import Video
from model.errors import Canceled
from worker.job_task import Handlers, JobResult, JobTask
from worker.lease import Lease
from worker.outcomes import (
    OF_THIS_WORKER,
    WorkerContext,
    failure_of,
    remove_files,
    save_failure,
    save_interruption,
    save_refusal,
    save_split,
    save_stop,
    save_success,
)
from worker.stages import StageClock

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LeaseReporter:
    """Passes on what a handler says: to the lease, and to those that watch."""

    lease: Lease
    context: WorkerContext

    def progress(self, stage: str, done: float, eta_s: float | None = None) -> None:
        """Leave progress for the lease's next tick; see `Reporter`."""
        self.touch()
        self.lease.note(JobProgress(stage, done, eta_s))

    def touch(self) -> None:
        """Say that the run goes on; see `Reporter`."""
        self.context.activity.touch()
        if self.lease.stop is not None:
            raise Canceled(f"the run stops: {self.lease.stop}")


def run_job(
    job_id: UUID, *, context: WorkerContext, handlers: Handlers
) -> JobStatus | None:
    """Run a job to its end; returns what became of it, None if it was not claimable.

    `RUNNING` is a job whose segments go on with it: it waits for them.

    Every write is guarded by the lease: a run that lost it leaves nothing behind. A
    job whose failure may pass goes back into the queue while attempts remain.
    """
    claimed = _claim(job_id, context)
    if claimed is None:
        log.info("job_not_claimable", job=str(job_id))
        return None
    task, claim = claimed
    ids = {"job": str(job_id)}
    if task.video_id is not None:
        ids["video"] = str(task.video_id)
    lease = Lease(
        job_id,
        task.token,
        sessions=context.sessions,
        length=context.settings.lease,
        renew_every=context.settings.heartbeat,
        leaving=context.leaving,
        stages=StageClock(claim.stage_seconds),
        may_give_way=may_have_to(claim.kind, claim.priority),
        is_segment=claim.kind is JobKind.SPOT_SEGMENT,
    )
    with (
        structlog.contextvars.bound_contextvars(**ids),
        _span_of(task, claim) as its,
        context.activity.running(job_id),
    ):
        log.info("job_started", kind=task.kind, attempt=task.attempt)
        try:
            status = _run(task, lease, context, handlers, its)
        except LeaseLost:
            log.warning("lease_lost")
            its.fail("lease_lost")
            return None
        finally:
            for stage, begin_ns, end_ns in lease.stages.parts():
                name = f"{task.kind} {stage}"
                its.add_part(name, begin_ns=begin_ns, end_ns=end_ns)
        its.note({"touchline.job.status": str(status)})
        log.info("job_ended", status=status)
        return status


def _span_of(task: JobTask, claim: Claim) -> AbstractContextManager[Span]:
    """Record the run as part of the trace that asked for the job."""
    facts: dict[str, str | int] = {
        "touchline.job.id": str(task.job_id),
        "touchline.job.kind": str(task.kind),
        "touchline.job.attempt": task.attempt,
    }
    if task.video_id is not None:
        facts["touchline.video.id"] = str(task.video_id)
    parent = TraceContext.parse(claim.traceparent)
    name = f"job {task.kind}"
    return span(name, kind="consumer", parent=parent, attributes=facts)


def _claim(job_id: UUID, context: WorkerContext) -> tuple[JobTask, Claim] | None:
    with context.sessions.begin() as session:
        claim = service.claim(
            session,
            job_id,
            token=uuid4(),
            owner=str(ProcessIdentity.current()),
            settings=context.settings,
        )
        if claim is None:
            return None
        source_key = None
        if claim.video_id is not None:
            source_key = session.get_one(Video, claim.video_id).storage_key
    task = JobTask(
        job_id=job_id,
        kind=claim.kind,
        video_id=claim.video_id,
        source_key=source_key,
        params=claim.params,
        attempt=claim.attempt,
        token=claim.held.token,
    )
    return task, claim


def _run(
    task: JobTask,
    lease: Lease,
    context: WorkerContext,
    handlers: Handlers,
    its: Span,
) -> JobStatus:
    """Have the job handled and write its end; files of one that failed go."""
    new_files: tuple[str, ...] = ()
    status = None
    try:
        try:
            result = _handle(task, lease, context, handlers)
            new_files = tuple(result.new_files)
            LeaseReporter(lease, context).touch()
            if result.segments:
                status = save_split(lease, context, result.segments)
                if status is JobStatus.RUNNING:  # They need what it made.
                    new_files = ()
            else:
                status = save_success(lease, context, result)
        except Canceled:
            status = save_stop(task, lease, context)
        except LeaseLost:
            raise
        except OperationalError as exc:  # Of the database's, not of the video's.
            log.warning("run_interrupted", error=str(exc.orig or exc))
            its.fail("database_away")
            status = save_interruption(lease, context)
        except StorageUnavailable as exc:  # It was waited for as long as is set.
            log.warning("run_interrupted", error=str(exc))
            its.fail("storage_away")
            is_away = not _can_store(context)
            status = save_interruption(lease, context, is_forgiven=is_away)
        except Exception as exc:  # noqa: BLE001  # whatever it is, the job must end
            # A signal that ends this worker also reaches its decoder, whose death is
            # then no failure of the job.
            if lease.stop is not None:
                status = save_stop(task, lease, context)
            else:
                failure = failure_of(exc, task)
                its.fail(failure.code)
                is_own = isinstance(exc, OF_THIS_WORKER)
                save = save_refusal if is_own else save_failure
                status = save(lease, context, failure)
        return status
    finally:
        if status is not JobStatus.SUCCEEDED:
            remove_files(task, lease, context, new_files)


def _can_store(context: WorkerContext) -> bool:
    """Whether the storage answers by now, or for objects other than a job's."""
    try:
        context.storage.check()
    except OSError:
        return False
    return True


def _handle(
    task: JobTask, lease: Lease, context: WorkerContext, handlers: Handlers
) -> JobResult:
    with lease.kept_alive():
        handle = handlers[task.kind]
        return handle(task, context.for_handlers, LeaseReporter(lease, context))

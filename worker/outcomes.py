"""What runs of a worker share, and how a run ends: each end in one transaction.

Every write is guarded by the lease: who lost it writes nothing and leaves no file.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.core.errors import JobFailure, SourceChanged, StorageFull
from app.core.process_identity import ProcessIdentity
from app.core.resources import Resources
from app.core.storage.interface import ObjectChanged, StorageRefused
from app.core.storage.keys import video_prefix
from app.jobs import service
from app.jobs.attempts import STORAGE_FULL, Failure, LeaseLost, Settled
from app.jobs.kinds import KINDS, JobKind
from app.jobs.segment_queries import freed_by
from app.jobs.segments import split
from app.jobs.tables import JobStatus
from model.errors import (
    CheckpointNotFound,
    EngineUnavailable,
    ModelError,
    UnsupportedCheckpoint,
)
from worker.activity import Activity
from worker.job_task import HandlerContext, JobResult, JobTask
from worker.lease import Lease, Stop

if TYPE_CHECKING:  # A worker that spots nothing loads no model.
    from worker.predictor_cache import Predictors

# What is wrong with this worker, and may be right with another.
OF_THIS_WORKER = (CheckpointNotFound, UnsupportedCheckpoint, EngineUnavailable)

SEGMENTS_QUEUE = KINDS[JobKind.SPOT_SEGMENT].queue

SOURCE_CHANGED = (
    "The video's file was replaced in its bucket since the video was made: make a new "
    "video of it, or put the old file back and run the job again."
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerContext(Resources):
    """What every run on this worker shares: the resources, and what is a worker's own.

    Attributes:
        predictors: the checkpoints that are loaded; None in a worker that spots
            nothing.
        node: the worker's name.
        leaving: set when the worker shuts down; a run then gives its job back.
        activity: what this process does now, for those that watch it.
    """

    predictors: "Predictors | None"
    node: str
    leaving: threading.Event
    activity: Activity = field(default_factory=Activity)

    @property
    def for_handlers(self) -> HandlerContext:
        """What of it handlers work with."""
        return HandlerContext(
            self.settings, self.storage, self.sessions, self.predictors
        )


def save_success(lease: Lease, context: WorkerContext, result: JobResult) -> JobStatus:
    """Write what the job found with its end, unless a cancel was accepted; then notify.

    Raises:
        LeaseLost: the job is no longer ours; nothing is written.
    """

    def succeed(session: Session) -> Settled:
        return service.succeed(
            session,
            lease.held,
            settings=context.settings,
            result=result.facts,
            save=result.save,
            then=result.then,
        )

    status = _settle(lease, context, succeed)
    if status is JobStatus.SUCCEEDED:
        made = [(one.id, one.kind) for one in result.then]
        for job_id, kind in [*made, *result.asked]:
            context.notifier.notify_job(job_id, queue=KINDS[kind].queue)
    return status


def save_split(
    lease: Lease, context: WorkerContext, segments: Sequence[Mapping[str, object]]
) -> JobStatus:
    """Queue the job's segments, which it waits for; then notify.

    Returns:
        `RUNNING` if its segments go on with it.

    Raises:
        LeaseLost: the job is no longer ours; nothing is written.
    """
    status = _settle(
        lease,
        context,
        lambda session: split(session, lease.held, segments, settings=context.settings),
    )
    if status is not JobStatus.QUEUED:
        return status
    for _ in segments:  # A message for each worker that may take one.
        context.notifier.notify_job(lease.held.job_id, queue=SEGMENTS_QUEUE)
    return JobStatus.RUNNING


def save_failure(lease: Lease, context: WorkerContext, failure: Failure) -> JobStatus:
    """End the job as failed, or put it back while the failure may pass.

    Raises:
        LeaseLost: the job is no longer ours; nothing is written.
    """
    log.warning("job_failed", code=failure.code, detail=failure.detail)
    # If it goes back into the queue, the sweep notifies a worker, in a while.
    return _settle(
        lease,
        context,
        lambda session: service.fail(
            session, lease.held, failure, settings=context.settings
        ),
    )


def save_refusal(lease: Lease, context: WorkerContext, failure: Failure) -> JobStatus:
    """Leave the job to workers that may be able to run it; it fails if there are none.

    Raises:
        LeaseLost: the job is no longer ours; nothing is written.
    """
    log.warning("job_refused", code=failure.code, detail=failure.detail)
    return _settle(
        lease,
        context,
        lambda session: service.refuse(
            session,
            lease.held,
            failure,
            owner=str(ProcessIdentity.current()),
            settings=context.settings,
        ),
    )


def save_interruption(
    lease: Lease, context: WorkerContext, *, is_forgiven: bool = False
) -> JobStatus:
    """Put the job back after database or storage were away in the middle of its run.

    Args:
        is_forgiven: it does not count; see `TOUCHLINE_MAX_INTERRUPTIONS`.

    Raises:
        LeaseLost: the job is no longer ours; nothing is written.
        OperationalError: it still is; the lease runs out then.
    """
    return _settle(
        lease,
        context,
        lambda session: service.interrupt(
            session, lease.held, settings=context.settings, is_forgiven=is_forgiven
        ),
    )


def save_stop(task: JobTask, lease: Lease, context: WorkerContext) -> JobStatus:
    """Leave the job as the reason for stopping asks: canceled, queued or untouched.

    Raises:
        LeaseLost: the job is no longer ours; nothing is written.
    """
    if lease.stop is Stop.LOST:
        raise LeaseLost
    status = _settle(
        lease,
        context,
        lambda session: service.release(
            session, lease.held, settings=context.settings, counts_as_attempt=False
        ),
    )
    if status is JobStatus.QUEUED:  # Another worker may take it at once.
        context.notifier.notify_job(task.job_id, queue=KINDS[task.kind].queue)
    return status


def remove_files(
    task: JobTask, lease: Lease, context: WorkerContext, keys: tuple[str, ...]
) -> None:
    """Remove what an attempt stored that did not come to its end.

    The files are this attempt's alone, by its token. They stay if its end was saved,
    but the database's answer was lost. If the video is gone, so is its folder, which
    this attempt may have made anew. What cannot be removed now is found by a sweep.
    """
    try:
        with context.sessions() as session:
            has_saved = service.has_saved(session, lease.held)
        if has_saved is None and task.video_id is not None:
            context.storage.delete_prefix(video_prefix(task.video_id))
        elif not has_saved:
            for key in keys:
                context.storage.delete(key)
    except (OSError, SQLAlchemyError) as exc:
        log.warning("files_not_removed", keys=keys, error=str(exc))


def failure_of(exc: Exception, task: JobTask) -> Failure:
    """Say what a user can make of an exception; a bug is logged, not told."""
    if isinstance(exc, ModelError | JobFailure):
        return Failure(exc.code, str(exc), exc.retryable)
    if isinstance(exc, StorageFull):
        return Failure(STORAGE_FULL, exc.detail, retryable=True)
    if isinstance(exc, StorageRefused):
        return Failure("storage_refused", exc.strerror or str(exc), retryable=True)
    if isinstance(exc, ObjectChanged):
        return Failure(SourceChanged.code, SOURCE_CHANGED, retryable=False)
    if isinstance(exc, MemoryError):
        return Failure("out_of_memory", "The worker ran out of memory.", retryable=True)
    log.error("job_crashed", attempt=task.attempt, exc_info=exc)
    return Failure(
        "internal_error",
        "Something broke inside; the worker's log tells what.",
        retryable=True,
    )


def _settle(
    lease: Lease, context: WorkerContext, end: Callable[[Session], Settled]
) -> JobStatus:
    """End a job in one transaction, then announce its webhook."""
    with context.sessions.begin() as session:
        settled = end(session)
        seconds = lease.stages.seconds()
        service.keep_stage_seconds(session, lease.held, seconds)
        freed = session.scalar(freed_by(lease.held.job_id))
    if freed is not None:
        context.notifier.notify_job(freed, queue=SEGMENTS_QUEUE)
    if settled.delivery_id is not None:
        context.notifier.notify_delivery(settled.delivery_id)
    return settled.status

"""Every change of a job's state, in transactions given to it.

    queued ── claim ──> running ── succeed ──> succeeded
      ^                   │ │ └─── fail ─────> failed       (no attempt is left)
      └─ release, fail, ──┘ └───── release, ─> canceled     (a cancel was accepted)
         interrupt, refuse         succeed, fail,
         requeue_orphaned          interrupt, refuse

`cancel` ends a waiting job and asks a running one to stop; `requeue_orphaned` and
`mark_dead`, for jobs whose workers died, are in `recovery`. What a worker does is
guarded by the token of its lease. What is done in segments goes back into the queue
until those have ended: see `segments`.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.orm import Session

from app.core.errors import JobNotFound
from app.core.settings import Settings
from app.jobs.attempts import (
    STORAGE_FULL,
    Claim,
    Failure,
    Held,
    JobProgress,
    LeaseLost,
    NextJob,
    Settled,
)
from app.jobs.claiming import claim_job
from app.jobs.kinds import KINDS, JobKind
from app.jobs.locking import lock_held_job, lock_job
from app.jobs.queries import held_job
from app.jobs.refusals import told_refusals, workers_of
from app.jobs.requests import request
from app.jobs.settling import (
    end,
    end_canceled,
    end_failed,
    refuse_final,
    requeue,
    set_error,
    tell_webhook,
)
from app.jobs.tables import Job, JobStatus


def claim(
    session: Session, job_id: UUID, *, token: UUID, owner: str, settings: Settings
) -> Claim | None:
    """Take a job that waits or whose holder fell silent; None: not claimable."""
    statement = claim_job(
        job_id,
        token=token,
        owner=owner,
        lease=settings.lease,
        max_attempts=settings.max_attempts,
        max_interruptions=settings.max_interruptions,
    )
    returning = statement.returning(
        *(Job.kind, Job.video_id, Job.params),
        *(Job.attempt, Job.stage_seconds, Job.traceparent, Job.priority),
    )
    row = session.execute(returning).one_or_none()
    if row is None:
        return None
    return Claim(
        Held(job_id, token),
        JobKind(row.kind),
        row.video_id,
        params=row.params,
        attempt=row.attempt,
        stage_seconds=row.stage_seconds,
        traceparent=row.traceparent,
        priority=row.priority,
    )


def renew(
    session: Session,
    held: Held,
    *,
    lease: timedelta | None,
    progress: JobProgress | None = None,
    stage_seconds: Mapping[str, float] | None = None,
) -> bool:
    """Show progress and, if a length is given, renew the lease.

    Returns:
        Whether a cancel was accepted: the run must stop.

    Raises:
        LeaseLost: the job is no longer ours.
    """
    values: dict[str, Any] = {}
    if progress is not None:
        values = {"stage": progress.stage, "progress": progress.done}
        values["eta_s"] = progress.eta_s
    if stage_seconds is not None:
        values["stage_seconds"] = dict(stage_seconds)
    if lease is not None:
        values["lease_expires_at"] = func.now() + lease
    statement = held_job(held.job_id, held.token).values(values)
    must_stop: bool | None = session.scalar(statement.returning(Job.cancel_requested))
    if must_stop is None:
        raise LeaseLost
    return must_stop


def keep_stage_seconds(
    session: Session, held: Held, seconds: Mapping[str, float]
) -> None:
    """Keep the time of each stage with a job whose run this transaction has ended."""
    session.get_one(Job, held.job_id).stage_seconds = dict(seconds)


def release(
    session: Session, held: Held, *, settings: Settings, counts_as_attempt: bool
) -> Settled:
    """Put a job back into the queue; one whose cancel was accepted ends instead.

    Raises:
        LeaseLost: the job is no longer ours.
    """
    job, video = lock_held_job(session, held)
    if job.cancel_requested:
        return end_canceled(session, job, video, settings=settings)
    if not counts_as_attempt:
        job.attempt = max(job.attempt - 1, 0)
    return requeue(job)


def interrupt(
    session: Session, held: Held, *, settings: Settings, is_forgiven: bool = False
) -> Settled:
    """Put a job back whose run lost something of ours: it counts as a worker's death.

    One whose cancel was accepted ends as canceled.

    Args:
        is_forgiven: what was lost is lost to all, and no job is given up for it.

    Raises:
        LeaseLost: the job is no longer ours.
    """
    job, video = lock_held_job(session, held)
    if job.cancel_requested:
        return end_canceled(session, job, video, settings=settings)
    job.interruptions += 1
    job.forgiven_interruptions += is_forgiven
    return requeue(job)


def succeed(
    session: Session,
    held: Held,
    *,
    settings: Settings,
    result: Mapping[str, object],
    save: Callable[[Session], None] | None = None,
    then: Sequence[NextJob] = (),
) -> Settled:
    """End a job well; `save` writes what it found in the same transaction.

    One whose cancel was accepted ends as canceled, and nothing is saved.

    Args:
        then: jobs to queue now that this one has ended; notify workers afterwards.

    Raises:
        LeaseLost: the job is no longer ours; nothing is written.
    """
    job, video = lock_held_job(session, held)
    if job.cancel_requested:
        return end_canceled(session, job, video, settings=settings)
    if save is not None:
        save(session)
    for wanted in then:
        _request_next(session, wanted, job)
    end(session, job, JobStatus.SUCCEEDED)
    job.lease_token = held.token  # It tells whose files are kept.
    job.stage, job.progress, job.result = None, 1.0, dict(result)
    job.error_code = job.error_detail = job.error_retryable = None
    counts = result.get("counts")
    events = counts if isinstance(counts, dict) else {}
    return tell_webhook(session, job, video, settings=settings, events=events)


def _request_next(session: Session, wanted: NextJob, job: Job) -> None:
    """Queue what follows a job."""
    made = request(
        session,
        kind=wanted.kind,
        video_id=job.video_id,
        params=wanted.params,
        priority=job.priority,
        parent_id=job.id,
        batch_id=job.batch_id,
        job_id=wanted.id,
    )
    made.created_by = job.created_by


def fail(
    session: Session, held: Held, failure: Failure, *, settings: Settings
) -> Settled:
    """End a job as failed, or put it back while the failure may pass.

    One whose cancel was accepted ends as canceled. A full disk is not counted.

    Raises:
        LeaseLost: the job is no longer ours; nothing is written.
    """
    job, video = lock_held_job(session, held)
    if job.cancel_requested:
        return end_canceled(session, job, video, settings=settings)
    if failure.code == STORAGE_FULL and KINDS[JobKind(job.kind)].waits_for_room:
        job.attempt = max(job.attempt - 1, 0)
        set_error(job, failure)
        return requeue(job)
    if failure.retryable and job.failures < settings.max_attempts:
        set_error(job, failure)
        return requeue(job)
    return end_failed(session, job, video, failure, settings=settings)


def refuse(
    session: Session, held: Held, failure: Failure, *, owner: str, settings: Settings
) -> Settled:
    """Leave a job to workers that may be able to run it; where none is, it fails.

    One whose cancel was accepted ends as canceled.

    Args:
        owner: the process that cannot run it.

    Raises:
        LeaseLost: the job is no longer ours; nothing is written.
    """
    job, video = lock_held_job(session, held)
    if job.cancel_requested:
        return end_canceled(session, job, video, settings=settings)
    job.refusals = {**job.refusals, owner: failure.detail}
    told = Failure(failure.code, told_refusals(job), retryable=False)
    if not any(one.can_run(job) for one in workers_of(session, job.kind, settings)):
        return end_failed(session, job, video, told, settings=settings)
    job.attempt = max(job.attempt - 1, 0)
    set_error(job, told)
    return requeue(job)


def cancel(
    session: Session, job_id: UUID, *, settings: Settings
) -> tuple[Job, UUID | None]:
    """End a waiting job; ask the worker that holds a running one to stop.

    Returns:
        The job, and the webhook message to announce, if any.

    Raises:
        JobNotFound: there is no such job.
        JobIsFinished: it has ended already.
    """
    job, video = lock_job(session, job_id)
    if job is None:
        raise JobNotFound(f"No job has the id {job_id}.")
    refuse_final(job)
    job.cancel_requested = True
    if job.status == JobStatus.RUNNING:
        return job, None
    settled = end_canceled(session, job, video, settings=settings)
    session.flush()
    session.refresh(job)
    return job, settled.delivery_id


def has_saved(session: Session, held: Held) -> bool | None:
    """Whether an attempt's end was saved, for one that was not told; None: job gone.

    The row's lock waits for a transaction that is still under way.
    """
    job = session.get(Job, held.job_id, with_for_update=True)
    if job is None:
        return None
    return job.status == JobStatus.SUCCEEDED and job.lease_token == held.token

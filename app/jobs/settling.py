"""How a locked job is put back or ended, and how its end is told."""

from collections.abc import Mapping

from sqlalchemy import func
from sqlalchemy.orm import Session

from app.core.db.base import utc_now
from app.core.errors import JobFailure, JobIsFinished, TooManyAttempts, WorkerDied
from app.core.settings import Settings
from app.jobs.attempts import Failure, Settled
from app.jobs.kinds import KINDS, JobKind
from app.jobs.tables import Job, JobStatus
from app.videos.tables import Video
from app.webhooks.service import EndStatus, JobOutcome, add_delivery

ENDS: Mapping[JobStatus, EndStatus] = {
    JobStatus.SUCCEEDED: "succeeded",
    JobStatus.FAILED: "failed",
    JobStatus.CANCELED: "canceled",
}


def tell_webhook(
    session: Session,
    job: Job,
    video: Video | None,
    *,
    settings: Settings,
    events: Mapping[str, int] | None = None,
) -> Settled:
    """Add the webhook message of a job that has ended, where its kind sends one.

    Args:
        events: how many of each type a job found that succeeded.
    """
    status = JobStatus(job.status)
    if video is None or video.callback_url is None:
        return Settled(status)
    if not KINDS[JobKind(job.kind)].speaks_for_video:
        return Settled(status)
    error: dict[str, object] | None = None
    if status is JobStatus.FAILED:
        error = {
            "code": job.error_code,
            "detail": job.error_detail,
            "retryable": job.error_retryable,
        }
    delivery_id = add_delivery(
        session,
        JobOutcome(video.id, job.id, ENDS[status], events or {}, error),
        url=video.callback_url,
        base_url=settings.base_url,
        now=utc_now(),
    )
    return Settled(status, delivery_id)


def reason_of_death(job: Job, *, settings: Settings) -> JobFailure:
    """Tell apart what workers did to a job and what the job did by itself."""
    if job.interruptions >= settings.max_interruptions:
        return WorkerDied(
            f"The worker died {job.interruptions} times while it ran this job. This is "
            "a problem of the server (memory, driver), not of the video: see the "
            "worker's log, then run the job again."
        )
    failures = job.attempt - job.interruptions
    why = job.error_detail or "The log of the worker tells why."
    return TooManyAttempts(f"The job failed {failures} times. {why}")


def refuse_final(job: Job) -> None:
    """Raise JobIsFinished if the job has ended already."""
    if JobStatus(job.status).is_final:
        raise JobIsFinished(f"The job has {job.status} already.")


def requeue(job: Job) -> Settled:
    """Put a locked job back into the queue, from its beginning."""
    _drop_lease(job)
    job.status, job.stage, job.progress = JobStatus.QUEUED, None, 0.0
    return Settled(JobStatus.QUEUED)


def _drop_lease(job: Job) -> None:
    job.lease_token = job.lease_owner = job.lease_expires_at = job.eta_s = None


def end(job: Job, status: JobStatus) -> None:
    """End a locked job; its webhook is not told."""
    _drop_lease(job)
    job.status, job.finished_at = status, func.now()


def end_canceled(
    session: Session, job: Job, video: Video | None, *, settings: Settings
) -> Settled:
    """End a locked job as canceled, and tell its webhook."""
    end(job, JobStatus.CANCELED)
    return tell_webhook(session, job, video, settings=settings)


def end_failed(
    session: Session,
    job: Job,
    video: Video | None,
    failure: Failure,
    *,
    settings: Settings,
) -> Settled:
    """End a locked job as failed, and tell its webhook."""
    end(job, JobStatus.FAILED)
    set_error(job, failure)
    return tell_webhook(session, job, video, settings=settings)


def set_error(job: Job, failure: Failure) -> None:
    """Keep why the last run failed."""
    job.error_code, job.error_detail = failure.code, failure.detail
    job.error_retryable = failure.retryable

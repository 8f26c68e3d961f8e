"""How the end of a job is told: to its webhook, and to people."""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from app.core.db.base import utc_now
from app.core.errors import JobFailure, TooManyAttempts, WorkerDied
from app.core.settings import Settings
from app.jobs.attempts import Settled
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

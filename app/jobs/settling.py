"""How a locked job is put back or ended, and how its end is told."""

from collections.abc import Mapping

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.db.base import utc_now
from app.core.errors import JobFailure, JobIsFinished
from app.core.settings import Settings
from app.core.storage.keys import saved_runs_prefix
from app.jobs.attempts import Failure, Settled
from app.jobs.kinds import KINDS, JobKind
from app.jobs.problems import TooManyAttempts, WorkerDied
from app.jobs.segment_queries import end_open_segments, was_split
from app.jobs.tables import Job, JobStatus
from app.videos.queries import add_pending_deletion
from app.videos.tables import Video
from app.webhooks.service import EndStatus, JobOutcome, announce

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
    """Add the webhook messages of a job that has ended, where its kind sends them.

    Args:
        events: how many of each type a job found that succeeded.
    """
    status = JobStatus(job.status)
    spec = KINDS[JobKind(job.kind)]
    if not spec.speaks_for_video and spec.subject is None:
        return Settled(status)
    if spec.is_source and status is JobStatus.SUCCEEDED:
        return Settled(status)
    error: dict[str, object] | None = None
    if status is JobStatus.FAILED:
        error = {
            "code": job.error_code,
            "detail": job.error_detail,
            "retryable": job.error_retryable,
        }
    video_id = None if video is None else video.id
    outcome = JobOutcome(
        *(video_id, job.id, ENDS[status], events or {}, error),
        subject=spec.subject or "video",
        subject_id=None if spec.subject is None else _subject_id(job, spec.subject),
    )
    delivery_id = announce(
        session,
        outcome.message_type,
        project_id=job.project_id,
        data=outcome.data(base_url=settings.base_url),
        video_id=video_id,
        job=job,
        now=utc_now(),
    )
    return Settled(status, delivery_id)


def _subject_id(job: Job, subject: str) -> str:
    """Tell what a job was asked for with, if that is no video."""
    return str(job.params[f"{subject}_id"])


def reason_of_death(job: Job, *, settings: Settings) -> JobFailure:
    """Tell apart what workers did to a job and what the job did by itself."""
    if job.deaths >= settings.max_interruptions:
        return WorkerDied(
            f"The worker died {job.deaths} times while it ran this job. This is "
            "a problem of the server (memory, driver), not of the video: see the "
            "worker's log, then run the job again."
        )
    why = job.error_detail or "The log of the worker tells why."
    return TooManyAttempts(f"The job failed {job.failures} times. {why}")


def refuse_final(job: Job) -> None:
    """Raise JobIsFinished if the job has ended already."""
    if JobStatus(job.status).is_final:
        has = "has been" if job.status == JobStatus.CANCELED else "has"
        raise JobIsFinished(f"The job {has} {job.status} already.")


def requeue(job: Job) -> Settled:
    """Put a locked job back into the queue, where its runs saved it last."""
    _drop_lease(job)
    job.status, job.stage, job.progress = JobStatus.QUEUED, None, job.saved_progress
    return Settled(JobStatus.QUEUED)


def _drop_lease(job: Job) -> None:
    job.lease_token = job.lease_owner = job.lease_expires_at = job.eta_s = None


def end(session: Session, job: Job, status: JobStatus) -> None:
    """End a locked job, and forget what its runs saved; its webhook is not told.

    Segments that it waits for end, too.
    """
    _drop_lease(job)
    is_split = _end_segments(session, job, status)
    if (job.saved_key is not None or is_split) and job.video_id is not None:
        prefix = saved_runs_prefix(job.video_id, job.id)
        session.execute(add_pending_deletion(prefix))
        job.saved_key = None
    job.status, job.finished_at = status, func.now()


def _end_segments(session: Session, job: Job, status: JobStatus) -> bool:
    """End the segments of a job that ends, or those beside one that ends badly.

    Returns:
        Whether the job was split.
    """
    if job.kind == JobKind.SPOT_SEGMENT:
        if status is not JobStatus.SUCCEEDED and job.parent_id is not None:
            session.execute(end_open_segments(job.parent_id, but=job.id))
        return False
    if job.kind != JobKind.SPOT or not session.scalar(select(was_split(job.id))):
        return False
    session.execute(end_open_segments(job.id))
    return True


def end_canceled(
    session: Session, job: Job, video: Video | None, *, settings: Settings
) -> Settled:
    """End a locked job as canceled, and tell its webhook."""
    end(session, job, JobStatus.CANCELED)
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
    end(session, job, JobStatus.FAILED)
    set_error(job, failure)
    return tell_webhook(session, job, video, settings=settings)


def set_error(job: Job, failure: Failure) -> None:
    """Keep why the last run failed."""
    job.error_code, job.error_detail = failure.code, failure.detail
    job.error_retryable = failure.retryable

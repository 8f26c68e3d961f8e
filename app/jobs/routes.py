"""Jobs: look at one, cancel it, analyse a video again."""

from uuid import UUID

from fastapi import Request, Response
from sqlalchemy.orm import Session

from app.checkpoints.catalogue import check_model
from app.core.db.base import new_id, utc_now
from app.core.errors import (
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    InvalidCursor,
    JobIsFinished,
    JobNotFound,
    UnknownModel,
    VideoNotFound,
)
from app.core.http.cursors import JobsCursor
from app.core.http.dependencies import (
    CursorText,
    IdempotencyKey,
    JobId,
    Limit,
    ServiceDep,
    VideoId,
    snapshot,
)
from app.core.http.pagination import paginate
from app.core.http.problems import WITH_JSON, problem_responses
from app.core.http.routing import guarded_router
from app.core.resources import Resources
from app.idempotency.service import job_fingerprint, mark_used, used_before
from app.jobs.queries import jobs_page
from app.jobs.schemas import Job, JobPage, NewJob
from app.jobs.tables import Job as JobRow
from app.jobs.tables import JobStatus
from app.videos.queries import lock_video
from app.videos.service import find_video, video_not_found
from app.videos.tables import Video as VideoRow
from app.webhooks.service import add_canceled

router = guarded_router("jobs")


@router.get("/jobs/{job_id}", responses=problem_responses(JobNotFound))
def get_job(job_id: JobId, service: ServiceDep) -> Job:
    """Look at a job; 200 whatever became of it."""
    with service.sessions() as session:
        job = session.get(JobRow, job_id)
    if job is None:
        raise JobNotFound(f"No job has the id {job_id}.")
    return Job.of(job)


@router.get(
    "/videos/{video_id}/jobs",
    responses=problem_responses(VideoNotFound, InvalidCursor),
)
def list_jobs(
    request: Request,
    response: Response,
    video_id: VideoId,
    service: ServiceDep,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> JobPage:
    """List a video's jobs, the newest first."""
    before = JobsCursor.decode(cursor).before if cursor else None
    with snapshot(service) as session:
        find_video(session, video_id)
        found = session.scalars(jobs_page(video_id, before=before, limit=limit)).all()
    page, next_cursor = paginate(
        found,
        limit=limit,
        cursor_after=lambda job: JobsCursor(before=job.id),
        request=request,
        response=response,
    )
    return JobPage(items=[Job.of(job) for job in page], next_cursor=next_cursor)


@router.post(
    "/videos/{video_id}/jobs",
    status_code=202,
    responses=problem_responses(
        *(
            VideoNotFound,
            UnknownModel,
            IdempotencyKeyInUse,
            IdempotencyKeyReused,
            *WITH_JSON,
        )
    ),
)
def create_job(
    response: Response,
    video_id: VideoId,
    service: ServiceDep,
    wanted: NewJob | None = None,
    idempotency_key: IdempotencyKey = None,
) -> Job:
    """Analyse a video again, with another model if one is named.

    The timeline that is shown stays until the new one is complete. With an
    `Idempotency-Key` the request may be sent again: it is answered with the first
    one's job.
    """
    model = wanted.model if wanted else None
    job, is_new = queue_job(video_id, model, idempotency_key, service=service)
    if is_new:
        service.notifier.notify_job(job.id)
    response.headers["location"] = f"/jobs/{job.id}"
    return Job.of(job)


@router.post(
    "/jobs/{job_id}/cancel",
    status_code=202,
    responses=problem_responses(JobNotFound, JobIsFinished),
)
def cancel_job(job_id: JobId, service: ServiceDep) -> Job:
    """Cancel a job: one that waits at once, one that runs at its next heartbeat."""
    delivery_id = None
    with service.sessions.begin() as session:
        job, video = _lock_job(session, job_id)
        job.cancel(now=utc_now())
        if job.status == JobStatus.CANCELED:
            delivery_id = add_canceled(
                session,
                video_id=video.id,
                job_id=job.id,
                url=video.callback_url,
                base_url=service.settings.base_url,
                now=utc_now(),
            )
    if delivery_id is not None:
        service.notifier.notify_delivery(delivery_id)
    return Job.of(job)


def queue_job(
    video_id: UUID, model: str | None, key: str | None, *, service: Resources
) -> tuple[JobRow, bool]:
    """Queue a job in one transaction; gives the one that the same request made before.

    Returns:
        The job, and whether it is new.

    Raises:
        VideoNotFound, UnknownModel: there is no such video or model.
        IdempotencyKeyInUse, IdempotencyKeyReused: the key belongs to another request.
    """
    fingerprint = job_fingerprint(video_id, model)
    with service.sessions.begin() as session:
        earlier = used_before(session, key, fingerprint=fingerprint)
        if earlier is not None:
            return session.get_one(JobRow, earlier.job_id), False
        if model is not None:
            check_model(model, service.settings)
        # Locked, or a deletion meanwhile would leave the job without its video.
        if session.execute(lock_video(video_id)).one_or_none() is None:
            raise video_not_found(video_id)
        job = JobRow(
            id=new_id(),
            video_id=video_id,
            model=model,
            status=JobStatus.QUEUED,
            created_at=utc_now(),
        )
        session.add(job)
        session.flush()
        mark_used(
            session, key, fingerprint=fingerprint, video_id=video_id, job_id=job.id
        )
    return job, True


def _lock_job(session: Session, job_id: UUID) -> tuple[JobRow, VideoRow]:
    """Lock a job after its video, the order in which a deletion takes them."""
    found = session.get(JobRow, job_id)
    if found is not None:
        session.execute(lock_video(found.video_id))
        job = session.get(JobRow, job_id, with_for_update=True)
        if job is not None:
            return job, session.get_one(VideoRow, job.video_id)
    raise JobNotFound(f"No job has the id {job_id}.")

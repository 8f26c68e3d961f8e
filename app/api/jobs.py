"""Jobs: look at one, cancel it, analyse a video again."""

from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.orm import Session

from app.api.cursors import JobsCursor
from app.api.deps import (
    CursorText,
    JobId,
    Limit,
    ServiceDep,
    SessionDep,
    VideoId,
    require_key,
)
from app.api.pages import cut_page
from app.api.problems import lists_problems
from app.api.schemas import Job, JobPage, NewJob
from app.api.videos import find_video, video_not_found
from app.core.db import models as rows
from app.core.db.base import new_id, utc_now
from app.core.db.queries import jobs_page, lock_video
from app.core.errors import (
    CrossSiteRefused,
    InvalidCursor,
    JobIsFinished,
    JobNotFound,
    UnknownModel,
    VideoNotFound,
)
from app.core.webhook_messages import add_canceled

router = APIRouter(tags=["jobs"], dependencies=[Depends(require_key)])


@router.get("/jobs/{job_id}", responses=lists_problems(JobNotFound))
def get_job(job_id: JobId, session: SessionDep) -> Job:
    """Look at a job; 200 whatever became of it."""
    job = session.get(rows.Job, job_id)
    if job is None:
        raise JobNotFound(f"No job has the id {job_id}.")
    return Job.of(job)


@router.get(
    "/videos/{video_id}/jobs",
    responses=lists_problems(VideoNotFound, InvalidCursor),
)
def list_jobs(
    request: Request,
    response: Response,
    video_id: VideoId,
    session: SessionDep,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> JobPage:
    """List a video's jobs, the newest first."""
    find_video(session, video_id)
    before = JobsCursor.decode(cursor).before if cursor else None
    found = session.scalars(jobs_page(video_id, before=before, limit=limit)).all()
    page, next_cursor = cut_page(
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
    responses=lists_problems(VideoNotFound, UnknownModel, CrossSiteRefused),
)
def create_job(
    response: Response,
    video_id: VideoId,
    service: ServiceDep,
    wanted: NewJob | None = None,
) -> Job:
    """Analyse a video again, with another model if one is named.

    The timeline that is shown stays until the new one is complete.
    """
    model = wanted.model if wanted else None
    if model is not None:
        service.catalogue.check(model)
    job = rows.Job(
        id=new_id(),
        video_id=video_id,
        model=model,
        status=rows.JobStatus.QUEUED,
        created_at=utc_now(),
    )
    with service.sessions.begin() as session:
        # Locked, or a deletion meanwhile would leave the job without its video.
        if session.execute(lock_video(video_id)).one_or_none() is None:
            raise video_not_found(video_id)
        session.add(job)
    service.doorbell.ring_job(job.id)
    response.headers["location"] = f"/jobs/{job.id}"
    return Job.of(job)


@router.post(
    "/jobs/{job_id}/cancel",
    status_code=202,
    responses=lists_problems(JobNotFound, JobIsFinished, CrossSiteRefused),
)
def cancel_job(job_id: JobId, service: ServiceDep) -> Job:
    """Cancel a job: one that waits at once, one that runs at its next heartbeat."""
    delivery_id = None
    with service.sessions.begin() as session:
        job, video = _lock_job(session, job_id)
        job.cancel(now=utc_now())
        if job.status == rows.JobStatus.CANCELED:
            delivery_id = add_canceled(
                session,
                video_id=video.id,
                job_id=job.id,
                url=video.callback_url,
                base_url=service.settings.base_url,
                now=utc_now(),
            )
    if delivery_id is not None:
        service.doorbell.ring_delivery(delivery_id)
    return Job.of(job)


def _lock_job(session: Session, job_id: UUID) -> tuple[rows.Job, rows.Video]:
    """Lock a job after its video, the order in which a deletion takes them."""
    found = session.get(rows.Job, job_id)
    if found is not None:
        session.execute(lock_video(found.video_id))
        job = session.get(rows.Job, job_id, with_for_update=True)
        if job is not None:
            return job, session.get_one(rows.Video, job.video_id)
    raise JobNotFound(f"No job has the id {job_id}.")

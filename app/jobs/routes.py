"""Jobs: look at one, cancel it, analyse a video again."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query, Response
from sqlalchemy.orm import Session

from app.checkpoints.catalogue import check_model
from app.core.db.snapshot import snapshot
from app.core.errors import (
    RULE,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    InvalidCursor,
    InvalidRequest,
    JobIsFinished,
    JobNotFound,
    UnknownModel,
    VideoNotFound,
    VideoNotStored,
)
from app.core.http.dependencies import IdempotencyKey, JobId, ResourcesDep, VideoId
from app.core.http.pagination import PagingDep
from app.core.http.problems import WITH_JSON, problem_responses
from app.core.http.routing import guarded_router
from app.core.resources import Resources
from app.idempotency.fingerprints import job_fingerprint
from app.idempotency.service import mark_used, used_before
from app.jobs.kinds import KINDS, NO_MODEL, JobKind
from app.jobs.queries import jobs_page
from app.jobs.requests import request
from app.jobs.schemas import Job, JobPage, NewJob
from app.jobs.service import cancel
from app.jobs.tables import Job as JobRow
from app.live.service import stop_instead
from app.projects.problems import QueueQuotaReached
from app.projects.quotas import take_queue
from app.sources.service import params_of_source
from app.videos.queries import lock_video
from app.videos.service import find_video, stored_key, video_not_found
from app.videos.tables import Video

router = guarded_router("jobs")


@router.get("/jobs/{job_id}", responses=problem_responses(JobNotFound))
def get_job(job_id: JobId, resources: ResourcesDep) -> Job:
    """Look at a job; 200 whatever became of it."""
    with resources.sessions() as session:
        job = session.get(JobRow, job_id)
    if job is None:
        raise JobNotFound(f"No job has the id {job_id}.")
    return Job.of(job)


@router.get(
    "/videos/{video_id}/jobs",
    responses=problem_responses(VideoNotFound, InvalidCursor),
)
def list_jobs(
    paging: PagingDep,
    video_id: VideoId,
    resources: ResourcesDep,
    kind: Annotated[
        list[JobKind | Literal["all"]],
        Query(description="A kind to list, or `all`; may be given several times."),
    ] = [JobKind.SPOT],  # noqa: B006  # FastAPI copies it
) -> JobPage:
    """List a video's jobs, the newest first; those that analyse it, unless asked.

    `all` leaves out parts of jobs (`spot_segment`); name that kind to see them.
    """
    kinds = [*kind]
    if "all" in kind:
        kinds += [one for one, spec in KINDS.items() if not spec.is_part]
    before = paging.before("jobs")
    with snapshot(resources) as session:
        find_video(session, video_id)
        statement = jobs_page(
            video_id,
            kinds=[JobKind(one) for one in kinds if one != "all"],
            before=before,
            limit=paging.limit,
        )
        found = session.scalars(statement).all()
    page, next_cursor = paging.newest_first("jobs", found, id_of=lambda job: job.id)
    return JobPage(items=[Job.of(job) for job in page], next_cursor=next_cursor)


@router.post(
    "/videos/{video_id}/jobs",
    status_code=202,
    responses=problem_responses(
        *(
            VideoNotFound,
            VideoNotStored,
            UnknownModel,
            QueueQuotaReached,
            InvalidRequest,
            IdempotencyKeyInUse,
            IdempotencyKeyReused,
            *WITH_JSON,
        )
    ),
)
def create_job(
    response: Response,
    video_id: VideoId,
    resources: ResourcesDep,
    wanted: NewJob | None = None,
    idempotency_key: IdempotencyKey = None,
) -> Job:
    """Analyse a video again, with another model if one is named; or do something else.

    The timeline that is shown stays until the new one is complete. With an
    `Idempotency-Key` the request may be sent again: it is answered with the first
    one's job.
    """
    wanted = wanted or NewJob()
    job, is_new = queue_job(video_id, wanted, idempotency_key, resources=resources)
    if is_new:
        resources.notifier.notify_job(job.id, queue=KINDS[wanted.kind].queue)
    response.headers["location"] = f"/jobs/{job.id}"
    return Job.of(job)


@router.post(
    "/jobs/{job_id}/cancel",
    status_code=202,
    responses=problem_responses(JobNotFound, JobIsFinished),
)
def cancel_job(job_id: JobId, resources: ResourcesDep) -> Job:
    """Cancel a job: one that waits at once, one that runs at its next heartbeat.

    A live stream that has begun ends in order, as by `POST /live/{video_id}/stop`;
    canceled once more, it ends at once, and no file is made of its recording.
    """
    with resources.sessions.begin() as session:
        found = session.get(JobRow, job_id)
        if found is not None and stop_instead(session, found):
            return Job.of(found)
        job, delivery_id = cancel(session, job_id, settings=resources.settings)
    if delivery_id is not None:
        resources.notifier.notify_delivery(delivery_id)
    return Job.of(job)


def queue_job(
    video_id: UUID, wanted: NewJob, key: str | None, *, resources: Resources
) -> tuple[JobRow, bool]:
    """Queue a job in one transaction; gives the one that the same request made before.

    Returns:
        The job, and whether it is new.

    Raises:
        VideoNotFound, UnknownModel: there is no such video or model.
        VideoNotStored: the video's file is not here yet.
        QueueQuotaReached: the project has too much waiting.
        InvalidRequest: a model is named for a kind that takes none.
        IdempotencyKeyInUse, IdempotencyKeyReused: the key belongs to another request.
    """
    _check_options(wanted, video_id)
    fingerprint = job_fingerprint(
        *(video_id, wanted.kind, wanted.model),
        priority=wanted.priority,
        encode=wanted.encode,
    )
    with resources.sessions.begin() as session:
        earlier = used_before(session, key, fingerprint=fingerprint)
        if earlier is not None:
            return session.get_one(JobRow, earlier.job_id), False
        if wanted.model is not None:
            check_model(wanted.model, resources.settings)
        # Locked, or a deletion meanwhile would leave the job without its video.
        if session.execute(lock_video(video_id)).one_or_none() is None:
            raise video_not_found(video_id)
        video = session.get_one(Video, video_id)
        params = _params(session, video, wanted)
        is_analysed = KINDS[wanted.kind].is_source or wanted.kind is JobKind.SPOT
        if is_analysed and params.get("model") != NO_MODEL:
            take_queue(session, video.project_id, duration_s=video.duration_s)
        job = request(
            session,
            kind=wanted.kind,
            video_id=video_id,
            params=params,
            priority=wanted.priority,
        )
        mark_used(
            session, key, fingerprint=fingerprint, video_id=video_id, job_id=job.id
        )
    return job, True


def _check_options(wanted: NewJob, video_id: UUID) -> None:
    """Refuse what a kind of job does not take here.

    Raises:
        InvalidRequest: it is so.
    """
    spec = KINDS[wanted.kind]
    if wanted.model is not None and "model" not in spec.options:
        raise InvalidRequest(
            f"A job of the kind {wanted.kind} takes no model.", kind=RULE
        )
    if wanted.encode is not None and "encode" not in spec.options:
        raise InvalidRequest(
            f"A job of the kind {wanted.kind} takes no 'encode'.", kind=RULE
        )
    if spec.own_route is not None:
        path = spec.own_route.format(video_id=video_id)
        raise InvalidRequest(
            f"A job of the kind {wanted.kind} is asked for with POST {path}."
        )


def _params(session: Session, video: Video, wanted: NewJob) -> dict[str, object]:
    """Give the job's params.

    Raises:
        VideoNotStored: it needs the video's file, which is not here yet.
    """
    spec = KINDS[wanted.kind]
    if not spec.is_source:
        stored_key(video)
        return {"model": wanted.model} if "model" in spec.options else {}
    params: dict[str, object] = dict(params_of_source(session, video, wanted.kind))
    if wanted.encode is not None:
        params["encode"] = wanted.encode
    return params

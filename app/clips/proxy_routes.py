"""Proxies: have a copy made that every browser plays."""

from fastapi import Response

from app.clips.proxies import open_job
from app.core.errors import VideoNotFound, VideoNotStored
from app.core.http.dependencies import ResourcesDep, VideoId
from app.core.http.openapi import WITH_LOCATION
from app.core.http.problems import problem_responses
from app.core.http.routing import guarded_router
from app.jobs.kinds import KINDS, JobKind
from app.jobs.requests import request
from app.jobs.schemas import Job
from app.videos.queries import lock_video
from app.videos.service import stored_key, video_not_found
from app.videos.tables import Video

router = guarded_router("videos")


@router.post(
    "/videos/{video_id}/proxy",
    status_code=202,
    responses={202: WITH_LOCATION, **problem_responses(VideoNotFound, VideoNotStored)},
)
def create_proxy(response: Response, video_id: VideoId, resources: ResourcesDep) -> Job:
    """Make a copy that browsers play: H.264 and AAC in MP4, with the same frame times.

    Made without being asked where browsers cannot play the file, see `playable`. One
    that is being made already is given instead of another; the proxy there is stays
    until the new one is complete. `GET /videos/{id}/file?proxy=true` plays it.
    """
    with resources.sessions.begin() as session:
        if session.execute(lock_video(video_id)).one_or_none() is None:
            raise video_not_found(video_id)
        stored_key(session.get_one(Video, video_id))
        earlier = session.scalar(open_job(video_id))
        job = earlier or request(session, kind=JobKind.PROXY, video_id=video_id)
        session.refresh(job)
    if earlier is None:
        resources.notifier.notify_job(job.id, queue=KINDS[JobKind.PROXY].queue)
    response.headers["location"] = f"/jobs/{job.id}"
    return Job.of(job)

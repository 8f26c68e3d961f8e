"""The sample match, for a library that is empty."""

from fastapi import Response

from app.core.db.base import utc_now
from app.core.errors import StorageFull
from app.core.http.dependencies import ResourcesDep
from app.core.http.openapi import WITH_LOCATION
from app.core.http.problems import problem_responses
from app.core.http.routing import guarded_router
from app.jobs.kinds import KINDS, JobKind
from app.projects.problems import QUOTA_PROBLEMS
from app.videos.sample_match import add_sample
from app.videos.schemas import Video

router = guarded_router("videos")


@router.post(
    "/videos/sample",
    name="add_sample_match",
    status_code=202,
    responses={
        200: {
            "model": Video,
            "description": "It is in the library already.",
            **WITH_LOCATION,
        },
        202: {"description": "Added, and queued for analysis.", **WITH_LOCATION},
        **problem_responses(StorageFull, *QUOTA_PROBLEMS),
    },
)
def post_sample(response: Response, resources: ResourcesDep) -> Video:
    """Add the sample match that comes with Touchline: two minutes, rendered.

    It is a video like any other, with teams and kick-off filled in. Asked for again, it
    is answered with the same video, as long as that is not deleted.
    """
    accepted, is_new = add_sample(resources=resources, now=utc_now())
    if is_new:
        queue = KINDS[JobKind(accepted.job.kind)].queue
        resources.notifier.notify_job(accepted.job.id, queue=queue)
    else:
        response.status_code = 200
    response.headers["location"] = f"/videos/{accepted.video.id}"
    return Video.of(*accepted)

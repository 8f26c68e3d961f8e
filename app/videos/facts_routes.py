"""Match facts: title, date, competition, teams and halves of a video."""

from fastapi import Response

from app.core.errors import VideoNotFound
from app.core.http.dependencies import ResourcesDep, VideoId
from app.core.http.openapi import WITH_ETAG
from app.core.http.precondition_headers import IfMatch
from app.core.http.preconditions import etag_of
from app.core.http.problems import WITH_JSON, problem_responses
from app.core.http.routing import guarded_router
from app.videos.facts import change_facts
from app.videos.facts_schemas import NewFacts
from app.videos.problems import FactsChanged
from app.videos.queries import video_with_jobs
from app.videos.schemas import Video

router = guarded_router("videos")


@router.patch(
    "/videos/{video_id}",
    responses={
        200: WITH_ETAG,
        **problem_responses(VideoNotFound, FactsChanged, *WITH_JSON),
    },
)
def change_video(
    response: Response,
    video_id: VideoId,
    wanted: NewFacts,
    resources: ResourcesDep,
    if_match: IfMatch = None,
) -> Video:
    """Change a video's title and match facts; what is left out stays, null clears.

    With `If-Match` nothing is changed that somebody else has changed meanwhile. The
    `ETag` of a video counts these changes and no others.
    """
    with resources.sessions.begin() as session:
        change_facts(session, video_id, wanted.changes(), if_match=if_match)
        session.flush()
        found = session.execute(video_with_jobs(video_id)).one()
    response.headers["etag"] = etag_of(found[0].facts_version)
    return Video.of(*found)

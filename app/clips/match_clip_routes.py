"""Clips of several matches: asked for by their events; and all clips of a project."""

from fastapi import Request, Response

from app.clips.chosen_events import choose_matches
from app.clips.clip_routes import Chosen, clip_page, make_clip
from app.clips.problems import CannotCut, ClipNotFound
from app.clips.request_schemas import NewClipOfMatches
from app.clips.schemas import Clip, ClipPage
from app.clips.searched_events import SelectedEvents, events_of_search
from app.core.errors import (
    EventNotFound,
    FramesUnknown,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    InvalidCursor,
    VideoNotFound,
    VideoNotStored,
)
from app.core.http.dependencies import IdempotencyKey, ResourcesDep
from app.core.http.pagination import PagingDep
from app.core.http.problems import WITH_JSON, problem_responses
from app.core.http.routing import guarded_router
from app.search.problems import SearchNotFound
from app.timelines.problems import AnalysisTooOld, NoTimeline, ScoresNotFound

router = guarded_router("clips")


@router.post(
    "/clips",
    status_code=202,
    responses=problem_responses(
        *(VideoNotFound, VideoNotStored, EventNotFound, NoTimeline, FramesUnknown),
        *(CannotCut, ScoresNotFound, AnalysisTooOld, SearchNotFound, ClipNotFound),
        *(IdempotencyKeyInUse, IdempotencyKeyReused, *WITH_JSON),
    ),
)
def create_clip_of_matches(
    request: Request,
    response: Response,
    resources: ResourcesDep,
    wanted: NewClipOfMatches,
    idempotency_key: IdempotencyKey = None,
) -> Clip:
    """Make clips of events of several videos: a reel, an archive, or a playlist.

    The events are named, or are what a saved search finds now.

    Pictures get the size of the largest video, with black bars where another has
    another shape. The clip is the project's: its end is told to webhooks of the
    project, to no `callback_url`. It is deleted with any of its videos.
    """

    def choose() -> Chosen:
        taken = SelectedEvents(wanted.events or [], is_part=False)
        if wanted.search_id is not None:
            taken = events_of_search(wanted.search_id, resources)
        found = choose_matches(taken.events, resources, provenance=wanted.provenance)
        return Chosen(found, taken.is_part)

    return make_clip(
        *(request, response, resources, wanted),
        choose=choose,
        video_id=None,
        idempotency_key=idempotency_key,
    )


@router.get("/clips", responses=problem_responses(InvalidCursor))
def list_all_clips(paging: PagingDep, resources: ResourcesDep) -> ClipPage:
    """List all clips of the project, the newest first."""
    return clip_page(paging, resources, video_id=None)

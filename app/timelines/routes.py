"""Events and score curves of the timeline a video shows."""

from dataclasses import replace
from typing import Annotated

from fastapi import Query, Request, Response
from fastapi.responses import JSONResponse

from app.annotations.wire import event_item
from app.core.db.snapshot import snapshot
from app.core.errors import (
    RULE,
    InvalidCursor,
    InvalidRequest,
    UnknownType,
    VideoNotFound,
)
from app.core.http.cursors import EventsCursor
from app.core.http.dependencies import CursorText, ResourcesDep, VideoId
from app.core.http.openapi import WITH_ETAG
from app.core.http.pagination import json_answer, paginate
from app.core.http.precondition_headers import IfNoneMatch
from app.core.http.problems import problem_responses
from app.core.http.routing import guarded_router
from app.core.resources import Resources
from app.timelines.exports import EXPORTS, Export
from app.timelines.found_events import EventsRequest, event_facts, find_events
from app.timelines.parameters import (
    DEFAULT_MARGINS,
    JSON,
    ClipMargins,
    ClipMarginsDep,
    EventFormat,
    EventQueryDep,
    FromS,
    Halves,
    Order,
    SourceOfEvents,
    ToS,
    WithGhosts,
    WithProvenance,
    formats_answer,
    formats_schema,
)
from app.timelines.problems import (
    AnalysisTooOld,
    FormatCannotHold,
    NoTimeline,
    ScoresNotFound,
    UnknownTeam,
)
from app.timelines.schemas import Timeline
from app.timelines.scores import stored_curves
from app.timelines.shown import shown_analysis
from app.timelines.threshold_parameters import THRESHOLDS, AskedThresholds
from app.videos.frame_times import load_frame_times
from app.videos.service import find_video
from model.data.formats.clock import seems_constant
from model.data.formats.events import ExportedVideo
from model.data.formats.provenance import KEY

router = guarded_router("events")

DEFAULT_LIMIT = 100
EVENT_PROBLEMS = (
    *(VideoNotFound, ScoresNotFound, AnalysisTooOld, NoTimeline),
    *(UnknownType, UnknownTeam),
)


@router.get(
    "/videos/{video_id}/events",
    response_model=formats_schema(),
    responses={
        200: {**formats_answer(), **WITH_ETAG},
        304: {"description": "The timeline is the one that If-None-Match names."},
        **problem_responses(*EVENT_PROBLEMS, InvalidCursor, FormatCannotHold),
    },
    openapi_extra=THRESHOLDS,
)
def list_events(
    request: Request,
    response: Response,
    video_id: VideoId,
    resources: ResourcesDep,
    wanted: EventQueryDep,
    thresholds: AskedThresholds,
    source: SourceOfEvents = "all",
    ghosts: WithGhosts = False,
    limit: Annotated[
        int | None,
        Query(
            ge=1,
            le=1000,
            description=f"Most events in an answer; in JSON {DEFAULT_LIMIT} if left "
            "out, in the other formats all.",
        ),
    ] = None,
    cursor: CursorText = None,
    form: EventFormat = JSON,
    margins: ClipMarginsDep = DEFAULT_MARGINS,
    halves: Halves = "facts",
    provenance: WithProvenance = False,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """List the events of the timeline that is shown: what the model suggests, and what
    people made of it.

    A new analysis of the video changes nothing here until it is complete, and then
    nothing that a person decided; a list that is being paged stays with the analysis
    it began with.
    """
    if ghosts and form != JSON:
        raise InvalidRequest(
            "Ghosts are no events: no file has them, only JSON.", kind=RULE
        )
    start = EventsCursor.decode(cursor) if cursor else None
    wanted = replace(wanted, is_human=source == "human")
    asked = EventsRequest(
        *(video_id, wanted, source == "model", start),
        thresholds=thresholds,
        ghosts=ghosts,
        provenance=provenance,
    )
    if form != JSON:
        return _export(EXPORTS[form], asked, resources, margins, halves, limit)
    order: Order = "desc" if wanted.is_descending else "asc"
    if start is not None and start.order != order:
        raise InvalidCursor("The cursor was made for the other order.")
    count = limit or DEFAULT_LIMIT
    found = find_events(asked, resources, limit=count + 1, has=if_none_match)
    if found.is_known:
        return Response(status_code=304, headers={"etag": found.etag})
    page, next_cursor = paginate(
        found.events,
        limit=count,
        cursor_after=lambda event: EventsCursor(
            analysis=found.analysis_id, order=order, time_ms=event.time_ms, id=event.id
        ),
        request=request,
        response=response,
    )
    response.headers["etag"] = found.etag
    items = [event_item(event) for event in page]
    body: dict[str, object] = {"items": items, "next_cursor": next_cursor}
    if found.provenance is not None:
        is_part = start is not None or next_cursor is not None
        told = found.provenance.cut_short(count) if is_part else found.provenance
        body[KEY] = told.to_dict()
    return json_answer(body, response)


def _add_export(export: Export) -> None:
    """Add the path of a file."""

    def export_events(
        video_id: VideoId,
        resources: ResourcesDep,
        wanted: EventQueryDep,
        thresholds: AskedThresholds,
        margins: ClipMarginsDep,
        source: SourceOfEvents = "all",
        halves: Halves = "facts",
        provenance: WithProvenance = False,
    ) -> Response:
        wanted = replace(wanted, is_human=source == "human")
        asked = EventsRequest(
            *(video_id, wanted, source == "model"),
            thresholds=thresholds,
            provenance=provenance,
        )
        return _export(export, asked, resources, margins, halves)

    router.get(
        f"/videos/{{video_id}}/{export.path}",
        name=f"export_events_{export.name.replace('-', '_')}",
        summary=f"Export Events {export.name}",
        description=f"All events of the timeline that is shown, as {export.title}.",
        response_model=export.schema,
        response_class=JSONResponse if export.schema else Response,
        responses={
            200: export.documented_answer(),
            **problem_responses(*EVENT_PROBLEMS, FormatCannotHold),
        },
        openapi_extra=THRESHOLDS,
    )(export_events)


for _one in EXPORTS.values():
    _add_export(_one)


@router.get(
    "/videos/{video_id}/timeline",
    name="get_timeline",
    deprecated=True,  # as the curves were called first; it stays
    responses=problem_responses(VideoNotFound, ScoresNotFound, NoTimeline),
)
@router.get(
    "/videos/{video_id}/scores",
    responses=problem_responses(VideoNotFound, ScoresNotFound, NoTimeline),
)
def get_scores(
    video_id: VideoId,
    resources: ResourcesDep,
    from_s: FromS = None,
    to_s: ToS = None,
    points: Annotated[
        int,
        Query(ge=1, le=20_000, description="Most steps in the answer."),
    ] = 1000,
) -> Timeline:
    """Read the score curves of any stretch, thinned so that no peak is lost.

    Where steps are thinned, a point stands for several: it carries every label's
    highest score among them, and the time of the highest of all.
    """
    with snapshot(resources) as session:
        _, analysis = shown_analysis(session, video_id)
    try:
        curves = stored_curves(analysis, resources.storage)
    except ScoresNotFound:
        with resources.sessions() as session:
            find_video(session, video_id)  # It may have been deleted meanwhile.
        raise
    stretch = curves.between(from_s, to_s)
    return Timeline.of(
        video_id, analysis.job_id, stretch.thinned(points), steps=len(stretch)
    )


def _export(
    export: Export,
    asked: EventsRequest,
    resources: Resources,
    margins: ClipMargins,
    halves: Halves,
    limit: int | None = None,
) -> Response:
    found = find_events(asked, resources, limit=limit)
    video, told = found.video, found.provenance
    if told is not None and limit is not None and len(found.events) == limit:
        told = told.cut_short(limit)
    starts_s = (half["start_s"] for half in video.halves or ())
    name = video.title or video.filename or str(video.id)
    facts = [event_facts(event) for event in found.events]
    times = load_frame_times(video, resources.storage)
    exported = ExportedVideo(
        name,
        video.fps if times is None else times.fps,
        is_constant=times.is_constant if times else seems_constant(facts, video.fps),
        duration_s=video.duration_s,
        frame_count=None if times is None else len(times),
        lead_s=margins.lead_s,
        lag_s=margins.lag_s,
        half_starts_s=tuple(starts_s) if halves == "facts" else (),
        provenance=told,
    )
    return export.answer(facts, exported)

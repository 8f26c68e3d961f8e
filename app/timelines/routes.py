"""Events and score curves of the timeline a video shows."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import Row
from sqlalchemy.orm import Session

from app.core.errors import (
    InvalidCursor,
    NoTimeline,
    ScoresNotFound,
    UnknownTeam,
    UnknownType,
    VideoNotFound,
)
from app.core.http.cursors import EventsCursor
from app.core.http.dependencies import (
    CursorText,
    ResourcesDep,
    VideoId,
    snapshot,
)
from app.core.http.pagination import json_answer, paginate
from app.core.http.problems import problem_responses
from app.core.http.routing import guarded_router
from app.core.resources import Resources
from app.jobs.tables import Job as JobRow
from app.jobs.tables import JobStatus
from app.timelines.exports import EXPORTS, Export, ExportedVideo
from app.timelines.filters import check_teams, check_types
from app.timelines.parameters import (
    JSON,
    EventFilterDep,
    EventFormat,
    FromS,
    Order,
    ToS,
    formats_answer,
    formats_schema,
)
from app.timelines.queries import EventFilter, analysis_of, events_of
from app.timelines.schemas import Timeline
from app.timelines.scores import stored_curves
from app.timelines.tables import Analysis
from app.videos.queries import video_with_jobs
from app.videos.service import find_video, video_not_found
from app.videos.tables import Video as VideoRow
from model.spotting.formats import EventFacts, event_object

router = guarded_router("events")

DEFAULT_LIMIT = 100
EVENT_PROBLEMS = (VideoNotFound, ScoresNotFound, NoTimeline, UnknownType, UnknownTeam)
EventRow = Row[int, int, int, str, float, str | None]


@router.get(
    "/videos/{video_id}/events",
    response_model=formats_schema(),
    responses={
        200: formats_answer(),
        **problem_responses(*EVENT_PROBLEMS, InvalidCursor),
    },
)
def list_events(
    request: Request,
    response: Response,
    video_id: VideoId,
    resources: ResourcesDep,
    wanted: EventFilterDep,
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
) -> Response:
    """List the events of the timeline that is shown, as JSON, CSV or SoccerNet's JSON.

    A new analysis of the video changes nothing here until it is complete; a list that
    is being paged stays with the timeline it began with.
    """
    start = EventsCursor.decode(cursor) if cursor else None
    if form != JSON:
        return _export(EXPORTS[form], video_id, resources, wanted, start, limit)
    order: Order = "desc" if wanted.is_descending else "asc"
    if start is not None and start.order != order:
        raise InvalidCursor("The cursor was made for the other order.")
    _, job_id, found = _found(
        *(video_id, resources, wanted, start),
        after=(start.time_ms, start.seq) if start is not None else None,
        limit=(limit or DEFAULT_LIMIT) + 1,
    )
    page, next_cursor = paginate(
        found,
        limit=limit or DEFAULT_LIMIT,
        cursor_after=lambda event: EventsCursor(
            job=job_id, order=order, time_ms=event.time_ms, seq=event.seq
        ),
        request=request,
        response=response,
    )
    items = [event_object(_facts(event, job_id)) for event in page]
    return json_answer({"items": items, "next_cursor": next_cursor}, response)


def _add_export(export: Export) -> None:
    """Add the path of a file."""

    def export_events(
        video_id: VideoId, resources: ResourcesDep, wanted: EventFilterDep
    ) -> Response:
        return _export(export, video_id, resources, wanted)

    router.get(
        f"/videos/{{video_id}}/{export.path}",
        name=f"export_events_{export.name}",
        summary=f"Export Events {export.name}",
        description=f"All events of the timeline that is shown, as {export.title}.",
        response_model=export.schema,
        response_class=JSONResponse if export.schema else Response,
        responses={
            200: export.documented_answer(),
            **problem_responses(*EVENT_PROBLEMS),
        },
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
        _, analysis = _analysis_to_read(session, video_id, None)
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


def _analysis_to_read(
    session: Session, video_id: UUID, start: EventsCursor | None
) -> tuple[VideoRow, Analysis]:
    """Find a video and the analysis that is read: the cursor's, else the shown one.

    Raises:
        VideoNotFound: no video has that id.
        NoTimeline: no job has come to its end yet.
        InvalidCursor: the cursor's job is not one of this video.
    """
    found = session.execute(video_with_jobs(video_id)).one_or_none()
    if found is None:
        raise video_not_found(video_id)
    video, latest, shown = found
    if start is None:
        if shown is None:
            raise _no_timeline(latest)
        return video, shown
    analysis = session.scalar(analysis_of(start.job))
    if analysis is None or analysis.video_id != video.id:
        raise InvalidCursor("The cursor was made for another video.")
    return video, analysis


def _no_timeline(job: JobRow) -> NoTimeline:
    words = {
        JobStatus.QUEUED: "its job waits for a worker; try again later",
        JobStatus.RUNNING: f"its job is at {job.progress:.0%}; try again later",
        JobStatus.FAILED: f"its job failed: {job.error_detail}",
        JobStatus.CANCELED: "its job was canceled; start another one",
        JobStatus.SUCCEEDED: "its job ended without one; start another one",
    }
    return NoTimeline(
        f"The video has no timeline yet: {words[JobStatus(job.status)]}.",
        status_of_job=job.status,
        job=f"/jobs/{job.id}",
    )


def _facts(event: EventRow, job_id: UUID) -> EventFacts:
    """Read what every form tells of an event."""
    seq, time_ms, frame, label, score, team = event
    return EventFacts(f"{job_id}.{seq}", label, time_ms, frame, score, team)


def _export(
    export: Export,
    video_id: UUID,
    resources: Resources,
    wanted: EventFilter,
    start: EventsCursor | None = None,
    limit: int | None = None,
) -> Response:
    video, job_id, found = _found(video_id, resources, wanted, start, limit=limit)
    name = video.title or video.filename or str(video.id)
    facts = [_facts(event, job_id) for event in found]
    return export.answer(facts, ExportedVideo(name, video.fps))


def _found(
    video_id: UUID,
    resources: Resources,
    wanted: EventFilter,
    start: EventsCursor | None,
    *,
    after: tuple[int, int] | None = None,
    limit: int | None,
) -> tuple[VideoRow, UUID, Sequence[EventRow]]:
    """Find the video, the job of the timeline that is read, and its events."""
    with snapshot(resources) as session:
        video, analysis = _analysis_to_read(session, video_id, start)
        check_types(wanted.labels, analysis, resources.storage)
        check_teams(wanted.teams, analysis)
        statement = events_of(video_id, analysis.id, wanted, after=after, limit=limit)
        return video, analysis.job_id, session.execute(statement).all()

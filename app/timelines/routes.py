"""Events and score curves of the timeline a video shows."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Literal
from urllib.parse import quote
from uuid import UUID

from fastapi import Query, Request, Response
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
from app.jobs.tables import Job as JobRow
from app.jobs.tables import JobStatus
from app.timelines.filters import check_teams, check_types
from app.timelines.queries import EventFilter, analysis_of, events_of
from app.timelines.schemas import EventPage, SoccerNetPredictions, Timeline
from app.timelines.scores import stored_curves
from app.timelines.tables import Analysis
from app.videos.queries import video_with_jobs
from app.videos.service import find_video, video_not_found
from app.videos.tables import Video as VideoRow
from model.spotting.formats import EventFacts, event_object, to_csv, to_soccernet

router = guarded_router("events")

DEFAULT_LIMIT = 100
MAX_SECONDS = 1e7
Order = Literal["asc", "desc"]


class EventFormat(StrEnum):
    """The forms a list of events can be had in."""

    JSON = "json"  # pages of event objects
    CSV = "csv"  # one table
    SOCCERNET = "soccernet"  # results_spotting.json


FromS = Annotated[
    float | None,
    Query(ge=0, le=MAX_SECONDS, allow_inf_nan=False, description="Included."),
]
ToS = Annotated[
    float | None,
    Query(ge=0, le=MAX_SECONDS, allow_inf_nan=False, description="Included."),
]


@router.get(
    "/videos/{video_id}/events",
    response_model=EventPage | SoccerNetPredictions,
    responses={
        200: {
            "description": "Events by time: `EventPage` for format=json, "
            "`SoccerNetPredictions` for format=soccernet, a table for format=csv.",
            "content": {"text/csv": {"schema": {"type": "string"}}},
        },
        **problem_responses(
            *(VideoNotFound, ScoresNotFound),
            *(NoTimeline, UnknownType, UnknownTeam, InvalidCursor),
        ),
    },
)
def list_events(  # one parameter a filter
    request: Request,
    response: Response,
    video_id: VideoId,
    resources: ResourcesDep,
    types: Annotated[
        list[str],
        Query(alias="type", description="A type to keep; may be given several times."),
    ] = [],  # noqa: B006  # FastAPI copies it
    teams: Annotated[
        list[str],
        Query(
            alias="team",
            description="A team to keep, of those in the timeline's `checkpoint`; may "
            "be given several times.",
        ),
    ] = [],  # noqa: B006  # FastAPI copies it
    min_score: Annotated[float | None, Query(ge=0, le=1)] = None,
    from_s: FromS = None,
    to_s: ToS = None,
    order: Annotated[Order, Query(description="By time.")] = "asc",
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
    form: Annotated[EventFormat, Query(alias="format")] = EventFormat.JSON,
) -> Response:
    """List the events of the timeline that is shown, as JSON, CSV or SoccerNet's JSON.

    A new analysis of the video changes nothing here until it is complete; a list that
    is being paged stays with the timeline it began with.
    """
    start = EventsCursor.decode(cursor) if cursor else None
    if start is not None and start.order != order and form is EventFormat.JSON:
        raise InvalidCursor("The cursor was made for the other order.")
    wanted = EventFilter(
        labels=types,
        teams=teams,
        min_score=min_score,
        from_ms=None if from_s is None else round(from_s * 1000),
        to_ms=None if to_s is None else round(to_s * 1000),
        is_descending=order == "desc",
    )
    after, most = None, limit
    if form is EventFormat.JSON:
        after = (start.time_ms, start.seq) if start is not None else None
        most = (limit or DEFAULT_LIMIT) + 1
    with snapshot(resources) as session:
        video, analysis = _analysis_to_read(session, video_id, start)
        check_types(types, analysis, resources.storage)
        check_teams(teams, analysis)
        statement = events_of(video_id, analysis.id, wanted, after=after, limit=most)
        found = session.execute(statement).all()
    job_id = analysis.job_id
    if form is not EventFormat.JSON:
        return _file_of([_facts(event, job_id) for event in found], video, form)
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


def _facts(
    event: Row[int, int, int, str, float, str | None], job_id: UUID
) -> EventFacts:
    """Read what every form tells of an event."""
    seq, time_ms, frame, label, score, team = event
    return EventFacts(f"{job_id}.{seq}", label, time_ms, frame, score, team)


def _file_of(
    facts: Sequence[EventFacts], video: VideoRow, form: EventFormat
) -> Response:
    name = video.title or video.filename or str(video.id)
    if form is EventFormat.CSV:
        text, media_type, ending = to_csv(facts), "text/csv", "csv"
    else:
        text = to_soccernet(facts, name=name, fps=video.fps)
        media_type, ending = "application/json", "json"
    filename = quote(f"{name}.{ending}", safe="")
    return Response(
        text,
        media_type=media_type,
        headers={"content-disposition": f"attachment; filename*=UTF-8''{filename}"},
    )

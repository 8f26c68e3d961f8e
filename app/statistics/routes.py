"""Statistics of a match, from the timeline as people have corrected it."""

from dataclasses import replace
from typing import Annotated, Literal
from urllib.parse import quote
from uuid import UUID

from fastapi import Depends, Query, Response

from app.annotations.selection import SHOWN, EventQuery
from app.core.errors import (
    UnknownType,
    VideoNotFound,
)
from app.core.http.dependencies import ResourcesDep, VideoId
from app.core.http.openapi import WITH_ETAG
from app.core.http.pagination import json_answer
from app.core.http.precondition_headers import IfNoneMatch
from app.core.http.preconditions import is_same
from app.core.http.problems import problem_responses
from app.core.http.routing import guarded_router
from app.statistics.compare import Side, compare_matches, same_team
from app.statistics.match import (
    DEFAULT_BIN_S,
    DEFAULT_LONGEST,
    MatchStatistics,
    StatisticsOptions,
    measure_match,
)
from app.statistics.play import Moment
from app.statistics.schemas import Statistics
from app.statistics.sequences import DEFAULT_GAP_S, PASSES, SHOTS
from app.statistics.table import to_table
from app.timelines.found_events import EventsRequest, EventsResult, find_events
from app.timelines.parameters import WithProvenance
from app.timelines.problems import (
    AnalysisTooOld,
    FormatCannotHold,
    NoTimeline,
    ScoresNotFound,
    UnknownTeam,
)
from app.timelines.schemas import EventStateName
from model.errors import CannotWrite

router = guarded_router("statistics")


def _options(
    bin_s: Annotated[
        float,
        Query(ge=10, le=86_400, description="How long a bin of time is."),
    ] = DEFAULT_BIN_S,
    gap_s: Annotated[
        float,
        Query(
            ge=0,
            le=3600,
            description="A sequence ends after so long without an event.",
        ),
    ] = DEFAULT_GAP_S,
    pass_types: Annotated[
        list[str],
        Query(
            alias="pass_type",
            description="What is a pass; may be given several times. Upper and lower "
            "case are the same.",
        ),
    ] = list(PASSES),  # noqa: B006  # FastAPI copies it
    shot_types: Annotated[
        list[str],
        Query(alias="shot_type", description="What is a shot, likewise."),
    ] = list(SHOTS),  # noqa: B006  # FastAPI copies it
    longest: Annotated[
        int, Query(ge=0, le=100, description="How many sequences are told.")
    ] = DEFAULT_LONGEST,
    changes_ends: Annotated[
        bool,
        Query(
            description="Events name the end of the pitch, and teams change ends with "
            "each half: in every second half the sides of the match facts are swapped."
        ),
    ] = False,
) -> StatisticsOptions:
    return StatisticsOptions(
        bin_s, gap_s, pass_types, shot_types, longest, changes_ends
    )


def _event_query(
    min_score: Annotated[
        float | None,
        Query(
            ge=0,
            le=1,
            description="Of what the model suggests; what a person decided counts.",
        ),
    ] = None,
    states: Annotated[
        list[EventStateName],
        Query(
            alias="state",
            description="A state to count; may be given several times. If left out: "
            "all but rejected.",
        ),
    ] = [],  # noqa: B006  # FastAPI copies it
) -> EventQuery:
    return EventQuery(min_score=min_score, states=frozenset(states) or SHOWN)


@router.get(
    "/videos/{video_id}/statistics",
    response_model=Statistics,
    responses={
        200: {
            "description": "`Statistics` for format=json, a table for format=csv.",
            "content": {"text/csv": {"schema": {"type": "string"}}},
            **WITH_ETAG,
        },
        304: {"description": "They are those that If-None-Match names."},
        **problem_responses(
            *(VideoNotFound, NoTimeline, ScoresNotFound, AnalysisTooOld),
            *(UnknownType, UnknownTeam, FormatCannotHold),
        ),
    },
)
def get_statistics(
    response: Response,
    video_id: VideoId,
    resources: ResourcesDep,
    options: Annotated[StatisticsOptions, Depends(_options)],
    wanted: Annotated[EventQuery, Depends(_event_query)],
    other_id: Annotated[
        UUID | None,
        Query(alias="with", description="Another video, to compare this one with."),
    ] = None,
    team: Annotated[
        str | None,
        Query(
            max_length=200,
            description="Compare this team of the match alone, by its name.",
        ),
    ] = None,
    other_team: Annotated[
        str | None,
        Query(
            alias="with_team",
            max_length=200,
            description="With this team of the other match; left out: the one of the "
            "same name.",
        ),
    ] = None,
    form: Annotated[Literal["json", "csv"], Query(alias="format")] = "json",
    provenance: WithProvenance = False,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Count a match's events by type, team, half and 5-minute bin; tempo, sequences,
    and the passes before each shot.

    Teams and halves are those of the match facts. Rejected events do not count.
    """
    asked = EventsRequest(video_id, wanted, provenance=provenance)
    found = find_events(asked, resources, limit=None)
    other = None
    if other_id is not None:
        asked = replace(asked, video_id=other_id)
        other = find_events(asked, resources, limit=None)
    etag = _etag(found, other)
    if is_same(etag, if_none_match):
        return Response(status_code=304, headers={"etag": etag})
    response.headers["etag"] = etag
    match = _measure(found, options)
    compared = []
    if other is not None:
        against = _measure(other, options)
        compared = compare_matches(*_sides(match, against, team, other_team))
    told = [
        one.provenance
        for one in (found, other)
        if one is not None and one.provenance is not None
    ]
    if form == "csv":
        video = found.video
        name = quote(f"{video.title or video.filename or video.id}.statistics.csv", "")
        response.headers["content-disposition"] = f"attachment; filename*=UTF-8''{name}"
        try:
            table = to_table(match, compared, passes=options.passes, provenance=told)
        except CannotWrite as exc:
            raise FormatCannotHold(str(exc)) from exc
        return Response(table, media_type="text/csv", headers=response.headers)
    body = Statistics.of(
        video_id,
        match,
        passes=list(options.passes),
        compared_with=other_id,
        compared=compared,
        provenance=told,
    )
    return json_answer(body, response)


def _measure(found: EventsResult, options: StatisticsOptions) -> MatchStatistics:
    video = found.video
    moments = [
        Moment(event.id, event.label, event.time_ms / 1000, event.team)
        for event in found.events
    ]
    return measure_match(
        moments,
        halves=video.halves,
        teams=video.teams,
        duration_s=video.duration_s,
        options=options,
    )


def _sides(
    this: MatchStatistics,
    other: MatchStatistics,
    team: str | None,
    other_team: str | None,
) -> tuple[Side, Side]:
    """Choose what is compared: all of both matches, or a team of each.

    Raises:
        UnknownTeam: a team did not play, or only one was named and it played once.
    """
    if team is None and other_team is None:
        return Side(this), Side(other)
    return (
        _side(this, team or other_team or "", "team", "this"),
        _side(other, other_team or team or "", "with_team", "the other"),
    )


def _side(match: MatchStatistics, team: str, parameter: str, which: str) -> Side:
    found = same_team(team, match)
    if found is None:
        played = ", ".join(match.teams) or "none is known"
        raise UnknownTeam(
            f"No team {team!r} is in {which} match: {played}. Name one with "
            f"`{parameter}`, or add the teams to the match facts."
        )
    return Side(match, found)


def _etag(*matches: EventsResult | None) -> str:
    """Name the timelines and the match facts that statistics are made of."""
    parts = [
        f"{one.etag[1:-1]}-{one.video.facts_version}-{one.video.duration_s}"
        for one in matches
        if one is not None
    ]
    return f'"{"+".join(parts)}"'

"""What a request for events or curves may ask for."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args

from fastapi import Depends, Query
from pydantic import AfterValidator

from app.annotations.selection import SHOWN, EventQuery
from app.timelines.exports import EXPORTS
from app.timelines.schemas import EventPage, EventStateName
from app.timelines.suggestions import GHOST_FLOOR
from model.data.formats.events import LAG_S, LEAD_S

MAX_SECONDS = 1e7
JSON = "json"  # pages of event objects; the other formats are files
FORMATS = (JSON, *EXPORTS)

Order = Literal["asc", "desc"]
FromS = Annotated[
    float | None,
    Query(ge=0, le=MAX_SECONDS, allow_inf_nan=False, description="Included."),
]
ToS = Annotated[
    float | None,
    Query(ge=0, le=MAX_SECONDS, allow_inf_nan=False, description="Included."),
]


def _known_format(name: str) -> str:
    if name not in FORMATS:
        raise ValueError(f"must be one of {', '.join(FORMATS)}")
    return name


EventFormat = Annotated[
    str,
    AfterValidator(_known_format),
    Query(alias="format", json_schema_extra={"enum": list(FORMATS)}),
]


def _event_query(
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
    min_score: Annotated[
        float | None,
        Query(
            ge=0,
            le=1,
            description="Of what the model suggests; what a person decided stays.",
        ),
    ] = None,
    from_s: FromS = None,
    to_s: ToS = None,
    order: Annotated[Order, Query(description="By time.")] = "asc",
    states: Annotated[
        list[EventStateName | Literal["all"]],
        Query(
            alias="state",
            description="A state to keep, or `all`; may be given several times. If "
            "left out: all but rejected.",
        ),
    ] = [],  # noqa: B006  # FastAPI copies it
) -> EventQuery:
    every = frozenset(get_args(EventStateName))
    named = frozenset(state for state in states if state != "all")
    return EventQuery(
        labels=types,
        teams=teams,
        min_score=min_score,
        from_ms=None if from_s is None else round(from_s * 1000),
        to_ms=None if to_s is None else round(to_s * 1000),
        is_descending=order == "desc",
        states=every if "all" in states else named or SHOWN,
    )


EventQueryDep = Annotated[EventQuery, Depends(_event_query)]
SourceOfEvents = Annotated[
    Literal["all", "model", "human"],
    Query(
        description="`model`: what the model said, as if nobody had decided anything; "
        "`human`: what people saw first."
    ),
]
WithGhosts = Annotated[
    bool,
    Query(
        description="Suggest what lies below its type's threshold as well "
        f"(`is_ghost`), down to a score of {GHOST_FLOOR:g}."
    ),
]


WithProvenance = Annotated[
    bool,
    Query(
        description="Tell in the answer which model, thresholds and people the events "
        "come from, what was reviewed, and every edit, as far as the format can "
        "(`provenance` of `GET /formats`)."
    ),
]
Halves = Annotated[
    Literal["facts", "none"],
    Query(
        description="From where SoccerNet's files count: from the kick-off of each "
        "half, where the match facts know the halves, or from the start of the video."
    ),
]


@dataclass(frozen=True, slots=True)
class ClipMargins:
    """How clips are cut about events, in seconds, in formats that have clips."""

    lead_s: float = LEAD_S
    lag_s: float = LAG_S


DEFAULT_MARGINS = ClipMargins()


def _clip_margins(
    lead_s: Annotated[
        float,
        Query(
            ge=0, le=600, description="A clip begins so long before (sportscode, edl)."
        ),
    ] = DEFAULT_MARGINS.lead_s,
    lag_s: Annotated[
        float,
        Query(ge=0, le=600, description="A clip ends so long after (sportscode, edl)."),
    ] = DEFAULT_MARGINS.lag_s,
) -> ClipMargins:
    return ClipMargins(lead_s, lag_s)


ClipMarginsDep = Annotated[ClipMargins, Depends(_clip_margins)]


def formats_schema() -> Any:
    """Give the models of all answers in JSON, as one type."""
    schemas = [export.schema for export in EXPORTS.values()]
    return Union[(EventPage, *(one for one in schemas if one is not None))]


def formats_answer() -> dict[str, Any]:
    """Document the answer of a list in any format; `formats_schema` is its JSON."""
    files = [f"{one.title} for format={one.name}" for one in EXPORTS.values()]
    return {
        "description": "Events by time: `EventPage` for format=json, "
        f"{', '.join(files)}. Each file has a path of its own, too.",
        "content": {
            export.media_type: {"schema": {"type": "string"}}
            for export in EXPORTS.values()
            if export.schema is None
        },
    }

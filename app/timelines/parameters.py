"""What a request for events or curves may ask for."""

from typing import Annotated, Any, Literal, Union

from fastapi import Depends, Query
from pydantic import AfterValidator

from app.timelines.exports import EXPORTS
from app.timelines.queries import EventFilter
from app.timelines.schemas import EventPage

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


def _event_filter(
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
) -> EventFilter:
    return EventFilter(
        labels=types,
        teams=teams,
        min_score=min_score,
        from_ms=None if from_s is None else round(from_s * 1000),
        to_ms=None if to_s is None else round(to_s * 1000),
        is_descending=order == "desc",
    )


EventFilterDep = Annotated[EventFilter, Depends(_event_filter)]


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

"""What a request for a search may ask for."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Query
from fastapi.exceptions import RequestValidationError
from pydantic import Field, ValidationError

from app.core.http.dependencies import id_in_path
from app.core.http.fields import Day
from app.search.problems import SearchNotFound
from app.search.search_query import (
    DEFAULT_WITHIN_S,
    MOST_STEPS,
    MOST_WITHIN_S,
    SearchQuery,
    Text,
    Texts,
)
from app.timelines.parameters import Order
from app.timelines.schemas import EventStateName

QueryText = Text | None
STEPS = rf"^[^\x00,]{{1,200}}(,[^\x00,]{{1,200}}){{1,{MOST_STEPS - 1}}}$"


def _search_query(
    types: Annotated[
        Texts, Query(alias="type", description="May be given several times.")
    ] = [],  # noqa: B006  # FastAPI copies it
    teams: Annotated[
        Texts,
        Query(alias="team", description="As events have it, or as match facts say."),
    ] = [],  # noqa: B006  # FastAPI copies it
    players: Annotated[
        Texts,
        Query(
            alias="player",
            description="The attribute `player`; of a sequence, whoever does one of "
            "its events.",
        ),
    ] = [],  # noqa: B006  # FastAPI copies it
    states: Annotated[
        list[EventStateName | Literal["all"]],
        Query(
            alias="state",
            max_length=10,
            description="If left out: all but rejected.",
        ),
    ] = [],  # noqa: B006  # FastAPI copies it
    min_score: Annotated[
        float | None,
        Query(ge=0, le=1, description="Of suggestions; what was decided stays."),
    ] = None,
    q: Annotated[
        QueryText, Query(description="Words of the match, as `GET /videos` has them.")
    ] = None,
    competition: Annotated[QueryText, Query(description="The whole name.")] = None,
    from_date: Annotated[
        Day | None, Query(description="Of the match, this day or later.")
    ] = None,
    to_date: Annotated[
        Day | None, Query(description="Of the match, this day or earlier.")
    ] = None,
    order: Annotated[
        Order, Query(description="By match, as they were added, then time.")
    ] = "desc",
    sequence: Annotated[
        Annotated[str, Field(max_length=2500, pattern=r"^[^\x00]*$")] | None,
        Query(
            description=f"Types of events one after another, 2 to {MOST_STEPS}, with "
            "commas between; others may lie between. In place of `type`.",
            examples=["PASS,PASS,SHOT"],
            json_schema_extra={"pattern": STEPS},  # told in words where it is read
        ),
    ] = None,
    within_s: Annotated[
        float | None,
        Query(
            gt=0,
            le=MOST_WITHIN_S,
            description="From the first event of the sequence to its last at most; "
            f"{DEFAULT_WITHIN_S:g} if left out.",
        ),
    ] = None,
    same_team: Annotated[
        bool, Query(description="One team does all events of the sequence.")
    ] = False,
) -> SearchQuery:
    asked: dict[str, Any] = {
        "type": types,
        "team": teams,
        "player": players,
        "state": states,
        "min_score": min_score,
        "q": q,
        "competition": competition,
        "from_date": from_date,
        "to_date": to_date,
        "order": order,
        "sequence": _steps(sequence),
        "within_s": within_s,
        "same_team": same_team,
    }
    try:
        return SearchQuery.model_validate(asked)
    except ValidationError as exc:
        errors = [
            {
                **error,
                "type": "value_error",  # Each value alone is as it should be.
                "loc": ("query", *(error["loc"] or ("sequence",))),
            }
            for error in exc.errors(include_url=False)
        ]
        raise RequestValidationError(errors) from exc


def _steps(text: str | None) -> list[str] | None:
    """Split the types of a sequence; an empty text has none."""
    if text is None:
        return None
    return [part.strip() for part in text.split(",")] if text.strip() else []


SearchQueryDep = Annotated[SearchQuery, Depends(_search_query)]


SearchId = Annotated[UUID, id_in_path(SearchNotFound, "search")]

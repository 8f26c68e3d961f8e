"""The search over the events of all matches."""

from fastapi import Request, Response

from app.core.errors import InvalidCursor
from app.core.http.dependencies import CursorText, Limit, ResourcesDep
from app.core.http.problems import problem_responses
from app.core.http.routing import guarded_router
from app.search.answers import (
    DEFAULT_MARGINS,
    Form,
    MarginsDep,
    TellsProvenance,
    answer_in_form,
    documented_forms,
)
from app.search.parameters import SearchQueryDep
from app.search.schemas import FoundEvents, FoundSequences

router = guarded_router("events")


@router.get(
    "/events",
    response_model=FoundEvents | FoundSequences,
    responses={**documented_forms(), **problem_responses(InvalidCursor)},
)
def search_events(
    request: Request,
    response: Response,
    resources: ResourcesDep,
    query: SearchQueryDep,
    limit: Limit = 50,
    cursor: CursorText = None,
    form: Form = "json",
    margins: MarginsDep = DEFAULT_MARGINS,
    provenance: TellsProvenance = False,
) -> Response:
    """Find events in all matches, as people have corrected them; or events of some
    types one after another: `sequence=PASS,PASS,SHOT&within_s=8`.

    What is found of a sequence holds no other such sequence: each event is the first,
    and the last, of one at most.
    """
    return answer_in_form(
        *(request, response, resources, query.wanted),
        form=form,
        margins=margins,
        name="events",
        limit=limit,
        cursor=cursor,
        provenance=provenance,
    )

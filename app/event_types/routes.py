"""The types of events that people of a project tag."""

from fastapi import Response

from app.core.http.dependencies import ResourcesDep
from app.core.http.openapi import WITH_ETAG
from app.core.http.precondition_headers import IfMatch
from app.core.http.preconditions import etag_of
from app.core.http.problems import WITH_JSON, problem_responses
from app.core.http.routing import guarded_router
from app.event_types.problems import TypesChanged
from app.event_types.schemas import EventTypePage, NewEventTypes
from app.event_types.service import TypeFacts, list_types, replace_types, version_of

router = guarded_router("types")


@router.get(
    "/types", name="list_types", responses={200: WITH_ETAG, **problem_responses()}
)
def get_types(response: Response, resources: ResourcesDep) -> EventTypePage:
    """List the project's types in their order; those of models are not among them."""
    with resources.sessions() as session:
        types = list_types(session)
    return _answer(types, response)


@router.put(
    "/types",
    name="replace_types",
    responses={200: WITH_ETAG, **problem_responses(TypesChanged, *WITH_JSON)},
)
def put_types(
    response: Response,
    wanted: NewEventTypes,
    resources: ResourcesDep,
    if_match: IfMatch = None,
) -> EventTypePage:
    """Replace the whole list; its order is the order in which they are shown.

    Events of a type that goes stay as they are. With `If-Match` nothing is replaced
    that somebody else has changed meanwhile.
    """
    types = wanted.types
    with resources.sessions.begin() as session:
        replace_types(session, types, if_match=if_match)
    return _answer(types, response)


def _answer(types: list[TypeFacts], response: Response) -> EventTypePage:
    response.headers["etag"] = etag_of(version_of(types))
    return EventTypePage.of(types)

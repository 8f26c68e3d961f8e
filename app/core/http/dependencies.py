"""What routes ask for: the service's parts, ids, limits, one moment of the database."""

from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Query, Request
from pydantic import BeforeValidator

from app.core.db.project_sessions import sessions_of
from app.core.errors import (
    EventNotFound,
    JobNotFound,
    NotFound,
    VideoNotFound,
)
from app.core.http.access import KeyRing
from app.core.http.cursors import MAX_CURSOR_CHARS
from app.core.principal import Principal
from app.core.resources import Resources

# What does not block is async: a `def` would wait for one of the routes' threads.


def service_of(request: Request) -> Resources:
    """Find the service's parts."""
    resources = request.app.state.resources
    if not isinstance(resources, Resources):
        raise TypeError("app.state.resources is set by create_app alone")
    return resources


def key_ring_of(request: Request) -> KeyRing:
    """Find who knows the keys."""
    ring: KeyRing = request.app.state.key_ring
    return ring


async def get_principal(request: Request) -> Principal:
    """Tell who asks; only guarded routes know."""
    principal = getattr(request.state, "principal", None)
    if not isinstance(principal, Principal):
        raise TypeError(f"{request.url.path} is not guarded: nobody was authorized")
    return principal


PrincipalDep = Annotated[Principal, Depends(get_principal)]


async def get_service(request: Request, principal: PrincipalDep) -> Resources:
    """Hand out the service's parts; the sessions see the principal's project alone."""
    resources = service_of(request)
    return replace(resources, sessions=sessions_of(resources.sessions, principal))


async def get_whole_service(request: Request) -> Resources:
    """Hand out the service's parts to what asks for no key and shows no project's."""
    return service_of(request)


ResourcesDep = Annotated[Resources, Depends(get_service)]
AllProjectsResourcesDep = Annotated[Resources, Depends(get_whole_service)]


def id_in_path(problem: type[NotFound], noun: str) -> BeforeValidator:
    """Read an id in a path; what is no id names nothing, and is answered so.

    Args:
        problem: that nothing has this id.
        noun: what it would be the id of.
    """

    def read(text: str) -> UUID:
        try:
            return UUID(text)
        except ValueError as exc:
            raise problem(f"No {noun} has the id {text[:64]!r}.") from exc

    return BeforeValidator(read)


VideoId = Annotated[UUID, id_in_path(VideoNotFound, "video")]
JobId = Annotated[UUID, id_in_path(JobNotFound, "job")]
EventId = Annotated[UUID, id_in_path(EventNotFound, "event")]

IdempotencyKey = Annotated[
    str | None,
    Header(
        description="Any text of yours that names this request: sent again within a "
        "day, it makes nothing new and gets the same answer. Up to 255 visible ASCII "
        "characters.",
        json_schema_extra={"pattern": "^[!-~]{1,255}$"},  # checked where it is used
    ),
]
Limit = Annotated[int, Query(ge=1, le=1000, description="Most items in an answer.")]
CursorText = Annotated[
    str | None,
    Query(
        alias="cursor",
        max_length=MAX_CURSOR_CHARS,
        description="`next_cursor` of the answer before.",
    ),
]

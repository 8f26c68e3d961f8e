"""What routes ask for by type: the service's parts, a session, a checked key."""

import hashlib
import hmac
from collections.abc import Iterator
from typing import Annotated
from urllib.parse import unquote
from uuid import UUID

from fastapi import Cookie, Depends, Path, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.orm import Session

from app.api.cursors import MAX_CURSOR_CHARS
from app.core.errors import (
    CrossSiteRefused,
    DeliveryNotFound,
    JobNotFound,
    NotAuthenticated,
    NotFound,
    VideoNotFound,
)
from app.core.service import Service
from app.core.settings import Settings

READING = ("GET", "HEAD", "OPTIONS")
_UUID = {"format": "uuid"}


def get_service(request: Request) -> Service:
    """Hand out the service's parts."""
    service = request.app.state.service
    if not isinstance(service, Service):
        raise TypeError("app.state.service is set by create_app alone")
    return service


ServiceDep = Annotated[Service, Depends(get_service)]


def get_session(service: ServiceDep) -> Iterator[Session]:
    """Open the request's transaction; it is committed before the answer goes out."""
    with service.sessions.begin() as session:
        yield session


SessionDep = Annotated[Session, Depends(get_session, scope="function")]

bearer = HTTPBearer(
    auto_error=False,
    scheme_name="ApiKey",
    description="The key of TOUCHLINE_API_KEY; needed only where one is set.",
)
BearerDep = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


def require_key(request: Request, service: ServiceDep, sent: BearerDep) -> None:
    """Let nobody in without the key, if there is one.

    Without one the service listens on loopback alone; pages of other sites, which a
    browser on this machine may have open, must not change anything through it.

    Raises:
        NotAuthenticated: the key is missing or wrong.
        CrossSiteRefused: a page of another site sent this.
    """
    if service.settings.api_key is not None:
        _check_key(sent.credentials if sent else None, service.settings)
    elif (
        request.method not in READING
        and request.headers.get("sec-fetch-site") == "cross-site"
    ):
        raise CrossSiteRefused("Pages of other sites cannot change anything here.")


def require_key_or_cookie(
    service: ServiceDep,
    sent: BearerDep,
    touchline_key: Annotated[str | None, Cookie(include_in_schema=False)] = None,
) -> None:
    """Like `require_key`, for what a `<video>` element loads: it sends no headers.

    Raises:
        NotAuthenticated: the key is missing or wrong.
    """
    if service.settings.api_key is not None:
        in_cookie = unquote(touchline_key) if touchline_key else None
        _check_key(sent.credentials if sent else in_cookie, service.settings)


def read_video_id(video_id: Annotated[str, Path(json_schema_extra=_UUID)]) -> UUID:
    """Read the id in the path; what is no id names no video."""
    return _read_id(video_id, VideoNotFound, "video")


def read_job_id(job_id: Annotated[str, Path(json_schema_extra=_UUID)]) -> UUID:
    """Read the id in the path; what is no id names no job."""
    return _read_id(job_id, JobNotFound, "job")


def read_delivery_id(
    delivery_id: Annotated[str, Path(json_schema_extra=_UUID)],
) -> UUID:
    """Read the id in the path; what is no id names no delivery."""
    return _read_id(delivery_id, DeliveryNotFound, "delivery")


VideoId = Annotated[UUID, Depends(read_video_id)]
JobId = Annotated[UUID, Depends(read_job_id)]
DeliveryId = Annotated[UUID, Depends(read_delivery_id)]

Limit = Annotated[int, Query(ge=1, le=1000, description="Most items in an answer.")]
CursorText = Annotated[
    str | None,
    Query(
        alias="cursor",
        max_length=MAX_CURSOR_CHARS,
        description="`next_cursor` of the answer before.",
    ),
]


def _check_key(sent: str | None, settings: Settings) -> None:
    if settings.api_key is None:
        return
    if sent is None:
        raise NotAuthenticated(
            "This service asks for a key: send the header Authorization: Bearer KEY."
        )
    # Digests have one length, so that the comparison's time tells nothing.
    wanted = hashlib.sha256(settings.api_key.get_secret_value().encode()).digest()
    if not hmac.compare_digest(hashlib.sha256(sent.encode()).digest(), wanted):
        raise NotAuthenticated("The key is not the one of this service.")


def _read_id(text: str, problem: type[NotFound], noun: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as exc:
        raise problem(f"No {noun} has the id {text[:64]!r}.") from exc

"""What routes ask for by type: the service's parts, a session, a checked key."""

import hashlib
import hmac
from collections.abc import Iterator
from typing import Annotated
from urllib.parse import unquote, urlsplit
from uuid import UUID

from fastapi import Cookie, Depends, Path, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.orm import Session

from app.api.cursors import MAX_CURSOR_CHARS
from app.core.errors import (
    CrossSiteRefused,
    DeliveryNotFound,
    HostRefused,
    JobNotFound,
    NotAuthenticated,
    NotFound,
    VideoNotFound,
)
from app.core.service import Service
from app.core.settings import Settings, is_loopback

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
    browser on this machine may have open, must not change anything through it, nor
    read anything by binding their own name to this machine's address.

    Raises:
        NotAuthenticated: the key is missing or wrong.
        HostRefused: the request was sent to a name that is not this machine's.
        CrossSiteRefused: a page of another site sent this.
    """
    if service.settings.api_key is not None:
        _check_key(sent.credentials if sent else None, service.settings)
        return
    _check_host(request, service.settings)
    if (
        request.method not in READING
        and request.headers.get("sec-fetch-site") == "cross-site"
    ):
        raise CrossSiteRefused("Pages of other sites cannot change anything here.")


def require_key_or_cookie(
    request: Request,
    service: ServiceDep,
    sent: BearerDep,
    touchline_key: Annotated[str | None, Cookie(include_in_schema=False)] = None,
) -> None:
    """Like `require_key`, for what a `<video>` element loads: it sends no headers.

    Raises:
        NotAuthenticated: the key is missing or wrong.
        HostRefused: the request was sent to a name that is not this machine's.
    """
    if service.settings.api_key is None:
        _check_host(request, service.settings)
        return
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


def _check_host(request: Request, settings: Settings) -> None:
    """Take only names that nobody else can bind to this machine (DNS rebinding)."""
    sent = request.headers.get("host", "")
    named = _hostname(f"//{sent}")
    public = _hostname(settings.public_url or "")
    if named is None or not (is_loopback(named) or named == public):
        raise HostRefused(
            f"This service has no key and answers to localhost alone, not to "
            f"{sent[:64]!r}: call it as {settings.local_url}, or set TOUCHLINE_API_KEY."
        )


def _hostname(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _read_id(text: str, problem: type[NotFound], noun: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as exc:
        raise problem(f"No {noun} has the id {text[:64]!r}.") from exc

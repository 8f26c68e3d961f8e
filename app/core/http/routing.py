"""How a route takes its requests: access first, small bodies, HEAD wherever GET.

FastAPI reads a body before it looks at a route's dependencies, so none of this can be
a dependency.
"""

import json
import re
from collections.abc import Callable, Collection, Coroutine
from contextlib import suppress
from typing import Any, ClassVar
from uuid import UUID

import anyio
from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect
from starlette.routing import Match
from starlette.types import Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from app.core.errors import BadRequest, BodyTooLarge, InvalidRequest, RequestTimeout
from app.core.http.access import (
    READING,
    bearer,
    check_site,
    find_principal,
    require_scope,
)
from app.core.http.dependencies import key_ring_of, service_of
from app.core.http.paths import rivals_of
from app.core.http.rate_limits import RateLimits
from app.core.principal import KeyScope, Principal

MAX_BODY_BYTES = 2**20  # of every request but an upload, which streams
IS_HEAD = "touchline.is_head"  # in the scope of a HEAD request that a GET route answers

IN_LOG = ("video", "job")

SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class HeadRoute(APIRoute):
    """A route that answers HEAD where it answers GET; the server drops the body.

    The OpenAPI document names GET alone. An address that another route names to the
    letter (`/videos/sample`) is not this one's (`/videos/{video_id}`), whatever the
    method.

    Attributes:
        all_paths: of all such routes.
    """

    all_paths: ClassVar[set[str]] = set()

    def __init__(self, path: str, *args: Any, **options: Any) -> None:
        super().__init__(path, *args, **options)
        self.all_paths.add(path)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child = super().matches(_as_get(scope, self.methods))
        if match is not Match.NONE and self.param_convertors:
            rivals = rivals_of(self.path, frozenset(self.all_paths))
            if any(one.match(scope["path"]) for one in rivals):
                return Match.NONE, {}
        return match, child

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await super().handle(_as_get(scope, self.methods), receive, send)


class GuardedRoute(HeadRoute):
    """A route for those alone who may come in, and whose key covers it.

    Attributes:
        scope_to_read, scope_to_change: what GET takes, and what other methods take.
    """

    accepts_cookie: ClassVar[bool] = False
    accepts_basic: ClassVar[bool] = False
    scope_to_read: ClassVar[KeyScope] = "read"
    scope_to_change: ClassVar[KeyScope] = "write"

    def get_route_handler(self) -> Handler:
        answer, has_body = super().get_route_handler(), self.body_field is not None

        async def answer_if_allowed(request: Request) -> Response:
            bind_contextvars(**_ids_in(request))
            request.state.principal = await self.authorize(request)
            if has_body:
                request = SmallRequest(request.scope, request.receive)
                await request.body()
                await request.refuse_half_characters()
            return await answer(request)

        return answer_if_allowed

    async def authorize(self, request: Request) -> Principal | None:
        """Tell who asks, or refuse."""
        settings = service_of(request).settings
        principal = await find_principal(
            request,
            settings,
            key_ring_of(request),
            accepts_cookie=self.accepts_cookie,
            accepts_basic=self.accepts_basic,
        )
        is_read = request.method in READING
        require_scope(
            principal, self.scope_to_read if is_read else self.scope_to_change
        )
        limits: RateLimits = request.app.state.rate_limits
        limits.take(principal, default=settings.rate_limit)
        return principal


class OpenRoute(GuardedRoute):
    """A route for those who have not come in yet, from pages of this service alone."""

    async def authorize(self, request: Request) -> None:
        """Refuse pages of other sites."""
        check_site(request, service_of(request).settings)


class ReviewRoute(GuardedRoute):
    """A route by which timelines are corrected."""

    scope_to_change = "review"


class ReadableRoute(GuardedRoute):
    """A route for whoever may read, whatever the method."""

    scope_to_change = "read"


class AdminRoute(GuardedRoute):
    """A route for keys with the scope `admin`."""

    scope_to_read = scope_to_change = "admin"


class MediaRoute(GuardedRoute):
    """What a `<video>` element loads: the page puts the key into a cookie for it."""

    accepts_cookie = True


class SmallRequest(Request):
    """A request whose body is small and comes soon.

    Args:
        max_bytes: of its body.
    """

    def __init__(
        self, scope: Scope, receive: Receive, *, max_bytes: int = MAX_BODY_BYTES
    ) -> None:
        super().__init__(scope, receive)
        self._max_bytes = max_bytes

    async def body(self) -> bytes:
        """Read the whole body.

        Raises:
            BodyTooLarge, RequestTimeout: it is too large, or still not in.
            BadRequest: the client left before its end.
        """
        if not hasattr(self, "_body"):
            timeout_s = service_of(self).settings.request_timeout.total_seconds()
            try:
                with anyio.fail_after(timeout_s):
                    self._body = await self._read_all()
            except TimeoutError as exc:
                raise RequestTimeout(
                    f"The body was not complete after {timeout_s:g} seconds."
                ) from exc
            except ClientDisconnect as exc:
                raise BadRequest("The client left before the body ended.") from exc
        return self._body

    async def refuse_half_characters(self) -> None:
        """Make sure that all text of a JSON body can be stored and answered.

        JSON can write half of a surrogate pair, which has no bytes in UTF-8.

        Raises:
            InvalidRequest: it holds one.
        """
        if not SURROGATE.search(await self.body()):
            return
        try:
            parsed = await self.json()
        except (ValueError, RecursionError):  # FastAPI tells what is wrong.
            return
        try:
            json.dumps(parsed, ensure_ascii=False).encode()
        except UnicodeEncodeError as exc:
            raise InvalidRequest(
                "The body holds half of a surrogate pair, such as \\ud83d without its "
                "other half; that is no character."
            ) from exc

    async def _read_all(self) -> bytes:
        claimed = self.headers.get("content-length", "")
        if claimed.isdecimal() and int(claimed) > self._max_bytes:
            raise _too_large(self._max_bytes)
        body = bytearray()
        async for chunk in self.stream():
            body += chunk
            if len(body) > self._max_bytes:
                raise _too_large(self._max_bytes)
        return bytes(body)


def guarded_router(
    tag: str, route_class: type[GuardedRoute] = GuardedRoute
) -> APIRouter:
    """Make a router whose routes ask for a key, and say so in the document."""
    needs_key = not issubclass(route_class, OpenRoute)
    dependencies = [Depends(bearer)] if needs_key else []
    return APIRouter(tags=[tag], route_class=route_class, dependencies=dependencies)


def _ids_in(request: Request) -> dict[str, str]:
    """Find what lines of the log are to name: the video and the job of the address."""
    found = {}
    for name in IN_LOG:
        with suppress(ValueError, KeyError):  # What is no id names nothing.
            found[name] = str(UUID(request.path_params[f"{name}_id"]))
    return found


def _as_get(scope: Scope, methods: Collection[str] | None) -> Scope:
    methods = methods or ()
    if scope.get("method") != "HEAD" or "HEAD" in methods or "GET" not in methods:
        return scope
    return {**scope, "method": "GET", IS_HEAD: True}


def _too_large(max_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(
        f"The body is larger than {max_bytes // 1024} KiB.", limit_bytes=max_bytes
    )

"""How a route takes its requests: access first, small bodies, HEAD wherever GET.

FastAPI reads a body before it looks at a route's dependencies, so none of this can be
a dependency.
"""

from collections.abc import Callable, Collection, Coroutine
from typing import Any, ClassVar

import anyio
from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from app.core.errors import BadRequest, BodyTooLarge, RequestTimeout
from app.core.http.access import bearer, check_access
from app.core.http.dependencies import service_of

MAX_BODY_BYTES = 2**20  # of every request but an upload, which streams
IS_HEAD = "touchline.is_head"  # in the scope of a HEAD request that a GET route answers

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class HeadRoute(APIRoute):
    """A route that answers HEAD where it answers GET; the server drops the body.

    The OpenAPI document names GET alone.
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        return super().matches(_as_get(scope, self.methods))

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await super().handle(_as_get(scope, self.methods), receive, send)


class GuardedRoute(HeadRoute):
    """A route for those alone who may come in."""

    accepts_cookie: ClassVar[bool] = False

    def get_route_handler(self) -> Handler:
        answer, has_body = super().get_route_handler(), self.body_field is not None

        async def answer_if_allowed(request: Request) -> Response:
            settings = service_of(request).settings
            request.state.principal = check_access(
                request, settings, accepts_cookie=self.accepts_cookie
            )
            if has_body:
                request = SmallRequest(request.scope, request.receive)
                await request.body()
            return await answer(request)

        return answer_if_allowed


class MediaRoute(GuardedRoute):
    """What a `<video>` element loads: the page puts the key into a cookie for it."""

    accepts_cookie = True


class SmallRequest(Request):
    """A request whose body is small and comes soon."""

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

    async def _read_all(self) -> bytes:
        claimed = self.headers.get("content-length", "")
        if claimed.isdecimal() and int(claimed) > MAX_BODY_BYTES:
            raise _too_large()
        body = bytearray()
        async for chunk in self.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                raise _too_large()
        return bytes(body)


def guarded_router(
    tag: str, route_class: type[GuardedRoute] = GuardedRoute
) -> APIRouter:
    """Make a router whose routes ask for the key, and say so in the document."""
    return APIRouter(
        tags=[tag], route_class=route_class, dependencies=[Depends(bearer)]
    )


def _as_get(scope: Scope, methods: Collection[str] | None) -> Scope:
    methods = methods or ()
    if scope.get("method") != "HEAD" or "HEAD" in methods or "GET" not in methods:
        return scope
    return {**scope, "method": "GET", IS_HEAD: True}


def _too_large() -> BodyTooLarge:
    return BodyTooLarge(
        f"The body is larger than {MAX_BODY_BYTES // 1024} KiB.",
        limit_bytes=MAX_BODY_BYTES,
    )

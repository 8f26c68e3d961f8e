"""A name for each request: in its answer, in its log lines, in the problem of a bug."""

import re

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.db.base import new_id

HEADER = "x-request-id"
SANE = re.compile(r"[\x21-\x7e]{1,128}")  # visible ASCII, as `Idempotency-Key`


class RequestIdMiddleware:
    """ASGI middleware outside everything else, so that a 500 has the id as well.

    It stays bound to the request's context, for what the server logs after the app.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = choose_request_id(Headers(scope=scope).get(HEADER))
        structlog.contextvars.bind_contextvars(request_id=request_id)

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        await self._app(scope, receive, send_with_id)


def choose_request_id(sent: str | None = None) -> str:
    """Take the client's own id if it is sane; else make one."""
    return sent if sent is not None and SANE.fullmatch(sent) else str(new_id())


def current_request_id() -> str | None:
    """Tell the id of the request that is being answered; None outside of any."""
    found: str | None = structlog.contextvars.get_contextvars().get("request_id")
    return found

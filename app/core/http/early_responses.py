"""Answers that go out before the request's body is in, and still arrive.

A server that answers 413 and closes at once makes the kernel reset the connection, and
the client loses the answer while it still sends. So: say that the connection closes,
send the whole answer, take what the client sends for a moment, then close.
"""

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LINGER_S = 5.0
LINGER_BYTES = 64 * 2**20


class EarlyResponseMiddleware:
    """ASGI middleware around the whole app."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _has_body(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        body_is_in = False

        async def watch_body() -> Message:
            nonlocal body_is_in
            message = await receive()
            body_is_in = not message.get("more_body", False)
            return message

        async def answer(message: Message) -> None:
            if body_is_in:
                await send(message)
            elif message["type"] == "http.response.start":
                MutableHeaders(scope=message)["connection"] = "close"
                await send(message)
            elif message.get("more_body", False):
                await send(message)
            else:
                await send({**message, "more_body": True})
                await _linger(watch_body)
                await send({"type": "http.response.body", "body": b""})

        await self._app(scope, watch_body, answer)


def _has_body(headers: Headers) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


async def _linger(receive: Receive) -> None:
    """Take what still comes, within limits, and throw it away."""
    taken = 0
    with anyio.move_on_after(LINGER_S):
        while taken < LINGER_BYTES:
            message = await receive()
            taken += len(message.get("body", b""))
            if not message.get("more_body", False):  # the end, or the client left
                return

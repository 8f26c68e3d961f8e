"""Pages of other origins that the operator names may call the API (CORS).

An origin that is named may also come in by the session's cookie, where the browser
sends it; with `*` nobody does: such pages must know a key, and send it in a header.

Source: https://fetch.spec.whatwg.org/#http-cors-protocol.
"""

from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ANY = "*"
PREFLIGHT_KEPT_S = 3600
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
TAKEN_HEADERS = (
    *("Authorization", "Content-Type", "Idempotency-Key", "If-Match"),
    *("If-None-Match", "Last-Event-ID", "Range", "Touchline-Author"),
    *("X-CSRF-Token", "X-Request-Id", "traceparent"),
)
GIVEN_HEADERS = (
    *("Accept-Ranges", "Content-Disposition", "Content-Range", "ETag", "Link"),
    *("Location", "Retry-After", "WWW-Authenticate", "X-Request-Id"),
)


class CrossOrigin:
    """ASGI middleware around the whole app; what it does not know is left as it is.

    Args:
        origins: such as `https://club.example`; `*`: all, without cookies.
        taken, given: headers of requests and answers, besides those of every route.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        origins: Sequence[str],
        taken: Sequence[str] = (),
        given: Sequence[str] = (),
    ) -> None:
        self._app, self._origins = app, frozenset(origins)
        self._taken = _joined(TAKEN_HEADERS, taken)
        self._given = _joined(GIVEN_HEADERS, given)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._origins:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        more = self._access(headers.get("origin"))
        is_preflight = (
            scope["method"] == "OPTIONS" and "access-control-request-method" in headers
        )
        if is_preflight and more:
            more |= {
                "access-control-allow-methods": ", ".join(METHODS),
                "access-control-allow-headers": self._taken,
                "access-control-max-age": str(PREFLIGHT_KEPT_S),
                "vary": "Origin",
            }
            await Response(status_code=204, headers=more)(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                answer.update(more)
                answer.add_vary_header("Origin")
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _access(self, origin: str | None) -> dict[str, str]:
        """Say what a page of this origin may do; nothing if it is not allowed."""
        exposed = {"access-control-expose-headers": self._given}
        if origin is not None and origin in self._origins:
            return {
                "access-control-allow-origin": origin,
                "access-control-allow-credentials": "true",
                **exposed,
            }
        if origin is not None and ANY in self._origins:
            return {"access-control-allow-origin": ANY, **exposed}
        return {}


def _joined(first: Sequence[str], second: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys((*first, *second)))

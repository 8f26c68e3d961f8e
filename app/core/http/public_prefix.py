"""The service under a path of a site: `TOUCHLINE_PUBLIC_URL=https://x/touchline`.

Inside, addresses start at `/`, whether the proxy in front strips the prefix or not.
What goes out (links, `Location`, `Link`) starts with it, as clients see the service.
"""

from contextvars import ContextVar

from starlette.datastructures import MutableHeaders
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PREFIX: ContextVar[str] = ContextVar("touchline_public_prefix", default="")

ADDRESSES = ("location", "touchline-video")  # headers that hold one


class PublicPrefix:
    """ASGI middleware around the whole app.

    Args:
        prefix: a path such as `/touchline`; empty: the service has a host of its own.
    """

    def __init__(self, app: ASGIApp, *, prefix: str) -> None:
        self._app, self._prefix = app, prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or not self._prefix:
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await self._app(self._stripped(scope), receive, send)
            return
        if scope["path"] == self._prefix:  # Relative links of the page need the slash.
            await RedirectResponse(f"{self._prefix}/")(scope, receive, send)
            return
        token = _PREFIX.set(self._prefix)
        try:
            await self._app(self._stripped(scope), receive, self._prefixing(send))
        finally:
            _PREFIX.reset(token)

    def _stripped(self, scope: Scope) -> Scope:
        """Take the prefix off; a proxy may have done so."""
        start = f"{self._prefix}/"
        if not scope["path"].startswith(start):
            return scope
        raw = scope.get("raw_path")
        if raw is not None and raw.startswith(start.encode()):
            raw = raw[len(self._prefix) :]
        return {**scope, "path": scope["path"][len(self._prefix) :], "raw_path": raw}

    def _prefixing(self, send: Send) -> Send:
        async def send_prefixed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name in ADDRESSES:
                    if name in headers:
                        headers[name] = public_path(headers[name])
                if headers.get("link", "").startswith("</"):
                    headers["link"] = f"<{public_path(headers['link'][1:])}"
            await send(message)

        return send_prefixed


def public_path(path: str) -> str:
    """Tell a path as clients see it, while a request is answered.

    Args:
        path: from the root of this service; one that has the prefix, and an address
            that names a host, stay as they are.
    """
    prefix = _PREFIX.get()
    is_own = path.startswith("/") and not path.startswith("//")
    if not prefix or not is_own or path.startswith(f"{prefix}/"):
        return path
    return prefix + path

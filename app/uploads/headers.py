"""What goes around every answer of `/uploads`: tus's version, and who may read it."""

from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.settings import Settings
from app.uploads.protocol import GIVEN_HEADERS, METHODS, TAKEN_HEADERS, VERSION

PATH = "/uploads"
OVERRIDING = ("PATCH", "DELETE")  # that a client may send as POST
PREFLIGHT_KEPT_S = 3600

CROSS_SITE = {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": ", ".join(GIVEN_HEADERS),
}
PREFLIGHT = {
    "access-control-allow-methods": ", ".join(METHODS),
    "access-control-allow-headers": ", ".join(TAKEN_HEADERS),
    "access-control-max-age": str(PREFLIGHT_KEPT_S),
}


class TusHeaders:
    """ASGI middleware around the whole app; touches nothing but `/uploads`.

    Pages of other sites may upload where a key is asked for: it travels in a header
    that they must know, never in a cookie. Where none is they are refused.
    """

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        self._is_open = settings.api_key is not None or settings.require_key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or not f"{path}/".startswith(f"{PATH}/"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        wanted = headers.get("x-http-method-override", "").upper()
        if scope["method"] == "POST" and wanted in OVERRIDING:
            scope = {**scope, "method": wanted}
        more = {"tus-resumable": VERSION}
        if self._is_open and "origin" in headers:
            is_preflight = scope["method"] == "OPTIONS"
            more |= {**CROSS_SITE, **(PREFLIGHT if is_preflight else {})}

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                if message["status"] == HTTPStatus.PRECONDITION_FAILED:
                    answer["tus-version"] = VERSION
                for name, value in more.items():
                    answer[name] = value
            await send(message)

        await self._app(scope, receive, send_with_headers)

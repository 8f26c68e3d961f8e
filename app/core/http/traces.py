"""Each request is a span, of the trace that its `traceparent` names."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.tracing.context import HEADER, TraceContext, current_trace, enter_trace
from app.core.tracing.spans import Span, span

PROBES = frozenset({"/healthz", "/readyz", "/metrics"})  # asked for all the time
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
ABORTED = "the client left before the answer"


class Traces:
    """ASGI middleware around the app, inside of what changes its address."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sent = Headers(scope=scope).getlist(HEADER)
        parent = TraceContext.parse(sent[0]) if len(sent) == 1 else None
        enter_trace(parent)
        if scope["path"] in PROBES:
            await self._app(scope, receive, send)
            return
        await self._record(scope, receive, send)

    async def _record(self, scope: Scope, receive: Receive, send: Send) -> None:
        status: int | None = None

        async def note_answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        method = scope["method"] if scope["method"] in METHODS else "HTTP"
        facts = {
            "http.request.method": scope["method"],
            "url.scheme": scope["scheme"],
            "url.path": scope["path"],
        }
        trace = None
        try:
            with span(method, kind="server", attributes=facts) as its:
                trace = current_trace()
                try:
                    await self._app(scope, receive, note_answer)
                finally:
                    _tell(its, method, scope, status)
        finally:
            enter_trace(trace)  # for what the server logs after the app


def _tell(its: Span, method: str, scope: Scope, status: int | None) -> None:
    """Say which route took a request, and what became of it."""
    route = getattr(scope.get("route"), "path", None)
    if route is not None:
        its.rename(f"{method} {route}")
        its.note({"http.route": route})
    if status is None:
        its.fail(ABORTED)
        return
    its.note({"http.response.status_code": status})
    if status >= 500:
        its.fail(f"answered {status}")

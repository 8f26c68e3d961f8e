"""Counts and times of the requests that this process answered, by route."""

import os
import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.metrics.exposition import Sample
from app.metrics.families import HTTP_IN_PROGRESS, HTTP_REQUESTS, HTTP_SECONDS

BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
NO_ROUTE = "other"  # unknown addresses, and files of the page
ABORTED = "aborted"


@dataclass(slots=True)
class Times:
    """How long the requests of a route took.

    Attributes:
        counts: of each bucket alone; the last is what was longer than all bounds.
    """

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    sum_s: float = 0.0


class HttpFigures:
    """The figures of one process; several threads may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str, str]] = Counter()
        self._times: dict[tuple[str, str], Times] = {}
        self._in_progress = 0

    def begin(self) -> None:
        """Count a request that came in."""
        with self._lock:
            self._in_progress += 1

    def end(self, method: str, route: str, status: str, took_s: float | None) -> None:
        """Count a request that is over.

        Args:
            route: its template, such as `/videos/{video_id}`.
            took_s: until the answer began; None: it never did.
        """
        with self._lock:
            self._in_progress -= 1
            self._requests[method, route, status] += 1
            if took_s is not None:
                times = self._times.setdefault((method, route), Times())
                times.counts[bisect_left(BOUNDS_S, took_s)] += 1
                times.sum_s += took_s

    def samples(self) -> list[Sample]:
        """Tell what was counted, with the process id as label `process`."""
        process = {"process": str(os.getpid())}
        with self._lock:
            found = [Sample(HTTP_IN_PROGRESS, self._in_progress, process)]
            for (method, route, status), count in sorted(self._requests.items()):
                labels = {"method": method, "route": route, "status": status, **process}
                found.append(Sample(HTTP_REQUESTS, count, labels))
            for (method, route), times in sorted(self._times.items()):
                labels = {"method": method, "route": route, **process}
                found.extend(_histogram(times, labels))
        return found


class HttpMetrics:
    """ASGI middleware around the router, which says by `scope` which route it took."""

    def __init__(self, app: ASGIApp, *, figures: HttpFigures) -> None:
        self._app, self._figures = app, figures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun_s, took_s, status = time.monotonic(), None, ABORTED

        async def note_answer(message: Message) -> None:
            nonlocal took_s, status
            if message["type"] == "http.response.start":
                took_s = time.monotonic() - begun_s
                status = str(message["status"])
            await send(message)

        self._figures.begin()
        try:
            await self._app(scope, receive, note_answer)
        except Exception:
            if took_s is None:  # The server's own answer follows.
                took_s, status = time.monotonic() - begun_s, "500"
            raise
        finally:
            method = scope["method"] if scope["method"] in METHODS else NO_ROUTE
            route = getattr(scope.get("route"), "path", NO_ROUTE)
            self._figures.end(method, route, status, took_s)


def _histogram(times: Times, labels: dict[str, str]) -> Iterator[Sample]:
    bounds = [*map(str, BOUNDS_S), "+Inf"]
    for bound, count in zip(bounds, accumulate(times.counts), strict=True):
        yield Sample(HTTP_SECONDS, count, {**labels, "le": bound}, "_bucket")
    yield Sample(HTTP_SECONDS, times.sum_s, labels, "_sum")
    yield Sample(HTTP_SECONDS, sum(times.counts), labels, "_count")

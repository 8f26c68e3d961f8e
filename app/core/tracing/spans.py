"""Spans of what the service does: recorded where tracing is on, else passed through.

Without a recorder a span costs next to nothing, and what is done in it belongs to the
trace of whoever asked for it.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Literal, Protocol

from app.core.tracing.context import TraceContext, current_trace, in_trace

Attributes = Mapping[str, str | int | float | bool]
# server: of a request that came in; client: of one that goes out; consumer: of a job.
Kind = Literal["internal", "server", "client", "consumer"]


class Span(Protocol):
    """What is told of a piece of work while it goes on."""

    def rename(self, name: str) -> None:
        """Name it anew, once more is known."""

    def note(self, attributes: Attributes) -> None:
        """Add facts to it."""

    def fail(self, reason: str) -> None:
        """Say that it failed; `reason` is for people."""

    def add_part(self, name: str, *, begin_ns: int, end_ns: int) -> None:
        """Add a part of it that is over, by its times (ns since 1970)."""


class Recorder(Protocol):
    """Records spans and sends them away."""

    def record(
        self,
        name: str,
        *,
        kind: Kind,
        parent: TraceContext | None,
        attributes: Attributes,
    ) -> AbstractContextManager[tuple[Span, TraceContext]]:
        """Record a span until the block ends; one that raises has failed."""

    def close(self) -> None:
        """Send what is left, within a few seconds."""


class Unrecorded:
    """A span that nobody records."""

    def rename(self, name: str) -> None:
        """Do nothing."""

    def note(self, attributes: Attributes) -> None:
        """Do nothing."""

    def fail(self, reason: str) -> None:
        """Do nothing."""

    def add_part(self, name: str, *, begin_ns: int, end_ns: int) -> None:
        """Do nothing."""


_recorders: list[Recorder] = []  # of this process: one, or none


@contextmanager
def span(
    name: str,
    *,
    kind: Kind = "internal",
    parent: TraceContext | None = None,
    attributes: Attributes | None = None,
) -> Iterator[Span]:
    """Record a piece of work until the block ends, if spans are recorded.

    Args:
        parent: what asked for it; None: the work at hand, if it belongs to a trace.
    """
    parent = parent or current_trace()
    if not _recorders:
        with in_trace(parent):
            yield Unrecorded()
        return
    recorded = _recorders[0].record(
        name, kind=kind, parent=parent, attributes=attributes or {}
    )
    with recorded as (found, trace), in_trace(trace):
        yield found


def use_recorder(recorder: Recorder) -> None:
    """Record the spans of this process from now on."""
    _recorders[:] = [recorder]


def close_recorder() -> None:
    """Send what is left and record no more; nothing happens if nothing was recorded."""
    while _recorders:
        _recorders.pop().close()

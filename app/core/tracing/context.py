"""Which trace the work at hand belongs to: W3C's `traceparent`, in context and on rows.

Needs no OpenTelemetry: what a client sent is passed on, to jobs and webhooks, and
named in the log, whether or not spans are recorded.

Source: https://www.w3.org/TR/trace-context/, section 3.2.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Self

import structlog

HEADER = "traceparent"
FORM = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
OF_VERSION_0 = "00"
NO_VERSION = "ff"
MAX_CHARS = 256
IN_LOG = "trace_id"


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A place in a trace; `str` writes it as a `traceparent`.

    Attributes:
        trace_id, span_id: 32 and 16 hexadecimal digits, not all 0.
        flags: two of them; the last bit: the caller may have recorded it.
    """

    trace_id: str
    span_id: str
    flags: str

    @classmethod
    def parse(cls, text: str | None) -> Self | None:
        """Read a `traceparent`; None if there is none that can be used."""
        if text is None or len(text) > MAX_CHARS:
            return None
        found = FORM.fullmatch(text)
        if found is None:
            return None
        version, trace_id, span_id, flags, more = found.groups()
        is_version = version != NO_VERSION and (version != OF_VERSION_0 or more is None)
        if not is_version or not trace_id.strip("0") or not span_id.strip("0"):
            return None
        return cls(trace_id, span_id, flags)

    def __str__(self) -> str:
        return f"{OF_VERSION_0}-{self.trace_id}-{self.span_id}-{self.flags}"


_current: ContextVar[TraceContext | None] = ContextVar("trace", default=None)


def current_trace() -> TraceContext | None:
    """Tell which trace the work at hand belongs to; None: to none."""
    return _current.get()


def current_traceparent() -> str | None:
    """Tell it as rows and headers have it."""
    trace = current_trace()
    return None if trace is None else str(trace)


def enter_trace(trace: TraceContext | None) -> None:
    """Belong to a trace until the context ends; lines of the log then name it."""
    _current.set(trace)
    if trace is None:
        structlog.contextvars.unbind_contextvars(IN_LOG)
    else:
        structlog.contextvars.bind_contextvars(**{IN_LOG: trace.trace_id})


@contextmanager
def in_trace(trace: TraceContext | None) -> Iterator[None]:
    """Belong to a trace until the block ends."""
    before = current_trace()
    enter_trace(trace)
    try:
        yield
    finally:
        enter_trace(before)

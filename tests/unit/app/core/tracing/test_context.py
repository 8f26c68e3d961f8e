"""`traceparent` is read as W3C has it; what cannot be used belongs to no trace."""

import pytest

from app.core.tracing.context import (
    TraceContext,
    current_trace,
    current_traceparent,
    in_trace,
)

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize("flags", ["00", "01"])
def test_what_was_read_is_written_the_same(flags: str) -> None:
    text = f"00-{TRACE}-{SPAN}-{flags}"

    assert str(TraceContext.parse(text)) == text


def test_a_later_version_may_say_more_and_is_passed_on_as_ours() -> None:
    found = TraceContext.parse(f"01-{TRACE}-{SPAN}-01-what-comes-later")

    assert str(found) == f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "hello",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01-more",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f" 00-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01\n",
        f"01-{TRACE}-{SPAN}-01-" + "x" * 1000,
    ],
)
def test_anything_else_is_none(text: str | None) -> None:
    assert TraceContext.parse(text) is None


def test_work_belongs_to_a_trace_for_the_length_of_a_block() -> None:
    outer, inner = (TraceContext(TRACE, f"{n:016x}", "01") for n in (1, 2))

    with in_trace(outer):
        with in_trace(inner):
            assert current_traceparent() == str(inner)
        assert current_trace() == outer
    assert current_trace() is None

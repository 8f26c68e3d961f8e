"""A call that hangs holds one thread and nobody but those who want just that."""

import asyncio
import threading

import pytest

from app.core.shared_calls import SharedCalls

LONG_S = 60.0


@pytest.fixture
def hang() -> threading.Event:
    """What calls that hang wait for; set in the end, so that their threads go."""
    return threading.Event()


def test_equal_calls_are_made_once_and_others_go_past_one_that_hangs(
    hang: threading.Event,
) -> None:
    begun: list[str] = []

    def wait() -> str:
        begun.append("wait")
        assert hang.wait(LONG_S)
        return "late"

    async def ask() -> tuple[list[str], str]:
        calls: SharedCalls[str] = SharedCalls(threads=2)
        same = [
            asyncio.create_task(calls.call("slow", wait, within_s=LONG_S))
            for _ in range(5)
        ]
        other = await calls.call("quick", lambda: "at once", within_s=LONG_S)
        hang.set()
        return await asyncio.gather(*same), other

    late, other = asyncio.run(ask())

    assert other == "at once"
    assert late == ["late"] * 5
    assert begun == ["wait"]


def test_who_waits_no_longer_leaves_the_call_to_the_others(
    hang: threading.Event,
) -> None:
    def wait() -> str:
        assert hang.wait(LONG_S)
        return "late"

    async def ask() -> str:
        calls: SharedCalls[str] = SharedCalls(threads=1)
        patient = asyncio.create_task(calls.call("slow", wait, within_s=LONG_S))
        with pytest.raises(TimeoutError):
            await calls.call("slow", wait, within_s=0.01)
        hang.set()
        return await patient

    assert asyncio.run(ask()) == "late"


def test_a_failure_reaches_everybody_and_the_next_call_is_made_anew() -> None:
    def fail() -> str:
        raise LookupError("no such host")

    async def ask() -> list[object]:
        calls: SharedCalls[str] = SharedCalls(threads=1)
        both = [calls.call("a", fail, within_s=LONG_S) for _ in range(2)]
        found: list[object] = await asyncio.gather(*both, return_exceptions=True)
        return [*found, await calls.call("a", lambda: "well", within_s=LONG_S)]

    first, second, third = asyncio.run(ask())

    assert isinstance(first, LookupError)
    assert isinstance(second, LookupError)
    assert third == "well"


def test_the_loop_ends_though_a_call_hangs(hang: threading.Event) -> None:
    async def ask() -> None:
        calls: SharedCalls[bool] = SharedCalls(threads=1)
        with pytest.raises(TimeoutError):
            await calls.call("slow", lambda: hang.wait(LONG_S), within_s=0.01)

    asyncio.run(ask())

    assert not hang.is_set()
    hang.set()

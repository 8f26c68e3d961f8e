"""Names that hang, and the threads they may hold."""

import asyncio
import ipaddress
import threading
from collections.abc import Callable, Sequence

import pytest

from app.core.errors import CallbackRefused
from app.webhooks.addresses import Address
from worker.webhooks.lanes import Lane
from worker.webhooks.resolver import LookupTimedOut, Resolver, ResolverBusy

ADDRESS = ipaddress.ip_address("8.8.8.8")


class Hanging:
    """Resolves at once, but for names that hang until they are let go."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.let_go = threading.Event()

    def __call__(self, host: str, port: int) -> Sequence[Address]:
        self.asked.append(host)
        if host.startswith("hangs"):
            self.let_go.wait(60)
        if host.startswith("unknown"):
            raise CallbackRefused("no such name")
        return [ADDRESS]


@pytest.fixture
def names() -> "Hanging":
    return Hanging()


async def until(look: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not look():  # noqa: ASYNC110  # a thread changes it
            await asyncio.sleep(0.01)


def test_an_address_needs_no_resolver(names: Hanging) -> None:
    found = asyncio.run(Resolver(names).lookup("8.8.8.8", 443, Lane.NEW))

    assert list(found) == [ADDRESS]
    assert names.asked == []


def test_a_name_that_is_not_known_is_refused(names: Hanging) -> None:
    with pytest.raises(CallbackRefused):
        asyncio.run(Resolver(names).lookup("unknown.test", 443, Lane.NEW))


def test_a_name_that_hangs_is_given_up_and_holds_one_thread_however_often_asked(
    names: Hanging,
) -> None:
    async def ask() -> None:
        resolver = Resolver(names, lookup_s=0.05)
        for _ in range(3):
            with pytest.raises(LookupTimedOut, match=r"hangs\.test"):
                await resolver.lookup("hangs.test", 443, Lane.NEW)
        names.let_go.set()
        await until(lambda: not resolver.is_busy)

    asyncio.run(ask())

    assert names.asked == ["hangs.test"]


def test_slow_endpoints_leave_threads_to_others(names: Hanging) -> None:
    async def ask() -> Sequence[Address]:
        resolver = Resolver(names, threads=4)
        slow = [
            asyncio.create_task(resolver.lookup(f"hangs-{one}.test", 443, Lane.SLOW))
            for one in range(9)
        ]
        await until(lambda: len(names.asked) == 2)
        found = await resolver.lookup("quick.test", 443, Lane.QUICK)
        assert len(names.asked) == 3
        names.let_go.set()
        await asyncio.gather(*slow)
        return found

    assert list(asyncio.run(ask())) == [ADDRESS]
    assert len(names.asked) == 10  # Those that waited had their turn.


def test_who_waits_too_long_for_a_thread_is_told_that_nothing_was_asked(
    names: Hanging,
) -> None:
    async def ask() -> None:
        resolver = Resolver(names, threads=1, wait_s=0.05)
        hangs = asyncio.create_task(resolver.lookup("hangs.test", 443, Lane.QUICK))
        await until(lambda: names.asked == ["hangs.test"])
        with pytest.raises(ResolverBusy):
            await resolver.lookup("quick.test", 443, Lane.QUICK)
        names.let_go.set()
        await hangs

    asyncio.run(ask())

    assert names.asked == ["hangs.test"]


def test_a_name_that_hangs_does_not_keep_the_loop_from_ending(names: Hanging) -> None:
    async def ask() -> None:
        with pytest.raises(LookupTimedOut):
            await Resolver(names, lookup_s=0.01).lookup("hangs.test", 1, Lane.NEW)

    asyncio.run(ask())

    names.let_go.set()

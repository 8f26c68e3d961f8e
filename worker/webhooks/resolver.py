"""Names resolved in threads of their own: the system's resolver blocks, and may hang.

A name that hangs holds one thread at most, however often it is asked for, and slow
endpoints never hold them all.
"""

import asyncio
import ipaddress
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from app.webhooks.addresses import Address
from app.webhooks.callbacks import resolve
from worker.webhooks.lanes import Lane, Lanes

THREADS = 64
LOOKUP_S = 10.0  # a first name server that is down takes 5 s by default
WAIT_S = 15.0  # for a free thread

Resolve = Callable[[str, int], Sequence[Address]]
Lookup = asyncio.Future[Sequence[Address]]


class LookupTimedOut(Exception):
    """The name was not resolved in time."""


class ResolverBusy(Exception):
    """No thread was free in time; the name was not asked for."""


class Resolver:
    """Resolves names for one event loop."""

    def __init__(
        self,
        resolve: Resolve = resolve,
        *,
        threads: int = THREADS,
        lookup_s: float = LOOKUP_S,
        wait_s: float = WAIT_S,
    ) -> None:
        self._resolve = resolve
        self._lookup_s = lookup_s
        self._wait_s = wait_s
        self._lanes = Lanes(threads)
        self._freed = asyncio.Event()
        self._running: dict[tuple[str, int], Lookup] = {}

    async def lookup(self, host: str, port: int, lane: Lane) -> Sequence[Address]:
        """Give every address of a host; one that is an address needs no thread.

        Raises:
            CallbackRefused: the name has none.
            LookupTimedOut, ResolverBusy: the system's resolver takes too long.
        """
        with suppress(ValueError):
            return [ipaddress.ip_address(host)]
        running = await self._join_or_start(host, port, lane)
        done, _ = await asyncio.wait([running], timeout=self._lookup_s)
        if not done:
            raise LookupTimedOut(f"{host} was not resolved in {self._lookup_s:g} s")
        return running.result()

    @property
    def is_busy(self) -> bool:
        """Whether any name is being resolved."""
        return bool(self._running)

    async def _join_or_start(self, host: str, port: int, lane: Lane) -> Lookup:
        try:
            async with asyncio.timeout(self._wait_s):
                while (running := self._running.get((host, port))) is None:
                    if self._lanes.has_room(lane):
                        return self._start(host, port, lane)
                    await self._freed.wait()
        except TimeoutError as exc:
            raise ResolverBusy("too many names are being resolved") from exc
        return running

    def _start(self, host: str, port: int, lane: Lane) -> Lookup:
        loop = asyncio.get_running_loop()
        found: Lookup = loop.create_future()

        def end(ended: Lookup) -> None:
            ended.exception()  # Whoever asked may have left, and nobody look at it.
            del self._running[host, port]
            self._lanes.leave(lane)
            self._freed.set()
            self._freed = asyncio.Event()

        def work() -> None:
            try:
                tell = partial(found.set_result, self._resolve(host, port))
            except Exception as exc:  # noqa: BLE001  # raised where it is awaited
                tell = partial(found.set_exception, exc)
            with suppress(RuntimeError):  # The loop has ended meanwhile.
                loop.call_soon_threadsafe(tell)

        found.add_done_callback(end)
        self._running[host, port] = found
        self._lanes.enter(lane)
        threading.Thread(target=work, name="resolver", daemon=True).start()
        return found

"""Calls that may hang, on threads of their own; equal ones are made once."""

import asyncio
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

Value = TypeVar("Value")


class SharedCalls(Generic[Value]):
    """Makes blocking calls for one event loop.

    Whoever asks for what is being asked already waits for that: one that hangs holds
    one thread, however many want it. Who no longer waits leaves the others alone.
    """

    def __init__(self, threads: int) -> None:
        self._limiter = CapacityLimiter(threads)
        self._running: dict[Hashable, asyncio.Task[Value]] = {}

    async def call(
        self, key: Hashable, function: Callable[[], Value], *, within_s: float
    ) -> Value:
        """Call a function in a thread, or share in the call under way.

        Args:
            key: equal for calls that give the same.

        Raises:
            TimeoutError: it has not ended in time, the wait for a thread included.
        """
        running = self._running.get(key)
        if running is None:
            running = asyncio.create_task(self._run(function))
            self._running[key] = running
            running.add_done_callback(lambda ended: self._end(key, ended))
        return await asyncio.wait_for(asyncio.shield(running), within_s)

    async def _run(self, function: Callable[[], Value]) -> Value:
        # The end of the process waits for no thread that hangs.
        return await run_sync(function, limiter=self._limiter, abandon_on_cancel=True)

    def _end(self, key: Hashable, ended: asyncio.Task[Value]) -> None:
        del self._running[key]
        if not ended.cancelled():
            ended.exception()  # Whoever asked may have left, and nobody look at it.

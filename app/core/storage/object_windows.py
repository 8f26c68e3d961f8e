"""The bytes of an object in a bucket as they come, by requests for some MiB each."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from app.core.storage.buffered import BUFFER_BYTES

WINDOW_BYTES = 8 * 2**20  # read by one request


async def read_windows(
    read: Callable[[int, int], bytes],
    start: int,
    end: int,
    *,
    limiter: CapacityLimiter,
) -> AsyncGenerator[bytes, None]:
    """Give the bytes from `start` up to `end`, one window read ahead of what is taken.

    Args:
        read: gives the bytes from a place to another; it may block.
        limiter: of threads in which it does.
    """

    def ask(low: int) -> bytes:
        return read(low, min(low + WINDOW_BYTES, end))

    def begin(low: int) -> "asyncio.Task[bytes]":
        return asyncio.create_task(run_sync(ask, low, limiter=limiter))

    coming = begin(start) if start < end else None
    try:
        while coming is not None:
            window = await coming
            start += WINDOW_BYTES
            coming = begin(start) if start < end else None
            for low in range(0, len(window), BUFFER_BYTES):
                yield window[low : low + BUFFER_BYTES]
    finally:
        if coming is not None:
            coming.cancel()
            with suppress(asyncio.CancelledError, OSError):
                await coming

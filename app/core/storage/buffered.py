"""Gathers what comes from the net and writes it in large pieces, in a thread."""

from typing import Generic, Protocol, TypeVar

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from app.core.storage.interface import StoredFile

BUFFER_BYTES = 2**20  # what an upload gathers before it goes to a thread


class Sink(Protocol):
    """Takes bytes, and blocks while it does."""

    size_bytes: int

    def write(self, data: bytes | bytearray) -> None: ...


class WholeSink(Sink, Protocol):
    """A sink that is put in place at its end."""

    def finish(self) -> StoredFile: ...


class GrowingSink(Sink, Protocol):
    """A sink whose bytes are kept as they come."""

    def flush(self) -> int: ...

    def truncate(self, size_bytes: int) -> None: ...


File = TypeVar("File", bound=Sink)


class Buffered(Generic[File]):
    """A sink with a buffer before it."""

    def __init__(self, file: File, writers: CapacityLimiter) -> None:
        self._file: File = file
        self._writers = writers
        self._buffer = bytearray()

    @property
    def size_bytes(self) -> int:
        size_bytes: int = self._file.size_bytes
        return size_bytes + len(self._buffer)

    async def write(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) >= BUFFER_BYTES:
            await self._empty()

    async def _empty(self) -> None:
        full, self._buffer = self._buffer, bytearray()
        await run_sync(self._file.write, full, limiter=self._writers)


class BufferedWriter(Buffered[WholeSink]):
    """An `ObjectWriter` before a sink."""

    async def finish(self) -> StoredFile:
        await self._empty()
        return await run_sync(self._file.finish, limiter=self._writers)


class BufferedAppender(Buffered[GrowingSink]):
    """An `ObjectAppender` before a sink."""

    async def flush(self) -> int:
        await self._empty()
        return await run_sync(self._file.flush, limiter=self._writers)

    async def truncate(self, size_bytes: int) -> None:
        await self._empty()
        await run_sync(self._file.truncate, size_bytes, limiter=self._writers)

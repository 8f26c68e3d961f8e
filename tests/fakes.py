"""Stand-ins that really work; each passes the contract test of the real thing."""

import hashlib
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from app.core.storage.filling import ArrivingCopy
from app.core.storage.interface import (
    CHUNK_BYTES,
    ObjectAppender,
    ObjectBusy,
    ObjectInfo,
    ObjectWriter,
    StoredFile,
)


class MemoryStorage:
    """A `Storage` in memory, for objects that never were files."""

    def __init__(self) -> None:
        self._objects: dict[str, tuple[bytes, datetime]] = {}
        self._growing: set[str] = set()

    @asynccontextmanager
    async def put_stream(self, key: str) -> AsyncIterator[ObjectWriter]:
        yield _MemoryWriter(self, _checked(key))

    @asynccontextmanager
    async def append(
        self, key: str, observe: Callable[[bytes], None] = lambda _: None
    ) -> AsyncIterator[ObjectAppender]:
        if key in self._growing:
            raise ObjectBusy(key)
        self._growing.add(key)
        try:
            if not self.exists(key):
                self.put(key, b"")
            yield _MemoryAppender(self, key, observe)
        finally:
            self._growing.discard(key)

    def safe_size(self, key: str) -> int:
        return self.stat(key).size_bytes

    def link(self, key: str, to: str) -> None:
        self.put(to, self.get(key))

    def put(self, key: str, data: bytes) -> StoredFile:
        self._objects[_checked(key)] = (bytes(data), datetime.now(UTC))
        return StoredFile(key, len(data), hashlib.sha256(data).hexdigest())

    def put_file(
        self,
        key: str,
        file: BinaryIO,
        on_progress: Callable[[int], None] = lambda _: None,
    ) -> StoredFile:
        data = file.read()
        on_progress(len(data))
        return self.put(key, data)

    def get(self, key: str) -> bytes:
        return self._find(key)[0]

    @asynccontextmanager
    async def open_range(
        self, key: str, start: int = 0, end: int | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        yield _chunks(self.get(key)[start:end])

    def stat(self, key: str) -> ObjectInfo:
        data, modified_at = self._find(key)
        return ObjectInfo(key, len(data), modified_at)

    def exists(self, key: str) -> bool:
        return _checked(key) in self._objects

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        under = f"{_checked(prefix)}/"
        for key in [key for key in self._objects if key.startswith(under)]:
            yield self.stat(key)

    @contextmanager
    def local_copy(
        self,
        key: str,
        on_progress: Callable[[int], None] = lambda _: None,  # all is here
    ) -> Iterator[Path]:
        data = self.get(key)
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            yield Path(file.name)

    @contextmanager
    def arriving_copy(
        self,
        key: str,
        on_progress: Callable[[int], None] = lambda _: None,  # all is here
    ) -> Iterator[ArrivingCopy]:
        with self.local_copy(key) as path:
            yield ArrivingCopy(path)

    def save(
        self,
        key: str,
        file: BinaryIO,
        on_progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        on_progress(file.write(self.get(key)))

    def delete(self, key: str) -> None:
        self._objects.pop(_checked(key), None)

    def delete_prefix(self, prefix: str) -> None:
        for found in self.list(prefix):
            self.delete(found.key)

    def remove_unfinished(self) -> int:
        return 0

    def free_bytes(self) -> int:
        return 2**40

    def check(self) -> None:
        """Find it well."""

    def age(self, key: str, by: timedelta) -> None:
        """Make an object older than it is."""
        data, modified_at = self._find(key)
        self._objects[key] = (data, modified_at - by)

    def _find(self, key: str) -> tuple[bytes, datetime]:
        try:
            return self._objects[_checked(key)]
        except KeyError as exc:
            raise FileNotFoundError(key) from exc


class _MemoryWriter:
    def __init__(self, storage: MemoryStorage, key: str) -> None:
        self._storage, self._key = storage, key
        self._data = bytearray()

    @property
    def size_bytes(self) -> int:
        return len(self._data)

    async def write(self, data: bytes) -> None:
        self._data += data

    async def finish(self) -> StoredFile:
        return self._storage.put(self._key, bytes(self._data))


class _MemoryAppender:
    def __init__(
        self, storage: MemoryStorage, key: str, observe: Callable[[bytes], None]
    ) -> None:
        self._storage, self._key, self._observe = storage, key, observe

    @property
    def size_bytes(self) -> int:
        return len(self._storage.get(self._key))

    async def write(self, data: bytes) -> None:
        self._storage.put(self._key, self._storage.get(self._key) + data)
        self._observe(data)

    async def flush(self) -> int:
        return self.size_bytes

    async def truncate(self, size_bytes: int) -> None:
        self._storage.put(self._key, self._storage.get(self._key)[:size_bytes])


async def _chunks(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), CHUNK_BYTES):
        yield data[start : start + CHUNK_BYTES]


def _checked(key: str) -> str:
    path = PurePosixPath(key)
    if not path.parts or ".." in path.parts or path.is_absolute():
        raise ValueError(f"not a storage key: {key!r}")
    return key

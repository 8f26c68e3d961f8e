"""A storage whose links are followed: what they name is read in its own bucket."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import BinaryIO

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from app.core.errors import InvalidRequest, StartFailed
from app.core.storage.buckets import AllowedBucket, allowed_bucket
from app.core.storage.filling import ArrivingCopy
from app.core.storage.interface import (
    ObjectAppender,
    ObjectChanged,
    ObjectInfo,
    ObjectWriter,
    Storage,
    StorageRefused,
    StoredFile,
)
from app.core.storage.links import Link, is_link_key
from app.core.storage.local_cache import LocalCache
from app.core.storage.object_windows import read_windows
from app.core.storage.settings import StorageSettings
from app.core.storage.whole_reads import read_into

LINKS = 4096  # remembered; what a link's key names never changes
READERS = 32


class LinkedStorage:
    """A `Storage` of which reading follows links: `open_range`, `stat`, copies, `save`.

    Where a link leads to an object that is gone they raise FileNotFoundError, where to
    one that was replaced ObjectChanged, and StorageRefused where its bucket is allowed
    no more.

    Attributes:
        plain: the storage, where a link is a small object.
    """

    def __init__(
        self, plain: Storage, settings: StorageSettings, cache: LocalCache
    ) -> None:
        self.plain = plain
        self._settings, self._cache = settings, cache
        self._readers = CapacityLimiter(READERS)
        self._link = lru_cache(LINKS)(self._read_link)

    @asynccontextmanager
    async def open_range(
        self, key: str, start: int = 0, end: int | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        if not is_link_key(key):
            async with self.plain.open_range(key, start, end) as chunks:
                yield chunks
            return
        link, _ = await run_sync(self._look, key, limiter=self._readers)
        size_bytes = link.size_bytes
        windows = read_windows(
            partial(self._read, link),
            start,
            size_bytes if end is None else min(end, size_bytes),
            limiter=self._readers,
        )
        try:
            yield windows
        finally:
            await windows.aclose()

    def stat(self, key: str) -> ObjectInfo:
        return self._look(key)[1] if is_link_key(key) else self.plain.stat(key)

    @contextmanager
    def local_copy(
        self, key: str, on_progress: Callable[[int], None] = lambda _: None
    ) -> Iterator[Path]:
        if not is_link_key(key):
            with self.plain.local_copy(key, on_progress) as path:
                yield path
            return
        link, _ = self._look(key)
        read = partial(self._read, link)
        size_bytes = link.size_bytes
        with self._cache.holding(link.tag, size_bytes, read, on_progress) as path:
            yield path

    @contextmanager
    def arriving_copy(
        self, key: str, on_progress: Callable[[int], None] = lambda _: None
    ) -> Iterator[ArrivingCopy]:
        if not is_link_key(key):
            with self.plain.arriving_copy(key, on_progress) as copy:
                yield copy
            return
        link, _ = self._look(key)
        read = partial(self._read, link)
        size_bytes = link.size_bytes
        with self._cache.arriving(link.tag, size_bytes, read, on_progress) as copy:
            yield copy

    def save(
        self,
        key: str,
        file: BinaryIO,
        on_progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        if not is_link_key(key):
            self.plain.save(key, file, on_progress)
            return
        link, _ = self._look(key)
        read = partial(self._read, link)
        read_into(file.fileno(), link.size_bytes, read, on_progress)

    def remove_unfinished(self) -> int:
        return self.plain.remove_unfinished() + self._cache.clean_up()

    def put_stream(self, key: str) -> AbstractAsyncContextManager[ObjectWriter]:
        return self.plain.put_stream(key)

    def append(
        self, key: str, observe: Callable[[bytes], None] = lambda _: None
    ) -> AbstractAsyncContextManager[ObjectAppender]:
        return self.plain.append(key, observe)

    def safe_size(self, key: str) -> int:
        return self.plain.safe_size(key)

    def link(self, key: str, to: str) -> None:
        self.plain.link(key, to)

    def put(self, key: str, data: bytes) -> StoredFile:
        return self.plain.put(key, data)

    def put_file(
        self,
        key: str,
        file: BinaryIO,
        on_progress: Callable[[int], None] = lambda _: None,
    ) -> StoredFile:
        return self.plain.put_file(key, file, on_progress)

    def get(self, key: str) -> bytes:
        return self.plain.get(key)

    def exists(self, key: str) -> bool:
        return self.plain.exists(key)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        return self.plain.list(prefix)

    def delete(self, key: str) -> None:
        self.plain.delete(key)

    def delete_prefix(self, prefix: str) -> None:
        self.plain.delete_prefix(prefix)

    def free_bytes(self) -> int:
        return self.plain.free_bytes()

    def check(self) -> None:
        self.plain.check()

    def _read_link(self, key: str) -> Link:
        return Link.from_bytes(self.plain.get(key))

    def _look(self, key: str) -> tuple[Link, ObjectInfo]:
        """See whether what a link names is still there.

        Raises:
            FileNotFoundError, ObjectChanged, StorageRefused: see the class.
            StorageUnavailable: its bucket does not answer.
        """
        link = self._link(key)
        found = self._bucket(link)
        now = found.store.head(found.key)
        if (now.size_bytes, now.e_tag) != (link.size_bytes, link.e_tag):
            raise ObjectChanged(link.url)
        return link, ObjectInfo(key, link.size_bytes, now.modified_at)

    def _read(self, link: Link, start: int, end: int) -> bytes:
        found = self._bucket(link)
        return found.store.read(found.key, start, end, e_tag=link.e_tag)

    def _bucket(self, link: Link) -> AllowedBucket:
        try:
            return allowed_bucket(link.url, self._settings)
        except (InvalidRequest, StartFailed) as exc:
            raise StorageRefused(str(exc)) from exc

"""A folder of this machine as storage."""

import errno
import os
import shutil
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from anyio import CancelScope, CapacityLimiter
from anyio.to_thread import run_sync

from app.core.logging import warn_once
from app.core.storage.buffered import (
    BUFFER_BYTES,
    BufferedAppender,
    BufferedWriter,
)
from app.core.storage.filling import ArrivingCopy
from app.core.storage.growing import GrowingFile, link_file, safe_size
from app.core.storage.incoming import IncomingFile, IncomingFolder
from app.core.storage.interface import (
    CHUNK_BYTES,
    ObjectAppender,
    ObjectInfo,
    ObjectWriter,
    StoredFile,
)

INCOMING = "incoming"  # what is being written or removed, see `IncomingFolder`
# Threads of a storage's own, so that a slow disk delays nobody else.
WRITERS = 16
READERS = 16


class LocalStorage:
    """A `Storage` in a folder of this machine (or one all machines mount)."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._incoming = IncomingFolder(root / INCOMING)
        self._writers = CapacityLimiter(WRITERS)
        self._readers = CapacityLimiter(READERS)

    @asynccontextmanager
    async def put_stream(self, key: str) -> AsyncIterator[ObjectWriter]:
        target = self._path(key)
        file = await run_sync(
            lambda: IncomingFile(self._incoming, target, key), limiter=self._writers
        )
        try:
            yield BufferedWriter(file, self._writers)
        finally:
            with CancelScope(shield=True):  # a client that left must not leave bytes
                await run_sync(file.discard, limiter=self._writers)

    @asynccontextmanager
    async def append(
        self, key: str, observe: Callable[[bytes], None] = lambda _: None
    ) -> AsyncIterator[ObjectAppender]:
        path = self._path(key)
        file = await run_sync(
            lambda: GrowingFile(path, key, observe), limiter=self._writers
        )
        appender = BufferedAppender(file, self._writers)
        try:
            yield appender
        finally:
            with CancelScope(shield=True):
                try:
                    await appender.flush()
                finally:
                    await run_sync(file.close, limiter=self._writers)

    def safe_size(self, key: str) -> int:
        return safe_size(self._path(key))

    def link(self, key: str, to: str) -> None:
        source, target = self._path(key), self._path(to)
        if link_file(source, target):
            return
        with source.open("rb") as file:
            self.put_file(to, file)

    def put(self, key: str, data: bytes) -> StoredFile:
        file = IncomingFile(self._incoming, self._path(key), key)
        try:
            file.write(data)
            return file.finish()
        finally:
            file.discard()

    def put_file(
        self,
        key: str,
        file: BinaryIO,
        on_progress: Callable[[int], None] = lambda _: None,
    ) -> StoredFile:
        target = IncomingFile(self._incoming, self._path(key), key)
        try:
            is_shared = file.tell() == 0 and target.share(file)
            while data := file.read(BUFFER_BYTES):
                target.add(data) if is_shared else target.write(data)
                on_progress(target.size_bytes)
            return target.finish()
        finally:
            target.discard()

    def get(self, key: str) -> bytes:
        return self._path(key).read_bytes()

    @asynccontextmanager
    async def open_range(
        self, key: str, start: int = 0, end: int | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        path = self._path(key)
        file = await run_sync(path.open, "rb", limiter=self._readers)
        try:
            yield self._chunks(file, start, end)
        finally:
            with CancelScope(shield=True):
                await run_sync(file.close, limiter=self._readers)

    def stat(self, key: str) -> ObjectInfo:
        return _info(key, self._path(key))

    def exists(self, key: str) -> bool:
        return self._path(key).is_file()

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        for folder, _, names in os.walk(self._path(prefix)):
            for name in names:
                path = Path(folder, name)
                with _skipping(path):
                    yield _info(path.relative_to(self._root).as_posix(), path)

    @contextmanager
    def local_copy(
        self,
        key: str,
        on_progress: Callable[[int], None] = lambda _: None,  # noqa: ARG002  # all is here
    ) -> Iterator[Path]:
        """Give the object's own file."""
        path = self._path(key)
        if not path.is_file():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), key)
        yield path

    @contextmanager
    def arriving_copy(
        self,
        key: str,
        on_progress: Callable[[int], None] = lambda _: None,  # noqa: ARG002  # all is here
    ) -> Iterator[ArrivingCopy]:
        """Give the object's own file: all of it is here."""
        with self.local_copy(key) as path:
            yield ArrivingCopy(path)

    def save(
        self,
        key: str,
        file: BinaryIO,
        on_progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        done = 0
        with self._path(key).open("rb") as source:
            while data := source.read(BUFFER_BYTES):
                file.write(data)
                done += len(data)
                on_progress(done)

    def delete(self, key: str) -> None:
        self._path(key).unlink(missing_ok=True)

    def delete_prefix(self, prefix: str) -> None:
        """Whoever writes into the folder meanwhile cannot keep it from going."""
        self._incoming.remove(self._path(prefix))

    def remove_unfinished(self) -> int:
        return self._incoming.clean_up()

    def free_bytes(self) -> int:
        folder = self._incoming.make()
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, "not writable", str(folder))
        return shutil.disk_usage(folder).free

    def check(self) -> None:
        self.free_bytes()

    def _path(self, key: str) -> Path:
        parts = PurePosixPath(key).parts
        if not parts or ".." in parts or PurePosixPath(key).is_absolute():
            raise ValueError(f"not a storage key: {key!r}")
        return self._root.joinpath(*parts)

    async def _chunks(
        self, file: BinaryIO, start: int, end: int | None
    ) -> AsyncIterator[bytes]:
        await run_sync(file.seek, start, limiter=self._readers)
        while end is None or start < end:
            wanted = CHUNK_BYTES if end is None else min(CHUNK_BYTES, end - start)
            chunk = await run_sync(file.read, wanted, limiter=self._readers)
            if not chunk:
                return
            start += len(chunk)
            yield chunk


def _info(key: str, path: Path) -> ObjectInfo:
    facts = path.stat()
    if not stat.S_ISREG(facts.st_mode):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), key)
    modified_at = datetime.fromtimestamp(facts.st_mtime, UTC)
    return ObjectInfo(key, facts.st_size, modified_at)


@contextmanager
def _skipping(path: Path) -> Iterator[None]:
    """Let one entry that cannot be read not keep the others from their turn."""
    try:
        yield
    except FileNotFoundError:
        return  # Another process was quicker.
    except OSError as exc:
        reason = exc.strerror or str(exc)
        warn_once("stray_file_skipped", path=str(path), reason=reason)

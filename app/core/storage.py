"""Where bytes live: one folder per video, behind one interface.

Keys are ours and never hold a client's words:

    videos/<video_id>/source                  the file as it was uploaded
    videos/<video_id>/scores/<job_id>.npz     the score curves of one job

A file appears under its key whole or not at all.
"""

import errno
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol
from uuid import UUID

from anyio import CancelScope
from anyio.to_thread import run_sync

from app.core.errors import StorageFull

INCOMING = "incoming"  # files that are still being written, each under a lock
BUFFER_BYTES = 2**20  # what an upload gathers before it goes to a thread
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """What was counted while a file was written."""

    key: str
    size_bytes: int
    sha256: str  # hexadecimal


class Receiver(Protocol):
    """Takes the bytes of one file as they come."""

    @property
    def size_bytes(self) -> int:
        """How many bytes have come so far."""

    async def write(self, data: bytes) -> None:
        """Take some more bytes; they may wait in memory for a while, up to 1 MiB.

        Raises:
            StorageFull: there is no room for them.
        """

    async def finish(self) -> StoredFile:
        """Put the file in place, safe on disk. Without this call nothing is kept."""


class Storage(Protocol):
    """Files by key. All but `receive` block, and belong in a thread."""

    def receive(self, key: str) -> AbstractAsyncContextManager[Receiver]:
        """Open a file for an upload; leaving the block unfinished discards it."""

    def write_bytes(self, key: str, data: bytes) -> StoredFile:
        """Keep a small file, replacing what was there.

        Raises:
            StorageFull: there is no room for it.
        """

    def read_bytes(self, key: str) -> bytes:
        """Read a small file.

        Raises:
            FileNotFoundError: nothing has that key.
        """

    def path_for(self, key: str) -> Path:
        """Tell where this machine can open the file by name."""

    def exists(self, key: str) -> bool:
        """Whether a whole file has that key."""

    def delete_prefix(self, prefix: str) -> None:
        """Remove a folder with all it holds; what is gone already is fine."""

    def prefixes(self, under: str) -> list[str]:
        """List the folders right below a prefix, e.g. `videos/<id>`, unordered."""

    def age_s(self, prefix: str, *, now_s: float) -> float:
        """Tell for how long nothing was added to or taken from a folder."""

    def sweep_incoming(self) -> int:
        """Remove what killed processes left half-written; counts the files removed."""

    def free_bytes(self) -> int:
        """Tell how much room is left.

        Raises:
            OSError: the storage is not there or not writable.
        """


def video_prefix(video_id: UUID) -> str:
    """Name the folder that holds all of one video's files."""
    return f"videos/{video_id}"


def source_key(video_id: UUID) -> str:
    """Name the uploaded file of a video."""
    return f"{video_prefix(video_id)}/source"


def scores_key(video_id: UUID, job_id: UUID) -> str:
    """Name the stored score curves of a job."""
    return f"{video_prefix(video_id)}/scores/{job_id}.npz"


class LocalStorage:
    """A `Storage` in a folder of this machine (or one all machines mount)."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @asynccontextmanager
    async def receive(self, key: str) -> AsyncIterator[Receiver]:
        file = await run_sync(_IncomingFile, self._incoming(), self.path_for(key), key)
        try:
            yield _BufferedReceiver(file)
        finally:
            with CancelScope(shield=True):  # a client that left must not leave bytes
                await run_sync(file.discard)

    def write_bytes(self, key: str, data: bytes) -> StoredFile:
        file = _IncomingFile(self._incoming(), self.path_for(key), key)
        try:
            file.write(data)
            return file.finish()
        finally:
            file.discard()

    def read_bytes(self, key: str) -> bytes:
        return self.path_for(key).read_bytes()

    def path_for(self, key: str) -> Path:
        parts = PurePosixPath(key).parts
        if not parts or ".." in parts or PurePosixPath(key).is_absolute():
            raise ValueError(f"not a storage key: {key!r}")
        return self._root.joinpath(*parts)

    def exists(self, key: str) -> bool:
        return self.path_for(key).is_file()

    def delete_prefix(self, prefix: str) -> None:
        with suppress(FileNotFoundError):
            shutil.rmtree(self.path_for(prefix))

    def prefixes(self, under: str) -> list[str]:
        folder = self.path_for(under)
        if not folder.is_dir():
            return []
        return [f"{under}/{entry.name}" for entry in folder.iterdir() if entry.is_dir()]

    def age_s(self, prefix: str, *, now_s: float) -> float:
        return now_s - self.path_for(prefix).stat().st_mtime

    def sweep_incoming(self) -> int:
        """A file whose lock can be had belongs to nobody who lives."""
        removed = 0
        for path in self._incoming().iterdir():
            with suppress(OSError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
                removed += 1
        return removed

    def free_bytes(self) -> int:
        folder = self._incoming()
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, "not writable", str(folder))
        return shutil.disk_usage(folder).free

    def _incoming(self) -> Path:
        folder = self._root / INCOMING
        folder.mkdir(parents=True, exist_ok=True)
        return folder


class _IncomingFile:
    """A locked temporary file on its way to its place; counted and hashed."""

    def __init__(self, folder: Path, target: Path, key: str) -> None:
        self._target, self._key = target, key
        self._hash, self.size_bytes = hashlib.sha256(), 0
        with _no_room_is_storage_full():
            self._handle, self._path = _open_locked(folder)

    def write(self, data: bytes | bytearray) -> None:
        with _no_room_is_storage_full():
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._handle, rest) :]
        self._hash.update(data)
        self.size_bytes += len(data)

    def finish(self) -> StoredFile:
        with _no_room_is_storage_full():
            os.fsync(self._handle)
            self._target.parent.mkdir(parents=True, exist_ok=True)
            self._path.replace(self._target)
            _sync_folder(self._target.parent)
        return StoredFile(self._key, self.size_bytes, self._hash.hexdigest())

    def discard(self) -> None:
        """Close, and remove the file if it was not put in place."""
        self._path.unlink(missing_ok=True)
        os.close(self._handle)


class _BufferedReceiver:
    """Gathers what comes from the net and writes it in large pieces, in a thread."""

    def __init__(self, file: _IncomingFile) -> None:
        self._file = file
        self._buffer = bytearray()

    @property
    def size_bytes(self) -> int:
        return self._file.size_bytes + len(self._buffer)

    async def write(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) >= BUFFER_BYTES:
            await self._flush()

    async def finish(self) -> StoredFile:
        await self._flush()
        return await run_sync(self._file.finish)

    async def _flush(self) -> None:
        full, self._buffer = self._buffer, bytearray()
        await run_sync(self._file.write, full)


def _open_locked(folder: Path) -> tuple[int, Path]:
    """Make a temporary file that `sweep_incoming` will leave alone while we live."""
    while True:
        handle, name = tempfile.mkstemp(dir=folder, suffix=".part")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(handle).st_nlink:
                return handle, Path(name)
        except BlockingIOError:
            pass  # A sweep was quicker than our lock and takes the file; make another.
        os.close(handle)


@contextmanager
def _no_room_is_storage_full() -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        if exc.errno not in NO_ROOM:
            raise
        raise StorageFull(
            "The server's disk is full; nothing was kept. "
            "Delete videos that are no longer needed, or try again later."
        ) from exc


def _sync_folder(folder: Path) -> None:
    """Make a rename outlast a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def open_storage(data_dir: Path) -> Storage:
    """Open the storage of a data directory; API and workers call this very function."""
    return LocalStorage(data_dir)

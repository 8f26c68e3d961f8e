"""A folder of this machine as storage."""

import errno
import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import (
    asynccontextmanager,
    contextmanager,
    suppress,
)
from datetime import timedelta
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote
from uuid import uuid4

from anyio import CancelScope, CapacityLimiter
from anyio.to_thread import run_sync

from app.core.errors import StorageFull
from app.core.logging import warn_once
from app.core.storage.interface import Receiver, Storage, StoredFile
from app.core.storage.keys import source_key, video_of, video_prefix

TRASH = "trash"  # folders on their way out, under names that are never used again


INCOMING = "incoming"  # files that are still being written, each beside its marker


MARKER, PART = ".lock", ".part"


BUFFER_BYTES = 2**20  # what an upload gathers before it goes to a thread


WRITERS = 16  # threads of a storage's own, so that a slow disk delays nobody else


NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class LocalStorage:
    """A `Storage` in a folder of this machine (or one all machines mount)."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._writers = CapacityLimiter(WRITERS)

    @asynccontextmanager
    async def receive(self, key: str) -> AsyncIterator[Receiver]:
        target = self.path_for(key)
        file = await run_sync(
            lambda: _IncomingFile(self._incoming(), target, key), limiter=self._writers
        )
        try:
            yield _BufferedReceiver(file, self._writers)
        finally:
            with CancelScope(shield=True):  # a client that left must not leave bytes
                await run_sync(file.discard, limiter=self._writers)

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

    def delete_file(self, key: str) -> None:
        self.path_for(key).unlink(missing_ok=True)

    def delete_prefix(self, prefix: str) -> None:
        self.move_to_trash(prefix)
        self.empty_trash(prefix)

    def move_to_trash(self, prefix: str) -> None:
        """Whoever writes into the folder meanwhile cannot keep it from going."""
        folder = self.path_for(prefix)
        trash = self._root / TRASH
        trash.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            folder.rename(trash / f"{_as_name(prefix)}.{uuid4().hex}")
            _sync_folder(trash)
            _sync_folder(folder.parent)

    def restore(self, prefix: str) -> None:
        home = self.path_for(prefix)
        for heap in self._trash_entries(prefix):
            for path in [path for path in heap.rglob("*") if path.is_file()]:
                target = home / path.relative_to(heap)
                target.parent.mkdir(parents=True, exist_ok=True)
                if not target.exists():
                    path.replace(target)
            _remove_tree(heap)

    def empty_trash(self, prefix: str) -> None:
        for heap in self._trash_entries(prefix):
            _remove_tree(heap)

    def in_trash(self) -> list[str]:
        prefixes = set()
        for heap in (self._root / TRASH).glob("*"):
            prefix = unquote(heap.name.split(".")[0])
            if _is_video_prefix(prefix) and heap.is_dir() and not heap.is_symlink():
                prefixes.add(prefix)
            else:
                _skip(heap, "not a deleted video")
        return sorted(prefixes)

    def orphaned(self, *, older_than: timedelta) -> list[str]:
        found = []
        for folder in self._video_folders():
            with _skipping(folder):
                is_old = folder.stat().st_mtime < _ago(older_than)
                prefix = f"videos/{folder.name}"
                if is_old and not self.exists(source_key(video_of(prefix))):
                    found.append(prefix)
        return found

    def scores_files(self, *, older_than: timedelta) -> list[str]:
        return self._files_in_videos("scores/*.npz", older_than)

    def thumbnail_files(self, *, older_than: timedelta) -> list[str]:
        return self._files_in_videos("thumbnails/*/*", older_than)

    def sweep_incoming(self) -> list[str]:
        """A marker whose lock can be had belongs to nobody who lives."""
        keys = []
        for marker in self._incoming().glob(f"*{MARKER}"):
            key = unquote(marker.name.split(".")[0])
            if not _is_key(key):
                _skip(marker, "not an upload")
                continue
            with _skipping(marker), suppress(BlockingIOError):
                _remove_if_free(marker)
                keys.append(key)
        return keys

    def free_bytes(self) -> int:
        folder = self._incoming()
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, "not writable", str(folder))
        return shutil.disk_usage(folder).free

    def _files_in_videos(self, pattern: str, older_than: timedelta) -> list[str]:
        """List the old files of every video that lie where the pattern says."""
        found = []
        for folder in self._video_folders():
            with _skipping(folder):
                for path in folder.glob(pattern):
                    if path.is_file() and path.stat().st_mtime < _ago(older_than):
                        found.append(path.relative_to(self._root).as_posix())
        return found

    def _video_folders(self) -> Iterator[Path]:
        for folder in (self._root / "videos").glob("*"):
            if _is_video_prefix(f"videos/{folder.name}") and folder.is_dir():
                yield folder
            else:
                _skip(folder, "not a video's folder")

    def _trash_entries(self, prefix: str) -> list[Path]:
        return list((self._root / TRASH).glob(f"{_as_name(prefix)}.*"))

    def _incoming(self) -> Path:
        folder = self._root / INCOMING
        folder.mkdir(parents=True, exist_ok=True)
        return folder


class _IncomingFile:
    """A temporary file on its way to its place; counted and hashed.

    Beside it lies a marker, locked as long as this process lives, that outlasts the
    move and tells a sweep which file was being written.
    """

    def __init__(self, folder: Path, target: Path, key: str) -> None:
        self._target, self._key = target, key
        self._hash, self.size_bytes = hashlib.sha256(), 0
        self.keeps_marker = False
        with _no_room_is_storage_full():
            self._lock, self._marker = _open_locked(folder, key)
            self._path = self._marker.with_suffix(PART)
            self._handle = os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o600)

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
        if not self.keeps_marker:
            self._marker.unlink(missing_ok=True)
        os.close(self._lock)


class _BufferedReceiver:
    """Gathers what comes from the net and writes it in large pieces, in a thread."""

    def __init__(self, file: _IncomingFile, writers: CapacityLimiter) -> None:
        self._file, self._writers = file, writers
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
        return await run_sync(self._file.finish, limiter=self._writers)

    def keep_marker(self) -> None:
        self._file.keeps_marker = True

    async def _flush(self) -> None:
        full, self._buffer = self._buffer, bytearray()
        await run_sync(self._file.write, full, limiter=self._writers)


def _open_locked(folder: Path, key: str) -> tuple[int, Path]:
    """Make a marker that `sweep_incoming` will leave alone while we live."""
    prefix = f"{_as_name(key)}."
    while True:
        handle, name = tempfile.mkstemp(dir=folder, prefix=prefix, suffix=MARKER)
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


def _as_name(key: str) -> str:
    """Write a key as the name of one file, without a dot."""
    return quote(key, safe="").replace(".", "%2E")


def _is_key(text: str) -> bool:
    """Whether this names a file of a video."""
    parts = PurePosixPath(text).parts
    return (
        len(parts) > 2 and ".." not in parts and _is_video_prefix("/".join(parts[:2]))
    )


def _is_video_prefix(text: str) -> bool:
    try:
        return text == video_prefix(video_of(text))
    except (ValueError, IndexError):
        return False


def _ago(age: timedelta) -> float:
    return time.time() - age.total_seconds()


def _skip(path: Path, reason: str) -> None:
    warn_once("stray_file_skipped", path=str(path), reason=reason)


@contextmanager
def _skipping(path: Path) -> Iterator[None]:
    """Let one entry that cannot be read not keep the others from their turn."""
    try:
        yield
    except FileNotFoundError:
        return  # Another process was quicker.
    except OSError as exc:
        _skip(path, exc.strerror or str(exc))


def _fail(exc: OSError) -> None:
    if not isinstance(exc, FileNotFoundError):
        raise exc


def _remove_if_free(marker: Path) -> None:
    """Remove a half-written file and its marker.

    Raises:
        BlockingIOError: whoever writes it lives.
        OSError: it cannot be removed.
    """
    with marker.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        marker.with_suffix(PART).unlink(missing_ok=True)
        marker.unlink()


def _remove_tree(folder: Path) -> None:
    """Remove a folder that another process may be removing as well.

    Raises:
        OSError: something in it cannot be removed.
    """
    for path, _, names in os.walk(folder, topdown=False, onerror=_fail):
        for name in names:
            Path(path, name).unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            Path(path).rmdir()


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

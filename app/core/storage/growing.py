"""A local file that grows by and by: by one writer at a time, over many requests."""

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

from app.core.storage.full_disk import no_room_is_storage_full
from app.core.storage.incoming import sync_folder
from app.core.storage.interface import ObjectBusy

FULL = (
    "The server's disk is full. What has come so far is kept: go on once there is "
    "room again."
)


class GrowingFile:
    """The file of an object, open for more, under a lock that dies with its process."""

    def __init__(self, path: Path, key: str, observe: Callable[[bytes], None]) -> None:
        self._path, self._observe = path, observe
        with no_room_is_storage_full(FULL):
            self._handle = _open_locked(path, key)
        self.size_bytes = os.lseek(self._handle, 0, os.SEEK_END)
        self._is_new = self.size_bytes == 0

    def write(self, data: bytes | bytearray) -> None:
        """Add some bytes at the end; what was written before an error is kept.

        Raises:
            StorageFull: there is no room for all of them.
        """
        rest = memoryview(data)
        with no_room_is_storage_full(FULL):
            while rest:
                written = os.write(self._handle, rest)
                self.size_bytes += written
                self._observe(bytes(rest[:written]))
                rest = rest[written:]

    def flush(self) -> int:
        """Make all of it safe on disk; returns its size."""
        with no_room_is_storage_full(FULL):
            os.fsync(self._handle)
        if self._is_new and self._path.exists():
            sync_folder(self._path.parent)
            sync_folder(self._path.parent.parent)
            self._is_new = False
        return self.size_bytes

    def truncate(self, size_bytes: int) -> None:
        """Forget what came behind a place."""
        os.ftruncate(self._handle, size_bytes)
        self.size_bytes = os.lseek(self._handle, 0, os.SEEK_END)

    def close(self) -> None:
        """Let others write; what was written stays."""
        os.close(self._handle)


def safe_size(path: Path) -> int:
    """Tell how many bytes of a growing file no power cut can take.

    Raises:
        FileNotFoundError: it is not there.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        size_bytes = os.fstat(handle).st_size
        os.fsync(handle)
    finally:
        os.close(handle)
    return size_bytes


def link_file(source: Path, target: Path) -> bool:
    """Give a file a second name, in one step that outlasts a power cut.

    Returns:
        Whether it could be done; else the file system has no such links.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        target.hardlink_to(source)
    except OSError as exc:
        if exc.errno in (errno.ENOENT, errno.ENOSPC, errno.EDQUOT):
            raise
        return False
    sync_folder(target.parent)
    return True


def _open_locked(path: Path, key: str) -> int:
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            os.close(handle)
            raise ObjectBusy(key) from exc
        if os.fstat(handle).st_nlink:
            return handle
        os.close(handle)  # It was deleted before our lock; make it anew.

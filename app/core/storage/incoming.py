"""The folder in which local files are written before they have a place, or removed.

Its names are this module's own affair: `<hex>.part` is being written, under a lock held
as long as its writer lives; `<hex>.gone` was moved here to be removed.
"""

import fcntl
import hashlib
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from app.core.logging import warn_once
from app.core.storage.full_disk import no_room_is_storage_full
from app.core.storage.interface import StoredFile

PART, GONE = ".part", ".gone"
OWN_NAME = re.compile(rf"[0-9a-f]{{32}}({re.escape(PART)}|{re.escape(GONE)})")
FICLONE = 0x40049409  # linux/fs.h: share the blocks of another file


class IncomingFolder:
    """Holds what is on its way in or out."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def make(self) -> Path:
        """Make the folder, if need be."""
        self.path.mkdir(parents=True, exist_ok=True)
        return self.path

    def open_part(self) -> tuple[int, Path]:
        """Make a file that `clean_up` leaves alone while it is open."""
        while True:
            path = self.make() / f"{uuid4().hex}{PART}"
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(handle).st_nlink:
                    return handle, path
            except BlockingIOError:
                pass  # A clean-up was quicker than our lock; make another.
            os.close(handle)

    def remove(self, folder: Path) -> None:
        """Remove a folder or a file, in one step that outlasts a power cut.

        What is left of it then is removed at leisure.

        Raises:
            OSError: something in it cannot be removed; `clean_up` tries again.
        """
        gone = self.make() / f"{uuid4().hex}{GONE}"
        try:
            folder.rename(gone)
        except FileNotFoundError:
            return
        sync_folder(self.path)
        sync_folder(folder.parent)
        _remove(gone)

    def clean_up(self) -> int:
        """Remove what killed processes left; returns how many files and folders.

        What is not ours, or cannot be removed, is left with one warning.
        """
        found = 0
        for path in sorted(self.make().iterdir()):
            if OWN_NAME.fullmatch(path.name) is None or path.is_symlink():
                _skip(path, "not an upload or a deletion")
                continue
            try:
                found += _remove_part(path) if path.suffix == PART else _remove(path)
            except FileNotFoundError:
                continue  # Another process was quicker.
            except OSError as exc:
                _skip(path, exc.strerror or str(exc))
        return found


class IncomingFile:
    """A temporary file on its way to its place; counted and hashed."""

    def __init__(self, folder: IncomingFolder, target: Path, key: str) -> None:
        self._target, self._key = target, key
        self._hash, self.size_bytes = hashlib.sha256(), 0
        with no_room_is_storage_full():
            self._handle, self._path = folder.open_part()

    def write(self, data: bytes | bytearray) -> None:
        """Add some bytes."""
        with no_room_is_storage_full():
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._handle, rest) :]
        self.add(data)

    def share(self, file: BinaryIO) -> bool:
        """Hold the bytes of another file without a copy; False: that cannot be had.

        Only some file systems can (Btrfs, XFS, ...). Tell each byte to `add` then.
        """
        try:
            fcntl.ioctl(self._handle, FICLONE, file.fileno())
        except OSError:
            return False
        return True

    def add(self, data: bytes | bytearray) -> None:
        """Count and hash bytes that the file holds already."""
        self._hash.update(data)
        self.size_bytes += len(data)

    def finish(self) -> StoredFile:
        """Put the file in its place."""
        with no_room_is_storage_full():
            os.fsync(self._handle)
            self._target.parent.mkdir(parents=True, exist_ok=True)
            self._path.replace(self._target)
            sync_folder(self._target.parent)
        return StoredFile(self._key, self.size_bytes, self._hash.hexdigest())

    def discard(self) -> None:
        """Close, and remove the file if it was not put in place."""
        self._path.unlink(missing_ok=True)
        os.close(self._handle)


def sync_folder(folder: Path) -> None:
    """Make a rename outlast a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove_part(path: Path) -> int:
    """Remove a half-written file unless its writer lives; tell whether it was."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return 0
        path.unlink()
    return 1


def _remove(folder: Path) -> int:
    """Remove a folder, or a file, that another process may be removing as well.

    Raises:
        OSError: something in it cannot be removed.
    """
    if not folder.is_dir():
        folder.unlink(missing_ok=True)
        return 1
    for path, _, names in os.walk(folder, topdown=False, onerror=_fail):
        for name in names:
            Path(path, name).unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            Path(path).rmdir()
    return 1


def _fail(exc: OSError) -> None:
    if not isinstance(exc, FileNotFoundError):
        raise exc


def _skip(path: Path, reason: str) -> None:
    warn_once("stray_file_skipped", path=str(path), reason=reason)

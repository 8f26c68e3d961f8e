"""Objects of a bucket as files of this machine, as many as there is room for.

A file is named by what its bytes are (key, size, ETag), so that an object which changed
is another file. Files in use are held by a lock that dies with its process; of the
others the one that was used longest ago goes first. Several processes share a folder.
"""

import fcntl
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from app.core.errors import StorageFull
from app.core.logging import warn_once
from app.core.storage.filling import ArrivingCopy, Filling
from app.core.storage.full_disk import no_room_is_storage_full
from app.core.storage.whole_reads import Read, read_into

SPARE_BYTES = 256 * 2**20  # of the disk, that a cache leaves to others
WAIT_S = 0.25  # for another process that fills the same file
WHOLE, PART = ".object", ".part"
OWN_NAME = re.compile(rf"[0-9a-f]{{64}}({re.escape(WHOLE)}|{re.escape(PART)})")
NO_ROOM = (
    "The cache folder {} has no room for a file of {} bytes: free some of that disk, "
    "or set TOUCHLINE_CACHE_DIR to a larger one."
)


class LocalCache:
    """A folder of whole objects, of a bounded size.

    An object that is larger than the bound is held all the same while it is used, if
    the disk has room for it.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder, self._max_bytes = folder, max_bytes

    @contextmanager
    def holding(
        self,
        tag: str,
        size_bytes: int,
        read: Read,
        on_progress: Callable[[int], None] = lambda _: None,
    ) -> Iterator[Path]:
        """Give the file of an object; it is read if it is not there yet.

        Args:
            tag: names its bytes, 64 hexadecimal digits.
            read: gives the bytes from a place to another.

        Raises:
            StorageFull: the disk has no room for it.
            FileNotFoundError, ObjectChanged, StorageUnavailable: as `read` does.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{tag}{WHOLE}"
        with ExitStack() as stack:
            while not self._hold(path, stack):
                self._fill(path, size_bytes, read, on_progress)
            yield path

    @contextmanager
    def arriving(
        self,
        tag: str,
        size_bytes: int,
        read: Read,
        on_progress: Callable[[int], None] = lambda _: None,
    ) -> Iterator[ArrivingCopy]:
        """Give the file of an object at once; its bytes come while it is used.

        Where another process or thread fills it, it is given when that has ended. See
        `holding`.

        Args:
            on_progress: is called now and then while that is waited for.

        Raises:
            StorageFull: the disk has no room for it.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{tag}{WHOLE}"
        with ExitStack() as stack:
            while not self._hold(path, stack):
                filling = self._begin(path, size_bytes, read, on_progress)
                if filling is None:
                    continue
                stack.callback(filling.close)
                try:
                    yield ArrivingCopy(path, filling.coming, filling.check)
                except BaseException:
                    filling.stop()
                    raise
                return
            yield ArrivingCopy(path)

    def _begin(
        self,
        path: Path,
        size_bytes: int,
        read: Read,
        on_progress: Callable[[int], None],
    ) -> Filling | None:
        """Begin to fill a file; None: somebody else does, or has done so."""
        part = path.with_suffix(PART)
        handle = self._own_part(part, path, on_progress)
        if handle is None:
            return None
        try:
            self._make_room(size_bytes)
            no_room = NO_ROOM.format(self._folder, size_bytes)
            os.ftruncate(handle, 0)
            filling = Filling(handle, part, size_bytes, read, no_room=no_room)
        except BaseException:
            part.unlink(missing_ok=True)
            os.close(handle)
            raise
        try:
            filling.start(path)
        except BaseException:
            filling.close()
            raise
        return filling

    def clean_up(self) -> int:
        """Remove what killed processes left half filled; tell how many."""
        removed = 0
        for path in self._files(PART):
            with _locked(path) as is_ours:
                if is_ours:
                    path.unlink(missing_ok=True)
                    removed += 1
        return removed

    def used_bytes(self) -> int:
        """Tell how much the files of the cache take."""
        return sum(_size(path) for path in self._files(WHOLE, PART))

    def _hold(self, path: Path, stack: ExitStack) -> bool:
        """Keep a file from going while it is used; False: it is not there."""
        try:
            handle = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return False
        stack.callback(os.close, handle)
        fcntl.flock(handle, fcntl.LOCK_SH)
        if not os.fstat(handle).st_nlink:
            return False
        with suppress(OSError):
            os.utime(path)
        return True

    def _fill(
        self,
        path: Path,
        size_bytes: int,
        read: Read,
        on_progress: Callable[[int], None],
    ) -> None:
        """Read an object into a file; another process that does so is waited for."""
        part = path.with_suffix(PART)
        handle = self._own_part(part, path, on_progress)
        if handle is None:
            return
        try:
            self._make_room(size_bytes)
            with no_room_is_storage_full(NO_ROOM.format(self._folder, size_bytes)):
                read_into(handle, size_bytes, read, on_progress)
                os.fsync(handle)  # a whole name survives a power cut
                os.fchmod(handle, 0o400)
            part.rename(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        finally:
            os.close(handle)

    def _own_part(
        self, part: Path, whole: Path, on_progress: Callable[[int], None]
    ) -> int | None:
        """Open a file that nobody else fills; None: somebody did so meanwhile."""
        handle = os.open(part, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            while not _try_lock(handle, fcntl.LOCK_EX):
                if whole.exists():
                    break
                time.sleep(WAIT_S)
                on_progress(0)
            else:
                if not whole.exists() and os.fstat(handle).st_nlink:
                    owned, handle = handle, -1
                    return owned
            return None
        finally:
            if handle != -1:
                os.close(handle)

    def _make_room(self, size_bytes: int) -> None:
        """Let files go that nobody uses until the new one fits.

        What killed processes left goes first: no sweep comes to every machine.
        """
        self.clean_up()
        used = sorted(self._files(WHOLE), key=_used_at)
        total = self.used_bytes()
        for path in used:
            free = shutil.disk_usage(self._folder).free - SPARE_BYTES
            if total + size_bytes <= self._max_bytes and free >= size_bytes:
                return
            size = _size(path)
            with _locked(path) as is_ours:
                if is_ours:
                    path.unlink(missing_ok=True)
                    total -= size
        if shutil.disk_usage(self._folder).free < size_bytes:
            raise StorageFull(NO_ROOM.format(self._folder, size_bytes))

    def _files(self, *suffixes: str) -> list[Path]:
        try:
            found = sorted(self._folder.iterdir())
        except FileNotFoundError:
            return []
        for path in found:
            if OWN_NAME.fullmatch(path.name) is None:
                warn_once("stray_file_skipped", path=str(path), reason="not a copy")
        return [
            path
            for path in found
            if path.suffix in suffixes and OWN_NAME.fullmatch(path.name)
        ]


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Lock a file that nobody uses; False: somebody does, or it is gone."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        yield False
        return
    try:
        yield _try_lock(handle, fcntl.LOCK_EX)
    finally:
        os.close(handle)


def _try_lock(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _used_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0

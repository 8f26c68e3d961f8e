"""A file of the cache that is read while it is filled."""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.core.errors import StorageFull
from app.core.storage.full_disk import no_room_is_storage_full
from app.core.storage.whole_reads import READS_AT_ONCE, Read, write_stretch
from model.video.arrival import Arrival, ComingFile

WINDOW_BYTES = 2 * 2**20  # by one request, and what a reader waits for


@dataclass(frozen=True, slots=True)
class ArrivingCopy:
    """A file of this machine with an object's bytes, or those that have come.

    Attributes:
        path: of the file while it is whole.
        coming: how to read it while it is not; None: it is whole.
        check: raises what keeps the bytes from coming, as `Storage.local_copy` does;
            call it while you wait for them.
    """

    path: Path
    coming: ComingFile | None = None
    check: Callable[[], None] = lambda: None

    def waiting(self, touch: Callable[[], None]) -> Callable[[], None]:
        """Make what to call while bytes are waited for: `check`, then `touch`."""

        def check_and_touch() -> None:
            self.check()
            touch()

        return check_and_touch


class Filling:
    """Fetches an object's bytes into a file, those first that a reader waits for.

    Its threads own the file: the last one puts it in place, or removes it.
    """

    def __init__(
        self, handle: int, part: Path, size_bytes: int, read: Read, *, no_room: str
    ) -> None:
        """Begin.

        Args:
            handle: of the file, empty, open for writing, locked; it is closed when
                all is done.
            part: its path.
            size_bytes: of the object.
            read: gives the bytes from a place to another.
            no_room: what to say where the disk is full.

        Raises:
            StorageFull: the disk takes no file of that size.
        """
        with no_room_is_storage_full(no_room):
            os.ftruncate(handle, size_bytes)
        self._handle, self._part, self._no_room = handle, part, no_room
        self._size_bytes, self._read = size_bytes, read
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._error: BaseException | None = None
        self._whole: Path | None = None
        self._running = READS_AT_ONCE
        self.arrival = Arrival.create(size_bytes, WINDOW_BYTES)
        self._left = set(range(self.arrival.count))
        self._read_at = 0  # the window that was last waited for
        self.coming = ComingFile(os.open(part, os.O_RDONLY), self.arrival)

    def start(self, whole: Path) -> None:
        """Fetch in threads of its own; the whole file is put in place at `whole`.

        Raises:
            RuntimeError: this machine has no thread left; the file goes.
        """
        self._whole = whole
        for started in range(READS_AT_ONCE):
            try:
                threading.Thread(target=self._work, name="fill", daemon=True).start()
            except BaseException:
                self._stopped.set()
                self._leave(READS_AT_ONCE - started)
                raise

    def check(self) -> None:
        """Raise what ended it, if anything did."""
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Fetch no more; what is under way ends by itself."""
        self._stopped.set()

    def close(self) -> None:
        """Close what readers used; the threads go on, unless they were stopped."""
        for descriptor in self.coming.shared:
            os.close(descriptor)

    def _work(self) -> None:
        try:
            while (window := self._next()) is not None:
                self._fetch(window)
        except BaseException as exc:  # noqa: BLE001 - told to whoever reads
            self._error = self._error or exc
            self._stopped.set()
        finally:
            self._leave(1)

    def _leave(self, threads: int) -> None:
        with self._lock:
            self._running -= threads
            is_last = not self._running
        if is_last:
            self._end()

    def _next(self) -> int | None:
        """Take a window: the one that is waited for, what follows it, else the first.

        A reader that begins in the middle need not wait for what is before.
        """
        with self._lock:
            if self._stopped.is_set() or not self._left:
                return None
            wanted = self.arrival.wanted
            if wanted is not None:
                self._read_at = wanted
            ahead = [window for window in self._left if window >= self._read_at]
            window = min(ahead or self._left)
            self._left.remove(window)
            return window

    def _fetch(self, window: int) -> None:
        start = window * WINDOW_BYTES
        end = min(start + WINDOW_BYTES, self._size_bytes)
        data = self._read(start, end)
        with no_room_is_storage_full(self._no_room):
            write_stretch(self._handle, start, end, data)
        self.arrival.mark(window)

    def _end(self) -> None:
        try:
            if self._stopped.is_set() or self._whole is None:
                self._part.unlink(missing_ok=True)
            else:
                with no_room_is_storage_full(self._no_room):
                    os.fsync(self._handle)  # a whole name survives a power cut
                os.fchmod(self._handle, 0o400)
                self._part.rename(self._whole)
        except (OSError, StorageFull) as exc:
            self._error = self._error or exc
            with suppress(OSError):
                self._part.unlink(missing_ok=True)
        finally:
            os.close(self._handle)

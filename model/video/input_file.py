"""The file that is decoded: opened once, by name, and read by its descriptor alone.

So a process can give up the right to open files before it reads this one.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from model.errors import UnreadableVideo
from model.video.arrival import Arrival, ComingFile


@dataclass(frozen=True, slots=True)
class InputFile:
    """A regular file that is open for reading.

    Attributes:
        descriptor: of it.
        arrival: which of its bytes are there, of a file that is still coming.
    """

    descriptor: int
    arrival: Arrival | None = None

    @property
    def size_bytes(self) -> int:
        """Its size as it is now."""
        return os.fstat(self.descriptor).st_size

    def read(self, count: int, *, at: int) -> bytes:
        """Return up to `count` bytes from offset `at`; moves no file position."""
        if self.arrival is not None:
            self.arrival.wait_for(at, at + count)
        return os.pread(self.descriptor, count, at)


@contextmanager
def open_input(path: Path, coming: ComingFile | None = None) -> Iterator[InputFile]:
    """Open a file, and close it with the block.

    Args:
        path: of the file.
        coming: takes its place, for a file that is still coming; it stays open.

    Raises:
        UnreadableVideo: not there, closed to us, or not a regular file.
    """
    if coming is not None:
        yield InputFile(coming.descriptor, coming.arrival)
        return
    try:
        # A pipe that nobody writes to would be waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as exc:
        raise UnreadableVideo(f"The file cannot be opened: {exc.strerror}.") from exc
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UnreadableVideo("The file cannot be opened: it is not a regular one.")
        yield InputFile(descriptor)
    finally:
        os.close(descriptor)

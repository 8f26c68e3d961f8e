"""A file whose bytes are still coming: who reads it waits for what is not there yet.

Whoever fetches it marks windows in memory that both processes share; whoever reads it
names there the window that it waits for, so that this one is fetched next.
"""

import mmap
import os
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from model.video.shared_memory import create_memory

_HEAD = struct.Struct("<qq")  # the window that is waited for and one more; is waiting
_POLL_S = 0.005


class Arrival:
    """Which windows of a file are there, in memory that processes share.

    Attributes:
        descriptor: of the memory; its maker closes it.
        size_bytes: of the whole file.
        window_bytes: of each window; the last one may be shorter.
    """

    def __init__(self, descriptor: int, size_bytes: int, window_bytes: int) -> None:
        self.descriptor = descriptor
        self.size_bytes, self.window_bytes = size_bytes, window_bytes
        self.count = -(-size_bytes // window_bytes)
        self._memory = mmap.mmap(descriptor, _HEAD.size + self.count)

    @classmethod
    def create(cls, size_bytes: int, window_bytes: int) -> Self:
        """Make the memory; no window is there."""
        count = -(-size_bytes // window_bytes)
        return cls(create_memory(_HEAD.size + count), size_bytes, window_bytes)

    @property
    def is_complete(self) -> bool:
        """Whether all windows are there."""
        return self._memory.find(b"\0", _HEAD.size) == -1

    @property
    def is_waited_for(self) -> bool:
        """Whether somebody waits for a window now."""
        return bool(_HEAD.unpack_from(self._memory)[1])

    @property
    def wanted(self) -> int | None:
        """The window that was last waited for; whoever reads may name any number."""
        number: int = _HEAD.unpack_from(self._memory)[0]
        return number - 1 if 0 < number <= self.count else None

    def mark(self, window: int) -> None:
        """Note that a window is there."""
        self._memory[_HEAD.size + window] = 1

    def wait_for(self, start: int, end: int) -> None:
        """Return once all bytes from `start` to before `end` are there.

        It waits without a limit: whoever fetches ends the reading process if it fails.
        """
        end = min(end, self.size_bytes)
        if start >= end:
            return
        first, last = start // self.window_bytes, (end - 1) // self.window_bytes
        for window in range(first, last + 1):
            if self._memory[_HEAD.size + window]:
                continue
            _HEAD.pack_into(self._memory, 0, window + 1, 1)
            while not self._memory[_HEAD.size + window]:
                time.sleep(_POLL_S)
            _HEAD.pack_into(self._memory, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class ComingFile:
    """A file that is being fetched.

    Attributes:
        descriptor: open for reading; the file has its whole size already.
        arrival: which of its bytes are there.
    """

    descriptor: int
    arrival: Arrival

    @property
    def shared(self) -> tuple[int, ...]:
        """The descriptors that a process needs to read it."""
        return self.descriptor, self.arrival.descriptor

    @property
    def request(self) -> dict[str, int]:
        """What it needs to know, for `from_request`."""
        return {
            "descriptor": self.descriptor,
            "memory": self.arrival.descriptor,
            "size_bytes": self.arrival.size_bytes,
            "window_bytes": self.arrival.window_bytes,
        }

    @classmethod
    def from_request(cls, request: Mapping[str, Any]) -> Self:
        """Open what `request` tells, in a process that inherited `shared`."""
        arrival = Arrival(
            request["memory"], request["size_bytes"], request["window_bytes"]
        )
        return cls(request["descriptor"], arrival)


class ComingReader:
    """A coming file as PyAV reads one: it waits until the bytes are there."""

    def __init__(self, file: ComingFile) -> None:
        self._file, self._at = file, 0

    def tell(self) -> int:
        """Tell where the next bytes are read."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move there; nothing is waited for yet."""
        size = self._file.arrival.size_bytes
        self._at = offset + (0, self._at, size)[whence]
        return self._at

    def read(self, size: int) -> bytes:
        """Give up to `size` bytes."""
        end = min(self._at + size, self._file.arrival.size_bytes)
        self._file.arrival.wait_for(self._at, end)
        data = os.pread(self._file.descriptor, max(0, end - self._at), self._at)
        self._at += len(data)
        return data

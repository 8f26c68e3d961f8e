"""Where the decoding process reads a live source's bytes from: open descriptors.

Each reader has FFmpeg's `read(count)`; b"" is the end.
"""

import os
import select
import threading
import time
from collections import deque

_DATAGRAM_BYTES = 65536
_MAX_WAITING_BYTES = 32 << 20
_POLL_S = 0.05


class StreamReader:
    """Reads a pipe or a connection."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def read(self, count: int) -> bytes:
        """Return what is there, at most `count` bytes; wait for the first."""
        try:
            return os.read(self._descriptor, count)
        except ConnectionError:
            return b""


class GrowingReader:
    """Reads a file that is still being written.

    It counts as complete when nothing was added for `idle_s`.
    """

    def __init__(self, descriptor: int, *, idle_s: float) -> None:
        self._descriptor = descriptor
        self._idle_s = idle_s
        self._is_over = False

    def read(self, count: int) -> bytes:
        """Return what is there, at most `count` bytes; wait for more at the end."""
        deadline = time.monotonic() + self._idle_s
        while not (data := os.read(self._descriptor, count)):
            # FFmpeg asks again after the end.
            self._is_over = self._is_over or time.monotonic() > deadline
            if self._is_over:
                return b""
            time.sleep(_POLL_S)
        return data


class DatagramReader:
    """Reads a UDP socket in a thread of its own, so that the kernel drops nothing.

    Attributes:
        dropped: datagrams that were dropped since decoding was too slow.
    """

    def __init__(self, descriptor: int) -> None:
        self.dropped = 0
        self._descriptor = descriptor
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._rest = b""
        self._changed = threading.Condition()
        threading.Thread(target=self._receive, daemon=True).start()

    def read(self, count: int) -> bytes:
        """Return datagrams, whole ones while they fit; wait for the first."""
        with self._changed:
            while not self._rest and not self._waiting:
                self._changed.wait()
            data = self._rest or self._take()
            while self._waiting and len(data) + len(self._waiting[0]) <= count:
                data += self._take()
        self._rest = data[count:]
        return data[:count]

    def _take(self) -> bytes:
        data = self._waiting.popleft()
        self._waiting_bytes -= len(data)
        return data

    def _receive(self) -> None:
        while True:
            select.select([self._descriptor], [], [])
            try:
                data = os.read(self._descriptor, _DATAGRAM_BYTES)
            except OSError:
                continue  # An error of an earlier datagram; the next is read.
            if not data:
                continue
            with self._changed:
                if self._waiting_bytes + len(data) > _MAX_WAITING_BYTES:
                    self.dropped += 1
                    continue
                self._waiting.append(data)
                self._waiting_bytes += len(data)
                self._changed.notify()

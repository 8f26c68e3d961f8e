"""Sources that need no protocol of ours: bytes that are pushed, pipes, files, UDP."""

import contextlib
import ipaddress
import os
import select
import socket
import struct
import threading
import time
from pathlib import Path

from model.errors import SourceSilent, SourceUnreachable
from model.video.input_file import open_input
from model.video.live.connection import Connection, Waiting, wait_until

_RECEIVE_BYTES = 8 << 20
_SO_RCVBUFFORCE = 33  # Of Linux; Python does not name it.


class PipeSource:
    """Bytes from a pipe, a socket or standard input, to their end: any format."""

    is_paced, is_bursty, is_pushed = True, False, False

    def __init__(self, descriptor: int, *, format: str | None = None) -> None:
        """Take a descriptor, which is copied.

        Args:
            descriptor: open for reading.
            format: FFmpeg's name; None: found out.
        """
        self.name = "the pipe"
        self._descriptor = os.dup(descriptor)
        self._format = format
        self._is_open = True
        self._has_connected = False

    @property
    def is_over(self) -> bool:
        """Whether the only connection was made."""
        return self._has_connected

    def connect(self, wait: Waiting) -> Connection:
        """Return the pipe, the first time."""
        wait()
        self._has_connected = True
        return Connection(os.dup(self._descriptor), "stream", self._format)

    def close(self) -> None:
        """Close the copy."""
        if self._is_open:
            self._is_open = False
            os.close(self._descriptor)


class FileSource:
    """A file that is still being written, from its beginning.

    MPEG-TS, FLV, Matroska and fragmented MP4; an ordinary MP4 has its index at the end.
    """

    is_paced, is_bursty, is_pushed = True, True, False

    def __init__(self, path: Path, *, idle_s: float = 10.0) -> None:
        """Name the file.

        Args:
            path: of the file; it must exist.
            idle_s: it is complete when nothing was added for so long.
        """
        self.name = f"the file {path.name}"
        self._path, self._idle_s = path, idle_s
        self._has_connected = False

    @property
    def is_over(self) -> bool:
        """Whether it was read to its end."""
        return self._has_connected

    def connect(self, wait: Waiting) -> Connection:
        """Open the file.

        Raises:
            UnreadableVideo: not there, closed to us, or not a regular file.
        """
        wait()
        with open_input(self._path) as file:
            descriptor = os.dup(file.descriptor)
        self._has_connected = True
        return Connection(descriptor, "growing", idle_s=self._idle_s)

    def close(self) -> None:
        """Nothing is held."""


class UdpSource:
    """MPEG-TS in UDP datagrams, to an address of this machine or a multicast group.

    Attributes:
        port: where datagrams are received.
    """

    is_paced, is_bursty, is_pushed, is_over = False, False, True, False

    def __init__(self, host: str, port: int, *, interface: str = "0.0.0.0") -> None:  # noqa: S104
        """Bind the socket; it stays bound until the source is closed.

        Args:
            host: IPv4 address of this machine, or of a multicast group.
            port: 0 is a free one.
            interface: IPv4 address of the interface that a group is joined on.

        Raises:
            SourceUnreachable: the address is not this machine's, or is taken.
        """
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            address = ipaddress.IPv4Address(host)
            if address.is_multicast:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            _enlarge_buffer(self._socket)
            self._socket.bind((host, port))
            if address.is_multicast:
                group = address.packed + ipaddress.IPv4Address(interface).packed
                membership = struct.pack("=8s", group)
                self._socket.setsockopt(
                    socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership
                )
        except (OSError, ValueError) as exc:
            self._socket.close()
            raise SourceUnreachable(
                f"Nothing can be received at udp://{host}:{port}: {exc}. Name an "
                "IPv4 address of this machine, or a multicast group, and a free port."
            ) from exc
        self.port = int(self._socket.getsockname()[1])
        self.name = f"udp://{host}:{self.port}"

    def connect(self, wait: Waiting) -> Connection:
        """Return the socket once there is a datagram."""
        wait_until(self._has_datagram, wait)
        return Connection(os.dup(self._socket.fileno()), "datagrams", "mpegts")

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _has_datagram(self) -> bool:
        return bool(select.select([self._socket], [], [], 0)[0])


def _enlarge_buffer(receiving: socket.socket) -> None:
    """Have room for what comes while the decoding process starts."""
    try:
        # Beyond net.core.rmem_max; only an administrator may.
        receiving.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BYTES)
    except OSError:
        receiving.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)


class PushSource:
    """Bytes that the caller writes, as they come from a browser; any format."""

    is_paced, is_bursty, is_pushed = True, False, True

    def __init__(
        self, name: str = "the push", *, write_timeout_s: float = 10.0
    ) -> None:
        """Begin.

        Args:
            name: for messages.
            write_timeout_s: how long `write` waits for room.
        """
        self.name = name
        self._write_timeout_s = write_timeout_s
        self._changed = threading.Condition()
        self._target: int | None = None
        self._ready: int | None = None
        self._restarts = 0
        self._is_finished = False

    @property
    def is_over(self) -> bool:
        """Whether `finish` was called and everything was read."""
        return self._is_finished and self._ready is None

    def write(self, data: bytes, restart: int | None = None) -> None:
        """Pass bytes on; wait for room. Called from one thread of each restart.

        Args:
            data: what comes next.
            restart: what `restart` returned to who writes; None: nobody else does.

        Raises:
            SourceSilent: nobody has read for `write_timeout_s`.
            BrokenPipeError: the stream is over, another sender has taken the place of
                this one, or what was written before cannot be read: `restart`, with a
                new head.
        """
        target = self._target_of(restart)
        deadline = time.monotonic() + self._write_timeout_s
        rest = memoryview(data)
        while rest:
            with self._changed:
                if self._target != target:
                    raise BrokenPipeError("the stream is over")
                with contextlib.suppress(BlockingIOError):
                    rest = rest[os.write(target, rest) :]
                    deadline = time.monotonic() + self._write_timeout_s
            left_s = deadline - time.monotonic()
            if rest and left_s <= 0:
                raise SourceSilent(
                    f"{self.name} is not read: nothing was taken for "
                    f"{self._write_timeout_s:g} s. Connect again later."
                )
            if rest:
                self._wait_for_room(target, left_s)

    def restart(self) -> int:
        """Begin anew with a head of its own, as a browser does that comes back.

        What was written before and not read yet is kept until something comes.

        Returns:
            The number of this restart, for `write`.

        Raises:
            BrokenPipeError: the stream is over.
        """
        with self._changed:
            if self._is_finished:
                raise BrokenPipeError("the stream is over")
            self._restarts += 1
            number = self._restarts
            self._close_target()
        return number

    def finish(self) -> None:
        """Say that there is no more."""
        with self._changed:
            self._is_finished = True
            self._close_target()

    def connect(self, wait: Waiting) -> Connection:
        """Return what is written, once something is.

        Raises:
            SourceUnreachable: it was finished meanwhile.
        """
        wait_until(lambda: self._ready is not None or self._is_finished, wait)
        with self._changed:
            ready, self._ready = self._ready, None
        if ready is None:
            raise SourceUnreachable(f"{self.name} has ended before it began.")
        return Connection(ready, "stream")

    def close(self) -> None:
        """Let go of the pipe; may be called twice."""
        self.finish()
        with self._changed:
            if self._ready is not None:
                os.close(self._ready)
            self._ready = None

    def _target_of(self, restart: int | None) -> int:
        """Give what is written to, opened when its first byte comes.

        Raises:
            BrokenPipeError: the stream is over, or another sender's.
        """
        with self._changed:
            if self._is_finished:
                raise BrokenPipeError("the stream is over")
            if restart not in (None, self._restarts):
                raise BrokenPipeError("another sender has taken the place of this one")
            if self._target is None:
                near, self._target = os.pipe()
                os.set_blocking(self._target, False)
                if self._ready is not None:
                    os.close(self._ready)
                self._ready = near
            return self._target

    def _wait_for_room(self, target: int, most_s: float) -> None:
        with contextlib.suppress(OSError, ValueError):  # It may be closed meanwhile.
            select.select([], [target], [], min(most_s, 0.2))

    def _close_target(self) -> None:
        if self._target is not None:
            os.close(self._target)
        self._target = None

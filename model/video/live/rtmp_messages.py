"""RTMP's handshake and chunks: bytes of a connection in, whole messages out.

Source: Adobe's Real Time Messaging Protocol (RTMP) specification 1.0, 5.2 to 5.4.
"""

import os
import struct
from dataclasses import dataclass, field
from typing import IO

SET_CHUNK_SIZE, ABORT, ACKNOWLEDGE, WINDOW, BANDWIDTH = 1, 2, 3, 5, 6
SOUND, PICTURE, DATA, COMMAND = 8, 9, 18, 20

_VERSION = 3
_HANDSHAKE_BYTES = 1536
_MAX_MESSAGE_BYTES = 8 << 20
_MAX_STREAMS = 64
_NO_ROOM = 0xFFFFFF
_HEAD_BYTES = (11, 7, 3, 0)
_WINDOW_BYTES = 2_500_000
_OUT_CHUNK = 4096


class NotRtmp(ValueError):
    """The other side does not speak RTMP as it is written."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    Attributes:
        kind: `SOUND`, `PICTURE`, `DATA`, `COMMAND` or another.
        time_ms: the sender's clock, modulo 2**32.
        stream: the message stream's number.
        data: what it holds.
    """

    kind: int
    time_ms: int
    stream: int
    data: bytes


@dataclass(slots=True)
class _Chunks:
    """What is known of one chunk stream."""

    time_ms: int = 0
    step_ms: int = 0
    size: int = 0
    kind: int = 0
    stream: int = 0
    has_long_time: bool = False
    data: bytearray = field(default_factory=bytearray)


class RtmpConnection:
    """The server's side of a connection."""

    def __init__(self, reading: IO[bytes], writing: IO[bytes]) -> None:
        self._reading, self._writing = reading, writing
        self._chunk_size = 128
        self._streams: dict[int, _Chunks] = {}
        self._received = self._acknowledged = 0

    def shake_hands(self) -> None:
        """Answer the client's first bytes (the plain handshake, without digests).

        Raises:
            NotRtmp: it speaks something else.
        """
        version = self._read(1)[0]
        if version != _VERSION:
            raise NotRtmp(f"version {version}")
        theirs = self._read(_HANDSHAKE_BYTES)
        ours = bytes(8) + os.urandom(_HANDSHAKE_BYTES - 8)
        self._writing.write(bytes([_VERSION]) + ours + theirs)
        self._writing.flush()
        self._read(_HANDSHAKE_BYTES)

    def receive(self) -> Message:
        """Wait for the next message that is not about the connection itself.

        Raises:
            NotRtmp: it does not keep to the protocol, or has closed the connection.
        """
        while True:
            message = self._chunk()
            if self._received - self._acknowledged >= _WINDOW_BYTES:
                self._acknowledged = self._received
                self.send(ACKNOWLEDGE, struct.pack(">I", self._received & 0xFFFFFFFF))
            if message is None:
                continue
            if message.kind == SET_CHUNK_SIZE:
                self._chunk_size = self._size_of(message.data)
            elif message.kind == ABORT and len(message.data) == 4:
                self._streams.pop(int.from_bytes(message.data), None)
            elif message.kind in (SOUND, PICTURE, DATA, COMMAND):
                return message

    def send(self, kind: int, data: bytes, *, stream: int = 0) -> None:
        """Send a message at once."""
        head = struct.pack(">B3x", 2 if kind < SOUND else 3)
        head += len(data).to_bytes(3) + bytes([kind]) + struct.pack("<I", stream)
        pieces = [head]
        for at in range(0, len(data), _OUT_CHUNK):
            if at:
                pieces.append(bytes([0xC0 | head[0]]))
            pieces.append(data[at : at + _OUT_CHUNK])
        self._writing.write(b"".join(pieces))
        self._writing.flush()

    def begin(self) -> None:
        """Say how large windows and our chunks are."""
        self.send(WINDOW, struct.pack(">I", _WINDOW_BYTES))
        self.send(BANDWIDTH, struct.pack(">IB", _WINDOW_BYTES, 2))
        self.send(SET_CHUNK_SIZE, struct.pack(">I", _OUT_CHUNK))

    def _chunk(self) -> Message | None:
        """Read one chunk; return the message that it ends."""
        first = self._read(1)[0]
        form, number = first >> 6, first & 0x3F
        if number < 2:
            number = 64 + int.from_bytes(self._read(number + 1), "little")
        if number not in self._streams and len(self._streams) >= _MAX_STREAMS:
            raise NotRtmp("too many chunk streams")
        chunks = self._streams.setdefault(number, _Chunks())
        self._head(chunks, form)
        count = min(self._chunk_size, chunks.size - len(chunks.data))
        chunks.data += self._read(count)
        if len(chunks.data) < chunks.size:
            return None
        data, chunks.data = bytes(chunks.data), bytearray()
        return Message(chunks.kind, chunks.time_ms, chunks.stream, data)

    def _head(self, chunks: _Chunks, form: int) -> None:
        head = self._read(_HEAD_BYTES[form])
        is_new = not chunks.data
        if form < 2:
            if not is_new:
                raise NotRtmp("a message begins inside another")
            chunks.size, chunks.kind = int.from_bytes(head[3:6]), head[6]
            if chunks.size > _MAX_MESSAGE_BYTES:
                raise NotRtmp(f"a message of {chunks.size} bytes")
        if form == 0:
            chunks.stream = int.from_bytes(head[7:11], "little")
        if form == 3:
            # The long time is repeated before each chunk.
            if chunks.has_long_time:
                self._read(4)
            if is_new:
                chunks.time_ms = (chunks.time_ms + chunks.step_ms) & 0xFFFFFFFF
            return
        time_ms = int.from_bytes(head[:3])
        chunks.has_long_time = time_ms == _NO_ROOM
        if chunks.has_long_time:
            time_ms = int.from_bytes(self._read(4))
        if form == 0:
            chunks.time_ms, chunks.step_ms = time_ms, 0
        else:
            chunks.step_ms = time_ms
            chunks.time_ms = (chunks.time_ms + time_ms) & 0xFFFFFFFF

    def _read(self, count: int) -> bytes:
        data = self._reading.read(count) if count else b""
        if len(data) < count:
            raise NotRtmp("the connection was closed")
        self._received += count
        return data

    def _size_of(self, data: bytes) -> int:
        size = int.from_bytes(data[:4]) & 0x7FFFFFFF
        if not 1 <= size <= _MAX_MESSAGE_BYTES:
            raise NotRtmp(f"chunks of {size} bytes")
        return size

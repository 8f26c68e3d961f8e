"""Listens for encoders that push by RTMP; each names its stream by a secret key.

What an encoder sends is passed on as FLV, unread: the decoding process reads it.
"""

import hmac
import logging
import os
import select
import socket
import threading
import time
from contextlib import suppress

from model.errors import SourceUnreachable
from model.video.live.amf import read_values, write_values
from model.video.live.connection import Connection, Waiting, wait_until
from model.video.live.rtmp_messages import (
    COMMAND,
    DATA,
    PICTURE,
    SOUND,
    Message,
    NotRtmp,
    RtmpConnection,
)

_MAX_CONNECTIONS = 64
_GREETING_S = 10.0
_SILENT_S = 30.0
_DEAD_S = 3.0
_WRITE_S = 30.0
_STREAM = 1
_FLV_HEAD = b"FLV\x01\x01\0\0\0\x09\0\0\0\0"  # With pictures; sound where it comes.
_SET_DATA_FRAME = write_values("@setDataFrame")
_log = logging.getLogger(__name__)


class ListenSource:
    """A stream that an encoder pushes under a key; it may come and go."""

    is_paced, is_bursty, is_pushed, is_over = False, False, True, False

    def __init__(self, server: "RtmpServer", key: str) -> None:
        self.name = f"the RTMP encoder at port {server.port}"
        self.key = key
        self._server = server
        self._lock = threading.Lock()
        self._publisher: _Publisher | None = None
        self._ready: int | None = None

    def connect(self, wait: Waiting) -> Connection:
        """Wait for an encoder."""
        wait_until(lambda: self._ready is not None, wait)
        with self._lock:
            ready, self._ready = self._ready, None
            publisher = self._publisher
        if ready is None:
            raise SourceUnreachable("The encoder has gone again.")
        # One that has gone already left what it sent.
        closing = None if publisher is None else publisher.stop
        return Connection(ready, "stream", "flv", closing=closing)

    def close(self) -> None:
        """Take no more encoders under the key, and let go of the one there is."""
        self._server.forget(self)
        with self._lock:
            if self._publisher is not None:
                self._publisher.stop()
            if self._ready is not None:
                os.close(self._ready)
            self._ready = None

    def begin(self, publisher: "_Publisher") -> int | None:
        """Take an encoder; return what it writes to, or None if another one sends."""
        with self._lock:
            before = self._publisher
            if before is not None and before.is_alive:
                return None
            if before is not None:
                before.stop()
            if self._ready is not None:
                os.close(self._ready)
            self._ready, target = os.pipe()
            self._publisher = publisher
        return target

    def end(self, publisher: "_Publisher") -> None:
        """Learn that an encoder has gone."""
        with self._lock:
            if self._publisher is publisher:
                self._publisher = None


class RtmpServer:
    """One port for all streams that are pushed.

    Attributes:
        port: where it listens.
    """

    def __init__(self, host: str, port: int) -> None:
        """Listen; close it in the end.

        Raises:
            SourceUnreachable: the address is not this machine's, or is taken.
        """
        try:
            self._listener = socket.create_server((host, port))
        except OSError as exc:
            raise SourceUnreachable(
                f"RTMP cannot be received at {host}:{port}: {exc.strerror or exc}. "
                "Choose an address of this machine and a port that is free."
            ) from exc
        self.port = int(self._listener.getsockname()[1])
        self._sources: list[ListenSource] = []
        self._lock = threading.Lock()
        self._room = threading.Semaphore(_MAX_CONNECTIONS)
        threading.Thread(target=self._accept, name="rtmp", daemon=True).start()

    def source(self, key: str) -> ListenSource:
        """Take encoders that name this key.

        Raises:
            ValueError: another stream has it.
        """
        source = ListenSource(self, key)
        with self._lock:
            if any(one.key == key for one in self._sources):
                raise ValueError("a stream with this key is there already")
            self._sources.append(source)
        return source

    def forget(self, source: ListenSource) -> None:
        """Take no more encoders for it."""
        with self._lock:
            self._sources = [one for one in self._sources if one is not source]

    def close(self) -> None:
        """Stop listening, and let go of all encoders."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            sources = list(self._sources)
        for source in sources:
            source.close()

    def find(self, name: str) -> ListenSource | None:
        """Return the source of a stream's name, in a time that tells nothing."""
        key = name.partition("?")[0].encode()
        with self._lock:
            found = [
                one
                for one in self._sources
                if hmac.compare_digest(one.key.encode(), key)
            ]
        return found[0] if found else None

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return  # It was closed.
            if not self._room.acquire(blocking=False):
                accepted.close()
                continue
            publisher = _Publisher(self, accepted, self._room)
            threading.Thread(target=publisher.run, name="rtmp", daemon=True).start()


class _Publisher:
    """One encoder's connection."""

    def __init__(
        self, server: RtmpServer, accepted: socket.socket, room: threading.Semaphore
    ) -> None:
        self._server, self._socket, self._room = server, accepted, room
        self._source: ListenSource | None = None
        self._target: int | None = None
        self._heard_at = time.monotonic()
        self._is_over = False

    @property
    def is_alive(self) -> bool:
        """Whether something came of late."""
        return not self._is_over and time.monotonic() - self._heard_at < _DEAD_S

    def stop(self) -> None:
        """End the connection."""
        self._is_over = True
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def run(self) -> None:
        """Serve the connection to its end."""
        try:
            self._serve()
        except (NotRtmp, OSError, ValueError) as exc:
            _log.debug("an RTMP connection has ended: %s", exc)
        finally:
            self._is_over = True
            if self._target is not None:
                os.close(self._target)
            if self._source is not None:
                self._source.end(self)
            self._socket.close()
            self._room.release()

    def _serve(self) -> None:
        self._socket.settimeout(_GREETING_S)
        with (
            self._socket.makefile("rb") as reading,
            self._socket.makefile("wb") as writing,
        ):
            rtmp = RtmpConnection(reading, writing)
            rtmp.shake_hands()
            deadline = time.monotonic() + _GREETING_S
            while not self._is_over:
                message = rtmp.receive()
                self._heard_at = time.monotonic()
                if self._target is None and self._heard_at > deadline:
                    raise NotRtmp("nothing is published")
                if message.kind == COMMAND:
                    self._obey(rtmp, message)
                elif self._target is not None:
                    self._write(_flv_tag(message))

    def _obey(self, rtmp: RtmpConnection, message: Message) -> None:
        values = read_values(message.data)
        if len(values) < 2 or not isinstance(values[1], float):
            raise NotRtmp("a command without a number")
        command, number = values[0], values[1]
        if command == "connect":
            rtmp.begin()
            told = {"code": "NetConnection.Connect.Success", "level": "status"}
            server = {"fmsVer": "FMS/3,0,1,123", "capabilities": 31}
            rtmp.send(COMMAND, write_values("_result", number, server, told))
        elif command == "createStream":
            rtmp.send(COMMAND, write_values("_result", number, None, _STREAM))
        elif command == "publish":
            self._publish(rtmp, str(values[3]) if len(values) > 3 else "")
        elif command in ("deleteStream", "FCUnpublish", "closeStream"):
            self._is_over = True
        elif number:
            rtmp.send(COMMAND, write_values("_result", number, None, None))

    def _publish(self, rtmp: RtmpConnection, name: str) -> None:
        source = self._server.find(name)
        why = "There is no stream with this key, or it has ended."
        if source is not None and self._target is None:
            self._target = source.begin(self)
            why = "Another encoder sends under this key."
        if source is None or self._target is None:
            told = {"level": "error", "code": "NetStream.Publish.BadName"}
            told["description"] = why
            data = write_values("onStatus", 0, None, told)
            rtmp.send(COMMAND, data, stream=_STREAM)
            raise NotRtmp(why)
        self._source = source
        os.set_blocking(self._target, False)
        self._socket.settimeout(_SILENT_S)
        told = {"level": "status", "code": "NetStream.Publish.Start"}
        rtmp.send(COMMAND, write_values("onStatus", 0, None, told), stream=_STREAM)
        self._write(_FLV_HEAD)

    def _write(self, data: bytes) -> None:
        target, rest = self._target, memoryview(data)
        deadline = time.monotonic() + _WRITE_S
        while rest and target is not None:
            left_s = max(0.0, deadline - time.monotonic())
            if not select.select([], [target], [], left_s)[1]:
                raise TimeoutError("nobody reads the stream")
            with suppress(BlockingIOError):
                rest = rest[os.write(target, rest) :]


def _flv_tag(message: Message) -> bytes:
    """Write a message as FLV has it. Source: Adobe's FLV specification 10.1, E.4.1."""
    if message.kind not in (SOUND, PICTURE, DATA):
        return b""
    data = message.data
    if message.kind == DATA:
        data = data.removeprefix(_SET_DATA_FRAME)
    time_ms = message.time_ms
    head = bytes([message.kind]) + len(data).to_bytes(3)
    head += (time_ms & 0xFFFFFF).to_bytes(3) + bytes([time_ms >> 24 & 0xFF, 0, 0, 0])
    return head + data + (len(head) + len(data)).to_bytes(4)

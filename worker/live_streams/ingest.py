"""Where a worker takes the bytes that the API relays from a browser.

One connection at a time: its first line is the stream's token, then come the bytes. A
connection that comes later takes the place of the one before, which may hang. One whose
first line is the token and `end` sends nothing: the stream is over once all that came
before has been seen.
"""

import hmac
import secrets
import socket
import threading
from contextlib import suppress
from typing import Protocol

import structlog

HELLO_S = 5.0
SILENT_S = 60.0  # a browser that sends nothing for so long is gone
RECEIVE_BYTES = 65536
KERNEL_BYTES = 256 * 2**10  # so that who sends notices what was taken
MOST_HELLO_BYTES = 100
END_S = 600.0  # for what was sent before, which waits for a model that is slower
READY = b"ready\n"
ENDED = b"ended\n"
END = b" end"

log = structlog.get_logger(__name__)


class Pushed(Protocol):
    """Takes the bytes; see `model.video.live.sources.PushSource`."""

    def write(self, data: bytes, restart: int) -> None: ...
    def restart(self) -> int: ...
    def finish(self) -> None: ...


class Ingest:
    """Listens until it is closed.

    Attributes:
        address: for the stream's row: host, port, token, and that it takes an end.
    """

    def __init__(self, source: Pushed, *, host: str, public_host: str | None) -> None:
        """Listen on a free port.

        Args:
            host: to listen on.
            public_host: by which the API reaches it; None: the same.
        """
        self._source = source
        self._listener = socket.create_server((host, 0), backlog=4)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BYTES)
        self._token = secrets.token_urlsafe(24)
        self._current: socket.socket | None = None
        self._passing_on: threading.Thread | None = None
        self._is_cut = False  # the connection before broke off
        self._lock = threading.Lock()
        self.address = {
            "host": public_host or host,
            "port": str(self._listener.getsockname()[1]),
            "token": self._token,
            "takes_end": "yes",  # workers of older releases do not
        }
        threading.Thread(target=self._accept, name="live-ingest", daemon=True).start()

    def close(self) -> None:
        """Take nothing more, and let go of who sends."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._replace(None)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # closed
            threading.Thread(
                target=self._serve, args=(connection,), daemon=True
            ).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(HELLO_S)
            try:
                hello = _first_line(connection)
                if self._is_token(hello):
                    self._pass_on(connection)
                elif self._is_token(hello.removesuffix(END)):
                    self._finish(connection)
            except Exception as exc:  # noqa: BLE001  # whatever it is, it may come again
                log.info("live_push_ended", error=f"{type(exc).__name__}: {exc}")

    def _is_token(self, said: bytes) -> bool:
        return hmac.compare_digest(said, self._token.encode())

    def _pass_on(self, connection: socket.socket) -> None:
        connection.settimeout(SILENT_S)
        self._replace(connection)
        restart = self._source.restart()
        connection.sendall(READY)
        self._is_cut = True
        while data := connection.recv(RECEIVE_BYTES):
            self._source.write(data, restart)
        with self._lock:
            if self._passing_on is threading.current_thread():
                self._is_cut = False

    def _finish(self, connection: socket.socket) -> None:
        """End the source after what the connection before still passes on."""
        with self._lock:
            before = self._passing_on
        if before is not None:
            before.join(END_S)
        if self._is_cut:
            log.warning("live_push_cut")  # What came last is not all read: no end.
            return
        self._source.finish()
        connection.sendall(ENDED)

    def _replace(self, connection: socket.socket | None) -> None:
        with self._lock:
            before, self._current = self._current, connection
            if connection is not None:
                self._passing_on = threading.current_thread()
        if before is not None:
            with suppress(OSError):
                before.shutdown(socket.SHUT_RDWR)


def _first_line(connection: socket.socket) -> bytes:
    """Read up to a line's end; what is no line is empty."""
    line = b""
    while not line.endswith(b"\n") and len(line) < MOST_HELLO_BYTES:
        byte = connection.recv(1)
        if not byte:
            return b""
        line += byte
    return line.removesuffix(b"\n")

"""Where a worker takes the bytes that the API relays from a browser.

One connection at a time: its first line is the stream's token, then come the bytes. A
connection that comes later takes the place of the one before, which may hang.
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
READY = b"ready\n"

log = structlog.get_logger(__name__)


class Pushed(Protocol):
    """Takes the bytes; see `model.video.live.sources.PushSource`."""

    def write(self, data: bytes) -> None: ...
    def restart(self) -> None: ...


class Ingest:
    """Listens until it is closed.

    Attributes:
        address: for the stream's row: host, port, token.
    """

    def __init__(self, source: Pushed, *, host: str, public_host: str | None) -> None:
        """Listen on a free port.

        Args:
            host: to listen on.
            public_host: by which the API reaches it; None: the same.
        """
        self._source = source
        self._listener = socket.create_server((host, 0), backlog=4)
        self._token = secrets.token_urlsafe(24)
        self._current: socket.socket | None = None
        self._lock = threading.Lock()
        self.address = {
            "host": public_host or host,
            "port": str(self._listener.getsockname()[1]),
            "token": self._token,
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
                if not self._is_ours(connection):
                    return
                connection.settimeout(SILENT_S)
                self._replace(connection)
                self._source.restart()
                connection.sendall(READY)
                while data := connection.recv(RECEIVE_BYTES):
                    self._source.write(data)
            except Exception as exc:  # noqa: BLE001  # whatever it is, it may come again
                log.info("live_push_ended", error=f"{type(exc).__name__}: {exc}")

    def _is_ours(self, connection: socket.socket) -> bool:
        hello = b""
        while not hello.endswith(b"\n") and len(hello) < 100:
            byte = connection.recv(1)
            if not byte:
                return False
            hello += byte
        return hmac.compare_digest(hello.strip(), self._token.encode())

    def _replace(self, connection: socket.socket | None) -> None:
        with self._lock:
            before, self._current = self._current, connection
        if before is not None:
            with suppress(OSError):
                before.shutdown(socket.SHUT_RDWR)

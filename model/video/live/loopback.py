"""Lets FFmpeg speak RTSP or RTMP over a connection that is open already.

FFmpeg opens its connections itself. So it is given an address in the decoding process's
own, empty network; what it sends there goes over the open connection, and nothing else
can be reached, whatever the other side tells it to open.
"""

import os
import socket
import threading

_BUFFER_BYTES = 65536


class Loopback:
    """Listens on 127.0.0.1 for one connection and joins it to an open descriptor.

    Attributes:
        port: where it listens; None before.
    """

    def __init__(self, descriptor: int) -> None:
        self.port: int | None = None
        self._far = descriptor

    def listen(self) -> int:
        """Listen, and return the port; call it before the sandbox forbids it."""
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(1)
        self.port = int(self._listener.getsockname()[1])
        return self.port

    def start(self) -> None:
        """Wait for the connection in a thread, which the sandbox holds, too."""
        if self.port is not None:
            threading.Thread(target=self._join, daemon=True).start()

    def _join(self) -> None:
        near, _ = self._listener.accept()
        self._listener.close()
        for source, target in ((near.fileno(), self._far), (self._far, near.fileno())):
            threading.Thread(
                target=_pump, args=(source, target, near), daemon=True
            ).start()


def _pump(source: int, target: int, near: socket.socket) -> None:
    try:
        while data := os.read(source, _BUFFER_BYTES):
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(target, rest) :]
    except OSError:
        pass  # One side has closed; the other learns it here.
    try:
        near.shutdown(socket.SHUT_RDWR)
    except OSError:
        return

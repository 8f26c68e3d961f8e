"""A proxy that loses connections: while a request comes, or before its answer goes."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class CuttingProxy:
    """Passes bytes on, until it is told to lose them.

    Attributes:
        cut_after: bytes of a request of which the first has `cut_if` in it, after
            which its connection is lost; one number for each cut.
        lose_answer_to: the beginning of a request whose answer is lost, once.
        is_away: whether connections are refused.
    """

    server: tuple[str, int]
    url: str = ""
    cut_if: bytes = b"PATCH "
    cut_after: list[int] = field(default_factory=list)
    lose_answer_to: bytes | None = None
    is_away: bool = False
    cuts: int = 0
    threads: list[threading.Thread] = field(default_factory=list)
    sockets: list[socket.socket] = field(default_factory=list)

    def accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                self.sockets.append(client)
                if self.is_away:
                    client.close()
                    continue
                server = socket.create_connection(self.server)
                self.sockets.append(server)
                link = _Link(self, client, server)
                for pump in (link.questions, link.answers):
                    self.threads.append(threading.Thread(target=pump))
                    self.threads[-1].start()


@dataclass
class _Link:
    proxy: CuttingProxy
    client: socket.socket
    server: socket.socket
    loses_answer: bool = False

    def questions(self) -> None:
        left: int | None = None
        with suppress(OSError):
            while data := self.client.recv(65536):
                if left is None and self.proxy.cut_if in data and self.proxy.cut_after:
                    left = self.proxy.cut_after.pop(0)
                wanted = self.proxy.lose_answer_to
                if wanted is not None and data.startswith(wanted):
                    self.loses_answer, self.proxy.lose_answer_to = True, None
                self.server.sendall(data if left is None else data[:left])
                if left is not None:
                    left -= len(data)
                    if left <= 0:
                        self.proxy.cuts += 1
                        break
        self._end()

    def answers(self) -> None:
        with suppress(OSError):
            while data := self.server.recv(65536):
                if self.loses_answer:
                    self.proxy.cuts += 1
                    break
                self.client.sendall(data)
        self._end()

    def _end(self) -> None:
        for one in (self.client, self.server):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


@contextmanager
def cutting_proxy(url: str) -> Iterator[CuttingProxy]:
    """Stand before a server of HTTP until the block ends."""
    parts = urlsplit(url)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = CuttingProxy((parts.hostname or "", parts.port or 80))
        proxy.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        accepting = threading.Thread(target=proxy.accept, args=(listener,))
        accepting.start()
        try:
            yield proxy
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            accepting.join()
            for one in proxy.sockets:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
            for thread in proxy.threads:
                thread.join()
            for one in proxy.sockets:
                one.close()

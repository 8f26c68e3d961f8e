"""A proxy before Postgres that can lose a connection at the very moment of COMMIT."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from urllib.parse import parse_qs, urlsplit

COMMIT = b"COMMIT"
UPLOAD = b"INSERT INTO videos"  # only a transaction that holds this is cut


class Cut(Enum):
    """What is lost of the COMMIT of the next upload."""

    QUESTION = auto()  # the server never hears it
    ANSWER = auto()  # the server commits, the client never hears of it
    ANSWER_AND_SERVER = auto()  # and nobody can reach the server from then on


@dataclass
class PostgresProxy:
    """Passes bytes on, until it is told to cut."""

    url: str
    server: str  # path of its socket
    cut: Cut | None = None
    is_away: bool = False
    sockets: list[socket.socket] = field(default_factory=list)

    @property
    def has_cut(self) -> bool:
        """Whether what was to be cut has been."""
        return self.cut is None

    def accept(self, listener: socket.socket) -> None:
        """Take connections until the listener is closed."""
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                self.sockets.append(client)
                if self.is_away:
                    _hang_up(client)
                    continue
                server = socket.socket(socket.AF_UNIX)
                server.connect(self.server)
                self.sockets.append(server)
                link = _Link(self, client, server)
                for pump in (link.questions, link.answers):
                    threading.Thread(target=pump, daemon=True).start()

    def leave(self) -> None:
        """Be unreachable from now on."""
        self.is_away = True
        _hang_up(*self.sockets)


@dataclass
class _Link:
    proxy: PostgresProxy
    client: socket.socket
    server: socket.socket
    lost: Cut | None = None

    def questions(self) -> None:
        """Pass on what the client says."""
        is_upload = False
        with suppress(OSError):
            while data := self.client.recv(65536):
                is_upload = is_upload or UPLOAD in data
                if is_upload and COMMIT in data and self.proxy.cut is not None:
                    self.lost, self.proxy.cut = self.proxy.cut, None
                    if self.lost is Cut.QUESTION:
                        break
                self.server.sendall(data)
        _hang_up(self.client, self.server)

    def answers(self) -> None:
        """Pass on what the server says."""
        with suppress(OSError):
            while data := self.server.recv(65536):
                if self.lost is Cut.ANSWER_AND_SERVER:
                    self.proxy.leave()
                if self.lost is not None:
                    break
                self.client.sendall(data)
        _hang_up(self.client, self.server)


@contextmanager
def proxied(url: str) -> Iterator[PostgresProxy]:
    """Stand before the tests' server, which listens on a Unix socket."""
    parts = urlsplit(url)
    folder = parse_qs(parts.query)["host"][0]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"{parts.username}@127.0.0.1:{listener.getsockname()[1]}"
        proxy = PostgresProxy(
            url=f"postgresql://{address}{parts.path}", server=f"{folder}/.s.PGSQL.5432"
        )
        thread = threading.Thread(target=proxy.accept, args=(listener,))
        thread.start()
        try:
            yield proxy
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            _hang_up(*proxy.sockets)
            for one in proxy.sockets:
                one.close()


def _hang_up(*sockets: socket.socket) -> None:
    for one in sockets:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)

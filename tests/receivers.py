"""Webhook receivers on this machine: those that answer as told, and those that hang."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Handler = Callable[[socket.socket], None]


@dataclass
class Receiver:
    """Answers as told, the last answer again and again; keeps what it got."""

    answers: list[tuple[int, dict[str, str]]]
    port: int = 0
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    entered: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


class RequestHandler(BaseHTTPRequestHandler):
    """Talks to one sender for a receiver."""

    def __init__(self, receiver: Receiver, *args: Any) -> None:
        self.receiver = receiver
        super().__init__(*args)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {key.lower(): value for key, value in self.headers.items()}
        self.receiver.received.append((headers, body))
        place = min(len(self.receiver.received), len(self.receiver.answers)) - 1
        self.receiver.entered.set()
        self.receiver.go_on.wait(240)
        status, more = self.receiver.answers[place]
        self.send_response(status)
        for key, value in more.items():
            self.send_header(key, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""


@contextlib.contextmanager
def running_receiver() -> Iterator[Receiver]:
    """Run a receiver that answers 204 until told otherwise."""
    found = Receiver([(204, {})])
    found.go_on.set()
    handler = partial(RequestHandler, found)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        found.port = server.server_port
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield found
        finally:
            found.go_on.set()
            server.shutdown()
            thread.join()


@dataclass
class Hanging:
    """Receivers that accept, read and never answer."""

    servers: list[socket.socket]
    connections: list[socket.socket] = field(default_factory=list)

    @property
    def urls(self) -> list[str]:
        return [f"http://127.0.0.1:{one.getsockname()[1]}/" for one in self.servers]

    def accept(self, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                self.connections.append(server.accept()[0])


@contextlib.contextmanager
def hanging_receivers(count: int) -> Iterator[Hanging]:
    """Run receivers that hang until the block ends."""
    found = Hanging([socket.create_server(("127.0.0.1", 0)) for _ in range(count)])
    threads = [
        threading.Thread(target=found.accept, args=(server,))
        for server in found.servers
    ]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        for server in found.servers:
            server.shutdown(socket.SHUT_RDWR)
            server.close()
        for thread in threads:
            thread.join()
        for connection in found.connections:
            connection.close()


@contextlib.contextmanager
def listener(handle: Handler, *, address: str = "127.0.0.1") -> Iterator[int]:
    """Accept connections on a free port, one after the other, and let `handle` talk."""

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                with connection, contextlib.suppress(OSError):
                    handle(connection)

    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as server:
        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            thread.join()

"""A web server of somebody else's: serves files by ranges, and misbehaves as told."""

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType

Behave = Callable[["FileRequest"], None]


@dataclass
class FileServer:
    """What is served at which path; keeps the headers of what was asked."""

    port: int = 0
    paths: dict[str, Behave] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str = "/match.mp4") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def ranges(self) -> list[str | None]:
        """List the ranges that were asked for."""
        return [headers.get("range") for _, headers in self.asked]


class FileRequest(BaseHTTPRequestHandler):
    """Answers one request for a server."""

    protocol_version = "HTTP/1.1"

    def __init__(self, server_of: FileServer, *args: object) -> None:
        self.files = server_of
        super().__init__(*args)  # type: ignore[arg-type]  # as the server gives them

    def do_GET(self) -> None:
        self.close_connection = True
        headers = {key.lower(): value for key, value in self.headers.items()}
        path = self.path.partition("?")[0]
        self.files.asked.append((self.path, headers))
        with suppress(BrokenPipeError, ConnectionResetError):
            self.files.paths[path](self)

    def answer(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for key, value in {"connection": "close", **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""


def serve(
    content: bytes,
    *,
    etag: str | None = '"one"',
    break_after: list[int] | None = None,
    ranges: bool = True,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Behave:
    """Serve a file by ranges.

    Args:
        break_after: how many bytes are sent before the connection breaks, for each
            request; when they are used up, all is sent.
    """
    breaks = break_after if break_after is not None else []

    def behave(request: FileRequest) -> None:
        said = {"content-type": "video/mp4", **headers}
        if etag is not None:
            said["etag"] = etag
        found = re.fullmatch(r"bytes=(\d+)-", request.headers.get("range", ""))
        is_same = request.headers.get("if-range", etag) == etag
        start = int(found[1]) if found and is_same and ranges else 0
        if start >= len(content) > 0:
            said |= {"content-range": f"bytes */{len(content)}", "content-length": "0"}
            request.answer(416, said)
            return
        if start:
            span = f"bytes {start}-{len(content) - 1}/{len(content)}"
            said["content-range"] = span
        said["content-length"] = str(len(content) - start)
        end = start + breaks.pop(0) if breaks else len(content)
        request.answer(206 if start else 200, said, content[start:end])

    return behave


def say(status: int, headers: dict[str, str], body: bytes = b"") -> Behave:
    """Answer this, whatever is asked."""
    return lambda request: request.answer(
        status, {"content-length": str(len(body)), **headers}, body
    )


def drip(*, forever: bytes, first: bytes = b"") -> Behave:
    """Send some bytes, and then some more for ever, as a live stream does."""

    def behave(request: FileRequest) -> None:
        request.answer(200, {"content-type": "video/mp4"}, first)
        while not request.files.ended.wait(0.01):
            request.wfile.write(forever)

    return behave


def hang(first: bytes = b"") -> Behave:
    """Send some bytes of a million, and then nothing more."""

    def behave(request: FileRequest) -> None:
        said = {"content-type": "video/mp4", "content-length": "1000000"}
        request.answer(200, {**said, "etag": '"one"'}, first)
        request.files.ended.wait(240)

    return behave


@contextmanager
def running_file_server() -> Iterator[FileServer]:
    """Run a server until the block ends."""
    found = FileServer()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(FileRequest, found)) as server:
        found.port = server.server_port
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield found
        finally:
            found.ended.set()
            server.shutdown()
            thread.join()

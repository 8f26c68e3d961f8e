"""A proxy before an S3 server that answers with errors when it is told to."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from tests.s3_server import S3OfTests

ERROR = "<Error><Code>{code}</Code><Message>{code} of the tests</Message></Error>"
OF_THE_CONNECTION = ("connection", "transfer-encoding", "content-length")
TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is answered instead of the server's own answer.

    Attributes:
        of: whether a request, by method and target, is answered so.
    """

    status: int
    code: str
    of: Callable[[str, str], bool] = lambda method, target: True


BUSY = Trouble(503, "SlowDown")
EXPIRED = Trouble(400, "ExpiredToken")
EXPIRED_OF_PROXIES = Trouble(403, "ExpiredToken")


@dataclass
class BucketProxy:
    """Passes requests on as they are, so that their signatures hold.

    Attributes:
        server: as clients reach it, by way of the proxy.
        trouble: what is answered now; None: what the server says.
        passing: called with method and target before a request is passed on.
        refused: requests that met trouble.
    """

    server: S3OfTests
    behind: str
    trouble: Trouble | None = None
    passing: Callable[[str, str], None] = lambda method, target: None
    refused: list[str] = field(default_factory=list)

    @contextmanager
    def in_trouble(self, trouble: Trouble) -> Iterator[None]:
        """Answer so until the block ends."""
        self.trouble = trouble
        try:
            yield
        finally:
            self.trouble = None

    def trouble_for(self, trouble: Trouble, seconds: float) -> None:
        """Answer so for some seconds."""
        self.trouble = trouble
        timer = threading.Timer(seconds, setattr, (self, "trouble", None))
        timer.daemon = True
        timer.start()


@contextmanager
def bucket_proxy(server: S3OfTests) -> Iterator[BucketProxy]:
    """Stand before a server of S3 until the block ends."""
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    httpd.daemon_threads, httpd.block_on_close = True, False
    url = f"http://127.0.0.1:{httpd.server_address[1]}"
    proxy = BucketProxy(replace(server, url=url), urlsplit(server.url).netloc)
    httpd.proxy = proxy  # type: ignore[attr-defined]  # for its handlers
    thread = threading.Thread(target=httpd.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = TIMEOUT_S

    def _answer(self) -> None:
        proxy: BucketProxy = self.server.proxy  # type: ignore[attr-defined]  # set above
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        trouble = proxy.trouble
        if trouble is not None and trouble.of(self.command, self.path):
            proxy.refused.append(f"{self.command} {self.path}")
            said = ERROR.format(code=trouble.code).encode()
            self._send(trouble.status, [("content-type", "application/xml")], said)
            return
        proxy.passing(self.command, self.path)
        link = http.client.HTTPConnection(proxy.behind, timeout=TIMEOUT_S)
        try:
            link.putrequest(
                self.command, self.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in self.headers.items():
                if name.lower() not in ("connection", "expect"):
                    link.putheader(name, value)
            link.endheaders(body)
            answer = link.getresponse()
            data = answer.read()
            size = answer.headers.get("content-length")
            self._send(answer.status, answer.headers.items(), data, size)
        finally:
            link.close()

    def _send(
        self, status: int, headers: Any, data: bytes, size: str | None = None
    ) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in OF_THE_CONNECTION:
                self.send_header(name, value)
        is_head = self.command == "HEAD"
        told = size if is_head and size is not None else str(len(data))
        if status != 204:
            self.send_header("content-length", told)
        self.end_headers()
        if not is_head:
            self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _answer  # noqa: N815  # the names that http.server calls

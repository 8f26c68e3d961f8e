"""Connections to other machines: TLS, certificates, addresses that do not answer."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from model.errors import SourceUnreachable
from model.video.live.dialing import dial, resolve_any
from model.video.live.http_get import get
from tests.services import free_port
from tests.tls_front import make_certificate, needs_openssl

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def here(*_: object) -> list[str]:
    return ["127.0.0.1"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[int]:
    """A TLS server that answers each request with a short page."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*make_certificate(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    plain, _ = listener.accept()
                    with (
                        suppress(OSError),
                        context.wrap_socket(plain, server_side=True) as secure,
                    ):
                        secure.recv(4096)
                        secure.sendall(ANSWER)

        threading.Thread(target=serve, daemon=True).start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)


@needs_openssl
def test_a_file_is_fetched_over_tls_from_a_checked_address(
    server: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cam.pem"))

    with get(f"https://cam.example:{server}/a", here) as (_, answer):
        assert answer.read() == b"hi"


@needs_openssl
@pytest.mark.parametrize(("host", "is_trusted"), [("cam.example", False), ("x", True)])
def test_a_certificate_that_is_not_the_hosts_is_refused(
    server: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    is_trusted: bool,
) -> None:
    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cam.pem"))

    with pytest.raises(SourceUnreachable, match=f"No TLS with {host}"):
        dial(host, server, here, tls=True)


def test_each_address_is_tried_until_one_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = int(server.getsockname()[1])

        with dial("cam", port, lambda *_: ["127.0.0.2", "127.0.0.1"], tls=False) as one:
            assert one.getpeername()[0] == "127.0.0.1"


def test_what_does_not_answer_is_said_with_its_reason() -> None:
    with pytest.raises(SourceUnreachable, match=r"127\.0\.0\.1: Connection refused"):
        dial("cam", free_port(), here, tls=False)


def test_a_name_that_nobody_has_is_said() -> None:
    with pytest.raises(SourceUnreachable, match="no machine named"):
        resolve_any("cam.invalid", 554)

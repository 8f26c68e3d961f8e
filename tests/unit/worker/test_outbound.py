"""The POST to other people's servers, against real sockets."""

import asyncio
import contextlib
import ipaddress
import socket
import threading
from typing import Any

import httpcore
import pytest

from app.webhooks.addresses import Address
from app.webhooks.callbacks import Callback
from tests.receivers import listener
from worker.webhooks import outbound
from worker.webhooks.outbound import (
    MAX_ANSWER_BYTES,
    MAX_ERROR_CHARS,
    Answer,
    PostFailed,
    connect_first,
    printable,
)

ADDRESSES: list[Address] = [ipaddress.ip_address(f"8.8.8.{one}") for one in range(4)]

OK = b"HTTP/1.1 204 No Content\r\n\r\n"


def post(callback: Callback, **options: Any) -> Answer:
    """Send once, in a loop of its own."""
    return asyncio.run(outbound.post(callback, **{"body": b"{}", **options}))


def callback(url: str) -> Callback:
    return Callback(url=url, addresses=(ipaddress.ip_address("127.0.0.1"),))


def test_the_checked_address_is_called_and_the_name_stays_in_the_host_header() -> None:
    received: list[bytes] = []

    def handle(connection: socket.socket) -> None:
        received.append(connection.recv(65536))
        connection.sendall(OK)

    with listener(handle) as port:
        answer = post(
            callback(f"http://nowhere.invalid:{port}/hook?a=1"),
            headers={"x-sign": "1"},
            body=b"{}",
        )

    assert answer.status_code == 204
    assert received[0].startswith(b"POST /hook?a=1 HTTP/1.1\r\n")
    assert f"host: nowhere.invalid:{port}".encode() in received[0].lower()
    assert b"x-sign: 1" in received[0].lower()


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    def handle(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(
            b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\n"
            b"content-length: 0\r\n\r\n"
        )

    with listener(handle) as port:
        answer = post(callback(f"http://a.invalid:{port}/"), headers={}, body=b"{}")

    assert answer.status_code == 302


def test_proxies_of_the_environment_are_not_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    def handle(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(OK)

    with listener(handle) as port:
        answer = post(callback(f"http://a.invalid:{port}/"), headers={}, body=b"{}")

    assert answer.status_code == 204


def test_an_answer_that_drips_for_ever_ends_at_the_deadline() -> None:
    over = threading.Event()

    def handle(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while not over.wait(0.05):
            with contextlib.suppress(OSError):
                connection.sendall(b"x-drip: 1\r\n")

    with listener(handle) as port:
        hook = callback(f"http://a.invalid:{port}/")
        with pytest.raises(PostFailed, match="within 1 s"):
            post(hook, headers={}, body=b"{}", deadline_s=1.0)
        over.set()


def test_no_more_of_a_huge_answer_is_read_than_the_limit() -> None:
    sent = 0

    def handle(connection: socket.socket) -> None:
        nonlocal sent
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n")
        with contextlib.suppress(OSError):
            while sent < 1000 * MAX_ANSWER_BYTES:
                sent += connection.send(b"x" * 65536)

    with listener(handle) as port:
        answer = post(callback(f"http://a.invalid:{port}/"), headers={}, body=b"{}")

    assert answer.status_code == 200
    assert sent < 1000 * MAX_ANSWER_BYTES


@pytest.mark.parametrize(
    "words", [b"", b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 banana\r\n\r\n"]
)
def test_what_is_no_http_server_fails_the_attempt(words: bytes) -> None:
    def handle(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(words)

    with listener(handle) as port, pytest.raises(PostFailed):
        post(callback(f"http://a.invalid:{port}/"), headers={}, body=b"{}")


def test_nobody_listening_fails_the_attempt_and_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    with pytest.raises(PostFailed, match="ConnectError"):
        post(callback(f"http://a.invalid:{port}/"), headers={}, body=b"{}")


def test_retry_after_is_read_from_the_answer() -> None:
    def handle(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(
            b"HTTP/1.1 503 Busy\r\nRetry-After: 42\r\ncontent-length: 0\r\n\r\n"
        )

    with listener(handle) as port:
        answer = post(callback(f"http://a.invalid:{port}/"), headers={}, body=b"{}")

    assert (answer.status_code, answer.retry_after) == (503, "42")


class Stream(httpcore.AsyncMockStream):
    """A connection that tells whether it was closed."""

    def __init__(self) -> None:
        super().__init__([])
        self.is_closed = False

    async def aclose(self) -> None:
        self.is_closed = True


def test_the_next_address_is_tried_at_once_when_one_refuses() -> None:
    made = Stream()
    tried: list[Address] = []

    async def connect(address: Address) -> httpcore.AsyncNetworkStream:
        tried.append(address)
        if len(tried) < 3:
            raise httpcore.ConnectError(f"{address} refused")
        return made

    found = asyncio.run(connect_first(ADDRESSES, connect, next_after_s=3600))

    assert found is made
    assert tried == ADDRESSES[:3]


def test_the_next_address_is_tried_when_one_is_silent_which_is_then_let_go() -> None:
    made, ended = Stream(), list[Address]()

    async def connect(address: Address) -> httpcore.AsyncNetworkStream:
        if address == ADDRESSES[2]:
            return made
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append(address)
        raise AssertionError

    found = asyncio.run(connect_first(ADDRESSES, connect, next_after_s=0.01))

    assert found is made
    assert sorted(map(str, ended)) == sorted(map(str, ADDRESSES[:2]))


def test_of_two_addresses_that_answer_at_once_one_connection_is_closed() -> None:
    both = asyncio.Event()
    made = [Stream(), Stream()]

    async def connect(address: Address) -> httpcore.AsyncNetworkStream:
        if address == ADDRESSES[1]:
            both.set()
        await both.wait()
        return made[ADDRESSES.index(address)]

    found = asyncio.run(connect_first(ADDRESSES[:2], connect, next_after_s=0.01))

    assert found in made
    assert [one.is_closed for one in made] == [one is not found for one in made]


def test_when_all_addresses_refuse_the_first_reason_is_given() -> None:
    async def connect(address: Address) -> httpcore.AsyncNetworkStream:
        raise httpcore.ConnectError(f"{address} refused")

    with pytest.raises(httpcore.ConnectError, match=str(ADDRESSES[0])):
        asyncio.run(connect_first(ADDRESSES, connect))


def test_the_context_that_trusts_the_usual_authorities_is_made_once() -> None:
    assert outbound.usual_tls() is outbound.usual_tls()


def test_what_others_send_is_cut_and_made_printable() -> None:
    assert printable("a\x00b\ud800\n" + "x" * 999) == (
        "a\\x00b\\ud800\\n" + "x" * (MAX_ERROR_CHARS - 5)
    )

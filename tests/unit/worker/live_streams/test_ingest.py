"""A worker takes bytes from whoever knows the stream's token, the latest one alone."""

import socket
import time
from collections.abc import Callable, Iterator

import pytest

from model.errors import SourceSilent
from tests.live_fakes import FakePush
from worker.live_streams.ingest import END, ENDED, READY, Ingest


@pytest.fixture
def source() -> FakePush:
    return FakePush()


@pytest.fixture
def ingest(source: FakePush) -> Iterator[Ingest]:
    ingest = Ingest(source, host="127.0.0.1", public_host=None)
    yield ingest
    ingest.close()


def connect(ingest: Ingest, token: str | None = None) -> socket.socket:
    port = int(ingest.address["port"])
    connection = socket.create_connection(("127.0.0.1", port), timeout=60)
    connection.sendall(f"{token or ingest.address['token']}\n".encode())
    return connection


def soon(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_bytes_come_through_and_a_later_sender_takes_the_place(
    ingest: Ingest, source: FakePush
) -> None:
    with connect(ingest) as first:
        assert first.recv(100) == READY
        first.sendall(b"one")
        soon(lambda: bytes(source.data) == b"one")
        with connect(ingest) as second:
            assert second.recv(100) == READY
            assert first.recv(100) == b""
            second.sendall(b" two")
            soon(lambda: bytes(source.data) == b"one two")

    assert source.restarts == 2


def test_without_the_token_nothing_is_taken(ingest: Ingest, source: FakePush) -> None:
    with connect(ingest, "a guess") as stranger:
        assert stranger.recv(100) == b""

    assert (source.restarts, bytes(source.data)) == (0, b"")


def test_an_end_waits_for_all_that_was_sent_before(
    ingest: Ingest, source: FakePush
) -> None:
    source.pause_s = 0.05
    sent = bytes(1_000_000)
    with connect(ingest) as sender:
        assert sender.recv(100) == READY
        sender.sendall(sent)
        with connect(ingest, ingest.address["token"] + END.decode()) as ending:
            assert not source.ends
            sender.shutdown(socket.SHUT_WR)
            assert ending.recv(100) == ENDED

    assert source.ends == [len(sent)]


def test_an_end_after_bytes_that_were_not_taken_is_refused(
    ingest: Ingest, source: FakePush, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unread(data: bytes) -> None:
        raise SourceSilent("the source is not read")

    monkeypatch.setattr(source, "write", unread)
    with connect(ingest) as sender:
        assert sender.recv(100) == READY
        sender.sendall(b"one")
        assert sender.recv(100) == b""
    with connect(ingest, ingest.address["token"] + END.decode()) as ending:
        assert ending.recv(100) == b""

    assert not source.ends


def test_an_end_without_the_token_ends_nothing(
    ingest: Ingest, source: FakePush
) -> None:
    with connect(ingest, "a guess" + END.decode()) as stranger:
        assert stranger.recv(100) == b""

    assert not source.ends

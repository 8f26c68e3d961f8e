"""Whatever a receiver answers: the attempt is recorded, and attempts are bounded."""

import ipaddress
import shutil
import socket
import ssl
import struct
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from app.core.broker.notifier import JobNotifier
from app.core.db.session import Sessions
from app.core.settings import Settings
from app.core.storage.interface import Storage
from app.webhooks.tables import DELIVERY_ATTEMPTS, Delivery, DeliveryAttempt
from tests.integration.uploaded import Uploaded, upload
from tests.integration.webhooks import (
    LONG_AGO,
    SECRET,
    SENDER,
    add_message,
    deliver,
    read,
    waits,
    write_message,
)
from tests.receivers import listener, running_receiver
from tests.services import missing
from worker.sweeper import sweep
from worker.webhooks.attempt import Post
from worker.webhooks.retries import MAX_RETRY_AFTER

OK = b"HTTP/1.1 200 OK\r\n"
NO_BODY = b"content-length: 0\r\n\r\n"
HURRIED = Post(secret=SECRET, allow_nets=SENDER.allow_nets, deadline_s=1.0)


@pytest.fixture
def job(tmp_path: Path, sessions: Sessions, storage: Storage) -> Uploaded:
    (tmp_path / "video").write_bytes(b"bytes")
    return upload(tmp_path / "video", sessions=sessions, storage=storage)


def say(words: bytes) -> Callable[[socket.socket], None]:
    def handle(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(words)

    return handle


def reset(connection: socket.socket) -> None:
    """Break the connection off with RST."""
    linger = struct.pack("ii", 1, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    connection.recv(10)


def flood(connection: socket.socket) -> None:
    """Send interim answers for as long as anybody reads them."""
    connection.recv(65536)
    while True:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)


def flood_headers(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(OK)
    while True:
        connection.sendall(b"x-more: 1\r\n" * 1000)


@pytest.mark.parametrize(
    ("handle", "status_code"),
    [
        (say(b"HTTP/1.1 503 Busy\r\nretry-after: " + b"9" * 5000 + b"\r\n\r\n"), 503),
        (say(b"HTTP/1.1 503 Busy\r\nretry-after: " + b"0" * 5000 + b"\r\n\r\n"), 503),
        (
            say(
                b"HTTP/1.1 503 Busy\r\n"
                b"retry-after: Fri, 31 Dec 9999 23:59:59 -2359\r\n\r\n"
            ),
            503,
        ),
        (
            say(
                b"HTTP/1.1 503 Busy\r\n"
                b"retry-after: Sat, 01 Jan 0001 00:00:00 +2359\r\n\r\n"
            ),
            503,
        ),
        (say(b"HTTP/1.1 429 X\r\nretry-after: \xff\xfe\xb2\r\n" + NO_BODY), 429),
        (say(b"HTTP/1.1 500 \xff\xfe\r\nx-\x80: \x81\r\n" + NO_BODY), None),
        (say(b"HTTP/1.1 500 X\r\nx-a: \x00\x01\r\n" + NO_BODY), None),
        (say(b"HTTP/1.1 \x00\x00\x00 X\r\n" + NO_BODY), None),
        (say(b"HTTP/1.1 999 What\r\n" + NO_BODY), 999),
        (say(b"HTTP/1.1 600 What\r\n" + NO_BODY), 600),
        (say(b"HTTP/1.1 099 What\r\n" + NO_BODY), None),
        (say(b"HTTP/1.1 -20 What\r\n" + NO_BODY), None),
        (say(b"HTTP/1.1 20000000000 OK\r\n" + NO_BODY), None),
        (say(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n"), None),
        (say(b"HTTP/1.1 500 X\r\n" + b"x: " + b"y" * 300_000 + b"\r\n\r\n"), None),
        (say(b"HTTP/1.1 500 X\r\ncontent-length: -1\r\n\r\n"), None),
        (say(b"HTTP/1.1 500 X\r\ncontent-length: 1, 2\r\n\r\n"), None),
        (say(b"HTTP/1.1 500 X\r\ntransfer-encoding: nonsense\r\n\r\n"), None),
        (say(b"SSH-2.0-OpenSSH_9.6\r\n"), None),
        (say(b"\x00" * 200_000), None),
        (say(b""), None),
        (reset, None),
        (flood, None),
        (flood_headers, None),
    ],
)
def test_whatever_comes_back_is_recorded_as_one_attempt(
    job: Uploaded, handle: Callable[[socket.socket], None], status_code: int | None
) -> None:
    sender = HURRIED if handle in (flood, flood_headers) else SENDER
    with listener(handle) as port:
        delivery_id = write_message(job, f"http://127.0.0.1:{port}/")
        status = deliver(delivery_id, sessions=job.sessions, sender=sender)

    row, (attempt,) = read(job, delivery_id)
    assert (status, row.attempt, row.locked_until) == ("pending", 1, None)
    assert attempt.status_code == status_code
    assert (attempt.error is None) == (status_code is not None)
    assert waits(job, delivery_id) <= MAX_RETRY_AFTER


@pytest.mark.parametrize(
    "rest",
    [
        b"content-length: 99\r\n\r\ncut off",
        b"transfer-encoding: chunked\r\n\r\nnonsense\r\n",
        b"content-length: 999999999\r\n\r\n" + b"x" * 1_000_000,
    ],
)
def test_a_message_has_arrived_once_its_status_says_so_whatever_follows(
    job: Uploaded, rest: bytes
) -> None:
    with listener(say(OK + rest)) as port:
        delivery_id = write_message(job, f"http://127.0.0.1:{port}/")

        assert deliver(delivery_id, sessions=job.sessions) == "delivered"


@pytest.mark.parametrize(
    "handle",
    [
        say(b"HTTP/1.1 200 OK\r\n\r\n"),
        say(b""),
        reset,
        say(b"\x15\x03\x03\x00\x02\x02\x28"),
    ],
)
def test_whatever_does_not_speak_tls_is_recorded(
    job: Uploaded, handle: Callable[[socket.socket], None]
) -> None:
    with listener(handle) as port:
        delivery_id = write_message(job, f"https://127.0.0.1:{port}/")
        deliver(delivery_id, sessions=job.sessions, sender=SENDER)

    _, (attempt,) = read(job, delivery_id)
    assert attempt.status_code is None
    assert attempt.error


@pytest.mark.costly
def test_a_certificate_that_nobody_trusts_is_recorded(
    job: Uploaded, tmp_path: Path
) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        missing("no openssl on the PATH to make a certificate with")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes"]
    command += ["-subj", "/CN=localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def handle(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(65536)

    with listener(handle) as port:
        delivery_id = write_message(job, f"https://127.0.0.1:{port}/")
        deliver(delivery_id, sessions=job.sessions, sender=SENDER)

    _, (attempt,) = read(job, delivery_id)
    assert "certificate" in str(attempt.error).lower()


@pytest.mark.parametrize(
    "url",
    ["http://[::1", "gopher://a/", "", "http://a..b/", "http://" + "x" * 80 + ".test/"],
)
def test_a_url_that_cannot_be_called_is_recorded(job: Uploaded, url: str) -> None:
    delivery_id = write_message(job, url)

    deliver(delivery_id, sessions=job.sessions)

    _, (attempt,) = read(job, delivery_id)
    assert str(attempt.error).startswith("refused: ")


def test_a_message_whose_attempts_cannot_be_recorded_is_still_sent_ten_times_at_most(
    job: Uploaded,
    sessions: Sessions,
    settings: Settings,
    storage: Storage,
    notifier: JobNotifier,
) -> None:
    with running_receiver() as receiver:
        receiver.answers = [(503, {})]
        delivery_id = write_message(job, receiver.url)

        for _ in range(DELIVERY_ATTEMPTS + 3):
            # What a worker leaves that dies after the POST: counted, held, unrecorded.
            deliver(delivery_id, sessions=sessions)
            with sessions.begin() as session:
                session.execute(
                    update(Delivery).values(
                        locked_until=LONG_AGO,
                        next_attempt_at=LONG_AGO,
                        status="pending",
                        finished_at=None,
                    )
                )
                session.execute(delete(DeliveryAttempt))
        sweep(settings=settings, sessions=sessions, storage=storage, notifier=notifier)

    row, _ = read(job, delivery_id)
    assert len(receiver.received) == DELIVERY_ATTEMPTS
    assert (row.status, row.next_attempt_at) == ("failed", None)
    assert row.finished_at is not None


def test_a_message_that_waited_too_long_is_given_up_by_the_sweep(
    job: Uploaded,
    sessions: Sessions,
    settings: Settings,
    storage: Storage,
    notifier: JobNotifier,
) -> None:
    old, young = (write_message(job, "http://127.0.0.1:9/") for _ in range(2))
    with sessions.begin() as session:
        session.get_one(Delivery, old).expires_at = LONG_AGO

    sweep(settings=settings, sessions=sessions, storage=storage, notifier=notifier)

    assert [read(job, one)[0].status for one in (old, young)] == ["failed", "pending"]


def test_a_message_sent_again_by_hand_after_its_last_attempt_gets_one_more(
    job: Uploaded,
) -> None:
    with running_receiver() as receiver:
        receiver.answers = [(503, {})]
        delivery_id = write_message(job, receiver.url)
        with job.sessions.begin() as session:
            session.get_one(Delivery, delivery_id).attempt = DELIVERY_ATTEMPTS - 1
        last = deliver(delivery_id, sessions=job.sessions)
        with job.sessions.begin() as session:
            session.get_one(Delivery, delivery_id).send_again()

        again = deliver(delivery_id, sessions=job.sessions)

    assert (last, again) == ("failed", "failed")
    assert [one.number for one in read(job, delivery_id)[1]] == [10, 11]


@pytest.mark.parametrize("off", [timedelta(days=-1), timedelta(days=1)])
def test_waits_are_measured_by_the_clock_of_the_database_alone(
    job: Uploaded, off: timedelta
) -> None:
    with running_receiver() as receiver:
        receiver.answers = [(503, {})]
        first = write_message(job, receiver.url)

        deliver(first, sessions=job.sessions, clock=lambda: datetime.now(UTC) + off)

    assert timedelta(seconds=0) < waits(job, first) < timedelta(minutes=1)
    later, _ = add_message(job, receiver.url, now=datetime.now(UTC) + off)
    assert abs(waits(job, later)) < timedelta(minutes=1)


def test_every_address_of_a_name_is_tried_until_one_answers(job: Uploaded) -> None:
    with running_receiver() as receiver:
        # Nobody listens at the first two.
        addresses = [ipaddress.ip_address(one) for one in ("::1", "::1", "127.0.0.1")]
        how = Post(
            secret=SECRET,
            allow_nets=(*SENDER.allow_nets, ipaddress.ip_network("::1")),
            resolve=lambda _host, _port: addresses,
        )
        delivery_id = write_message(job, f"http://many.test:{receiver.port}/hook")
        status = deliver(delivery_id, sessions=job.sessions, sender=how)

    assert status == "delivered"
    ((headers, _),) = receiver.received
    assert headers["host"] == f"many.test:{receiver.port}"


def test_an_address_of_a_name_that_is_not_public_stops_the_others_from_being_tried(
    job: Uploaded,
) -> None:
    with running_receiver() as receiver:
        addresses = [ipaddress.ip_address(one) for one in ("127.0.0.1", "10.0.0.1")]
        how = Post(
            secret=SECRET,
            allow_nets=SENDER.allow_nets,
            resolve=lambda _host, _port: addresses,
        )
        delivery_id = write_message(job, f"http://many.test:{receiver.port}/hook")

        deliver(delivery_id, sessions=job.sessions, sender=how)

    assert receiver.received == []
    assert "10.0.0.1, which is not a public" in str(read(job, delivery_id)[1][0].error)

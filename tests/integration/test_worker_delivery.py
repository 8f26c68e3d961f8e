"""Webhooks from the row to a real HTTP server and back."""

import json
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
import standardwebhooks

from app.core.db.session import Sessions
from app.core.storage.interface import Storage
from app.webhooks.tables import Delivery, DeliveryStatus
from tests.integration.uploaded import Uploaded, upload
from tests.integration.webhooks import (
    SECRET,
    SENDER,
    add_message,
    deliver,
    make_due,
    read,
    waits,
    write_message,
)
from tests.receivers import Receiver, RequestHandler, running_receiver
from tests.services import missing
from worker.webhooks.attempt import Post
from worker.webhooks.retries import WAITS


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as found:
        yield found


@pytest.fixture
def job(tmp_path: Path, sessions: Sessions, storage: Storage) -> Uploaded:
    (tmp_path / "video").write_bytes(b"bytes")
    return upload(tmp_path / "video", sessions=sessions, storage=storage)


def test_a_message_arrives_signed_and_is_done(
    job: Uploaded, receiver: Receiver
) -> None:
    delivery_id = write_message(job, receiver.url)

    status = deliver(delivery_id, sessions=job.sessions, sender=SENDER)

    assert status is DeliveryStatus.DELIVERED
    ((headers, body),) = receiver.received
    message = standardwebhooks.Webhook(SECRET).verify(body, headers)
    assert message == json.loads(body)
    assert message["data"]["events"] == {"PASS": 2}
    assert headers["webhook-id"] == str(delivery_id)
    row, attempts = read(job, delivery_id)
    assert (row.status, row.attempt, row.next_attempt_at) == ("delivered", 1, None)
    assert [(one.number, one.status_code) for one in attempts] == [(1, 204)]


def test_a_done_message_is_not_sent_again(job: Uploaded, receiver: Receiver) -> None:
    delivery_id = write_message(job, receiver.url)
    deliver(delivery_id, sessions=job.sessions, sender=SENDER)

    assert deliver(delivery_id, sessions=job.sessions, sender=SENDER) is None
    assert len(receiver.received) == 1


def test_a_failed_attempt_is_recorded_and_tried_again_under_the_same_id(
    job: Uploaded, receiver: Receiver
) -> None:
    receiver.answers = [(500, {}), (200, {})]
    delivery_id = write_message(job, receiver.url)

    first = deliver(delivery_id, sessions=job.sessions, sender=SENDER)
    too_early = deliver(delivery_id, sessions=job.sessions, sender=SENDER)
    make_due(job, delivery_id)
    second = deliver(delivery_id, sessions=job.sessions, sender=SENDER)

    assert (first, too_early, second) == ("pending", None, "delivered")
    ids = {headers["webhook-id"] for headers, _ in receiver.received}
    assert ids == {str(delivery_id)}
    _, attempts = read(job, delivery_id)
    assert [one.status_code for one in attempts] == [500, 200]


def test_retry_after_is_honoured(job: Uploaded, receiver: Receiver) -> None:
    receiver.answers = [(429, {"retry-after": "3600"})]
    delivery_id = write_message(job, receiver.url)

    deliver(delivery_id, sessions=job.sessions, sender=SENDER)

    assert timedelta(minutes=55) < waits(job, delivery_id) <= timedelta(hours=1)


def test_an_endpoint_that_is_gone_is_not_called_again(
    job: Uploaded, receiver: Receiver
) -> None:
    receiver.answers = [(410, {})]
    delivery_id = write_message(job, receiver.url)

    status = deliver(delivery_id, sessions=job.sessions, sender=SENDER)

    assert status is DeliveryStatus.GONE


def test_an_endpoint_that_is_gone_gets_no_other_message_of_its_video(
    job: Uploaded, receiver: Receiver
) -> None:
    receiver.answers = [(503, {}), (410, {}), (204, {})]
    earlier = write_message(job, receiver.url)
    deliver(earlier, sessions=job.sessions, sender=SENDER)
    gone = write_message(job, receiver.url)
    deliver(gone, sessions=job.sessions, sender=SENDER)
    later, announced = add_message(job, receiver.url)
    seen = [
        deliver(one, sessions=job.sessions, sender=SENDER) for one in (earlier, later)
    ]

    assert seen == [None, None]
    assert announced is None
    assert [read(job, one)[0].status for one in (earlier, later)] == ["gone", "gone"]
    assert len(receiver.received) == 2


def test_an_endpoint_that_takes_a_message_sent_again_gets_the_next_ones(
    job: Uploaded, receiver: Receiver
) -> None:
    receiver.answers = [(410, {}), (204, {})]
    first = write_message(job, receiver.url)
    deliver(first, sessions=job.sessions, sender=SENDER)
    held_back, _ = add_message(job, receiver.url)

    with job.sessions.begin() as session:
        session.get_one(Delivery, held_back).send_again()
    again = deliver(held_back, sessions=job.sessions, sender=SENDER)
    next_one, announced = add_message(job, receiver.url)

    assert again is DeliveryStatus.DELIVERED
    assert announced == next_one
    assert read(job, next_one)[0].status == "pending"


def test_an_endpoint_gone_for_one_video_is_called_for_another(
    job: Uploaded, receiver: Receiver, storage: Storage, tmp_path: Path
) -> None:
    receiver.answers = [(410, {})]
    deliver(write_message(job, receiver.url), sessions=job.sessions, sender=SENDER)
    other = upload(tmp_path / "video", sessions=job.sessions, storage=storage)

    message, announced = add_message(other, receiver.url)

    assert announced == message


def test_a_redirect_is_a_failure_and_is_not_followed(
    job: Uploaded, receiver: Receiver
) -> None:
    receiver.answers = [(307, {"location": receiver.url})]
    delivery_id = write_message(job, receiver.url)

    status = deliver(delivery_id, sessions=job.sessions, sender=SENDER)

    assert status is DeliveryStatus.PENDING
    assert len(receiver.received) == 1


def test_the_tenth_failure_is_the_last(job: Uploaded, receiver: Receiver) -> None:
    receiver.answers = [(503, {})]
    delivery_id = write_message(job, receiver.url)

    seen = []
    for _ in range(len(WAITS) + 2):
        seen.append(deliver(delivery_id, sessions=job.sessions, sender=SENDER))
        make_due(job, delivery_id)

    assert seen == ["pending"] * 9 + ["failed", None]
    assert len(receiver.received) == 10


def test_an_address_that_became_private_is_refused_when_sending(
    job: Uploaded, receiver: Receiver
) -> None:
    delivery_id = write_message(job, receiver.url)

    deliver(delivery_id, sessions=job.sessions, sender=Post(secret=SECRET))

    _, (attempt,) = read(job, delivery_id)
    assert receiver.received == []
    assert "not a public address" in str(attempt.error)


def test_two_workers_told_of_the_same_message_send_it_once(
    job: Uploaded, receiver: Receiver
) -> None:
    receiver.go_on.clear()
    delivery_id = write_message(job, receiver.url)
    send = partial(deliver, delivery_id, sessions=job.sessions, sender=SENDER)

    with ThreadPoolExecutor() as pool:
        first = pool.submit(send)
        assert receiver.entered.wait(30)
        second = pool.submit(send).result(30)
        receiver.go_on.set()

    assert second is None
    assert first.result() is DeliveryStatus.DELIVERED
    assert len(receiver.received) == 1


def test_a_video_deleted_while_its_message_is_under_way_is_no_trouble(
    job: Uploaded, receiver: Receiver
) -> None:
    receiver.go_on.clear()
    delivery_id = write_message(job, receiver.url)
    send = partial(deliver, delivery_id, sessions=job.sessions, sender=SENDER)

    with ThreadPoolExecutor() as pool:
        sent = pool.submit(send)
        assert receiver.entered.wait(30)
        with job.sessions.begin() as session:
            session.delete(session.get_one(Delivery, delivery_id))
        receiver.go_on.set()

    assert sent.result() is None


def test_tls_is_checked_against_the_name_in_the_url(
    job: Uploaded, tmp_path: Path
) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        missing("no openssl on the PATH to make a certificate with")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    found, names = Receiver([(204, {})]), []
    found.go_on.set()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    tls.sni_callback = lambda _socket, name, _context: names.append(name)
    trusting = ssl.create_default_context(cafile=str(certificate))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(RequestHandler, found))
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    with server:
        threading.Thread(target=server.serve_forever).start()
        url = f"https://localhost:{server.server_port}/hook"
        wrong = f"https://127.0.0.1:{server.server_port}/hook"
        by_name = deliver(
            write_message(job, url),
            sessions=job.sessions,
            sender=replace(SENDER, tls=trusting),
        )
        other_name = deliver(
            write_message(job, wrong),
            sessions=job.sessions,
            sender=replace(SENDER, tls=trusting),
        )
        nobody = deliver(write_message(job, url), sessions=job.sessions, sender=SENDER)
        server.shutdown()

    assert by_name is DeliveryStatus.DELIVERED
    assert names[0] == "localhost"
    assert (other_name, nobody) == (DeliveryStatus.PENDING, DeliveryStatus.PENDING)
    assert len(found.received) == 1

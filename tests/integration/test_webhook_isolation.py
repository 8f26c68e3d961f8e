"""An endpoint that does not answer must not hold up the messages of others."""

import asyncio
import gc
import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import cast
from uuid import UUID

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from app.core.db.base import utc_now
from app.core.db.session import Sessions
from app.core.storage.interface import Storage
from app.webhooks.addresses import Address
from app.webhooks.service import JobOutcome, make_delivery
from app.webhooks.tables import Delivery, DeliveryAttempt, WebhookEndpoint
from tests.integration.uploaded import Uploaded, upload
from tests.receivers import Receiver, hanging_receivers, listener, running_receiver
from worker.webhooks import sender as webhook_sender
from worker.webhooks.attempt import Post
from worker.webhooks.delivery import ONE_CLAIM
from worker.webhooks.retries import FIRST_PAUSE, LONGEST_PAUSE, pause_after
from worker.webhooks.sender import Dispatcher, WebhookSender

PATIENCE_S = 120.0
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
# Nothing here measures time: who hangs does so until the test is over.
PATIENT = Post(secret=SECRET, allow_nets=LOOPBACK, deadline_s=10 * PATIENCE_S)
HURRIED = Post(secret=SECRET, allow_nets=LOOPBACK, deadline_s=0.3)


@pytest.fixture(autouse=True)
def _nothing_left_open() -> Iterator[None]:
    """Let what a test leaves open be told by that test, not by one that comes later."""
    yield
    gc.collect()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as found:
        yield found


@pytest.fixture
def job(tmp_path: Path, sessions: Sessions, storage: Storage) -> Uploaded:
    (tmp_path / "video").write_bytes(b"bytes")
    return upload(tmp_path / "video", sessions=sessions, storage=storage)


def write_messages(job: Uploaded, urls: Sequence[str]) -> list[UUID]:
    """Write one message to each URL, due in this order."""
    ending = JobOutcome(job.video_id, job.job_id, "succeeded", {})
    with job.sessions.begin() as session:
        first = session.scalars(select(func.now())).one() - timedelta(hours=1)
        rows = [
            make_delivery(ending, url=url, base_url="http://h", now=utc_now())
            for url in urls
        ]
        for number, row in enumerate(rows):
            row.next_attempt_at = first + timedelta(milliseconds=number)
        session.add_all(rows)
    return [row.id for row in rows]


@contextmanager
def running_sender(job: Uploaded, how: Post, *, places: int = 512) -> Iterator[None]:
    sender = WebhookSender(
        sessions=job.sessions,
        how=how,
        places=places,
        look_every_s=0.2,
        finish_s=0.0,
    )
    sender.start()
    try:
        yield
    finally:
        sender.stop()
        sender.join(PATIENCE_S)


def send_once(job: Uploaded, how: Post) -> None:
    """Make one round, as a sender does that has just started."""

    async def send() -> None:
        dispatcher = Dispatcher(sessions=job.sessions, how=how)
        await dispatcher.fill()
        await dispatcher.finish()

    asyncio.run(send())


def wait_until(look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not look():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def read(job: Uploaded, delivery_id: UUID) -> Delivery:
    with job.sessions() as session:
        return session.get_one(Delivery, delivery_id)


def attempts(job: Uploaded) -> int:
    with job.sessions() as session:
        return session.scalar(select(func.count()).select_from(DeliveryAttempt)) or 0


def endpoint(job: Uploaded, url: str) -> WebhookEndpoint | None:
    with job.sessions() as session:
        return session.get(WebhookEndpoint, url.split("/")[2])


def end_pauses(job: Uploaded) -> None:
    """Let the time pass that endpoints and messages have to wait."""
    with job.sessions.begin() as session:
        session.execute(text("update webhook_endpoints set paused_until = null"))
        session.execute(
            text(
                "update deliveries set next_attempt_at = now() where status = 'pending'"
            )
        )


@pytest.mark.costly
@pytest.mark.parametrize("count", [24, 100])
def test_a_message_arrives_while_every_other_receiver_hangs(
    job: Uploaded, receiver: Receiver, count: int
) -> None:
    with hanging_receivers(count) as hanging:
        ids = write_messages(job, [*hanging.urls, *hanging.urls, receiver.url])

        with running_sender(job, PATIENT):
            wait_until(lambda: len(hanging.connections) >= 2 * count)
            assert receiver.entered.wait(PATIENCE_S)
            wait_until(lambda: read(job, ids[-1]).status == "delivered")

            assert attempts(job) == 1  # All that was ever answered.
            assert len(hanging.connections) == 2 * count


def test_a_message_arrives_while_endpoints_known_to_hang_take_their_share(
    job: Uploaded, receiver: Receiver
) -> None:
    with hanging_receivers(24) as hanging:
        write_messages(job, hanging.urls)
        send_once(job, HURRIED)
        end_pauses(job)
        write_messages(job, [*hanging.urls, receiver.url])
        wait_until(lambda: len(hanging.connections) == 24)

        with running_sender(job, PATIENT, places=16):
            wait_until(lambda: len(hanging.connections) >= 24 + 8)
            assert receiver.entered.wait(PATIENCE_S)

            assert len(hanging.connections) == 24 + 8


def test_new_endpoints_that_hang_leave_a_quarter_to_those_that_answered_before(
    job: Uploaded, receiver: Receiver
) -> None:
    write_messages(job, [receiver.url])
    send_once(job, PATIENT)
    receiver.entered.clear()
    with hanging_receivers(24) as hanging:
        write_messages(job, hanging.urls)

        with running_sender(job, PATIENT, places=16):
            wait_until(lambda: len(hanging.connections) >= 12)
            (late,) = write_messages(job, [receiver.url])
            wait_until(lambda: read(job, late).status == "delivered")

            assert len(hanging.connections) == 12


def test_a_receiver_that_drips_its_answer_holds_up_nobody(
    job: Uploaded, receiver: Receiver
) -> None:
    over, dripping = threading.Event(), threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        dripping.set()
        while not over.wait(1.0):
            connection.sendall(b"x")

    with listener(drip) as port:
        ids = write_messages(job, [f"http://127.0.0.1:{port}/", receiver.url])

        with running_sender(job, PATIENT):
            assert dripping.wait(PATIENCE_S)
            wait_until(lambda: read(job, ids[1]).status == "delivered")

            assert attempts(job) == 1
            over.set()


def test_names_that_do_not_resolve_hold_up_nobody(
    job: Uploaded, receiver: Receiver
) -> None:
    over, asked = threading.Event(), set[str]()

    def resolve(host: str, port: int) -> Sequence[Address]:
        if host.startswith("hangs"):
            asked.add(host)
            over.wait(PATIENCE_S)
        return [ipaddress.ip_address("127.0.0.1")]

    names = [f"http://hangs-{number}.test/" for number in range(40)]
    healthy = f"http://healthy.test:{receiver.port}/"
    how = Post(secret=SECRET, allow_nets=LOOPBACK, resolve=resolve)
    ids = write_messages(job, [*names, healthy])

    with running_sender(job, how):
        wait_until(lambda: read(job, ids[-1]).status == "delivered")
        wait_until(lambda: len(asked) == 40)  # and none of them is over
        over.set()


def test_a_timeout_puts_off_the_other_messages_of_its_endpoint_uncounted(
    job: Uploaded,
) -> None:
    with hanging_receivers(1) as hanging:
        ids = write_messages(job, hanging.urls * 5)

        send_once(job, HURRIED)
        send_once(job, HURRIED)  # A process that has just started knows of it, too.

        rows = [read(job, one) for one in ids]
        assert [row.attempt for row in rows] == [1, 1, 0, 0, 0]
        assert len(hanging.connections) == 2
        assert all(row.status == "pending" for row in rows)
        now = utc_now()
        assert all(row.next_attempt_at and row.next_attempt_at > now for row in rows)

        end_pauses(job)
        send_once(job, HURRIED)  # One at a time, until it answers.

        assert sum(read(job, one).attempt for one in ids) == 3


def test_an_endpoint_that_answers_again_gets_all_that_waited(
    job: Uploaded, receiver: Receiver
) -> None:
    receiver.go_on.clear()
    write_messages(job, [receiver.url])
    send_once(job, HURRIED)
    receiver.go_on.set()
    ids = write_messages(job, [receiver.url] * 6)
    end_pauses(job)

    with running_sender(job, PATIENT):
        wait_until(lambda: all(read(job, one).status == "delivered" for one in ids))

    row = endpoint(job, receiver.url)
    assert row is not None
    assert (row.slow_streak, row.paused_until) == (0, None)


def test_a_message_sent_to_a_paused_endpoint_waits_for_its_pause(
    job: Uploaded, receiver: Receiver
) -> None:
    receiver.go_on.clear()
    write_messages(job, [receiver.url])
    send_once(job, HURRIED)
    receiver.go_on.set()
    (late,) = write_messages(job, [receiver.url])

    send_once(job, PATIENT)

    assert read(job, late).attempt == 0


def test_pauses_grow_to_a_limit() -> None:
    pauses = [pause_after(streak) for streak in (1, 2, 3, 8, 1000)]

    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert pauses[3:] == [LONGEST_PAUSE, LONGEST_PAUSE]


def test_a_refused_connection_is_quick_and_pauses_nothing(job: Uploaded) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
    ids = write_messages(job, [url] * 3)

    with running_sender(job, PATIENT):
        wait_until(lambda: all(read(job, one).attempt > 0 for one in ids))

    row = endpoint(job, url)
    assert row is not None
    assert (row.slow_streak, row.paused_until) == (0, None)


class Flaky:
    """Sessions that fail once, as no database does, and work from then on."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self.has_failed = False

    def begin(self) -> AbstractContextManager[Session]:
        if not self.has_failed:
            self.has_failed = True
            raise RuntimeError("a bug")
        return self.sessions.begin()


def test_a_sender_that_crashes_says_so_and_starts_again(
    job: Uploaded, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_sender, "CRASH_PAUSE_S", 0.5)
    flaky = Flaky(job.sessions)
    sender = WebhookSender(
        sessions=cast(Sessions, flaky), how=PATIENT, look_every_s=0.2, finish_s=0.0
    )
    write_messages(job, [receiver.url])

    before = sender.problem
    sender.start()
    assert receiver.entered.wait(PATIENCE_S)
    while_running = sender.problem
    sender.stop()
    sender.join(PATIENCE_S)

    assert flaky.has_failed
    assert before == sender.problem == "the webhook sender does not run"
    assert while_running is None


class Slow:
    """Sessions whose transactions wait, once they have a connection, to be let go."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self.entered, self.go_on = threading.Event(), threading.Event()

    @contextmanager
    def begin(self) -> Iterator[Session]:
        with self.sessions.begin() as session:
            session.connection()
            self.entered.set()
            self.go_on.wait(PATIENCE_S)
            yield session


def checked_out(job: Uploaded) -> int:
    pool = job.sessions.kw["bind"].pool
    assert isinstance(pool, QueuePool)
    return pool.checkedout()


@pytest.mark.parametrize("crashes", [False, True])
def test_a_sender_that_has_ended_uses_no_connection_any_more(
    job: Uploaded, *, crashes: bool
) -> None:
    """Also if it is broken off while a thread is at the database."""
    slow = Slow(job.sessions)

    async def run() -> None:
        dispatcher = Dispatcher(sessions=cast(Sessions, slow), how=PATIENT)
        running = asyncio.ensure_future(
            dispatcher.run(look_every_s=PATIENCE_S, finish_s=0.0)
        )
        await asyncio.to_thread(slow.entered.wait, PATIENCE_S)
        dispatcher.stop()
        if crashes:
            running.cancel()
        asyncio.get_running_loop().call_later(0.2, slow.go_on.set)
        await asyncio.wait([running])

    asyncio.run(run())

    assert checked_out(job) == 0


def test_a_worker_that_stopped_while_it_claimed_does_not_stop_the_others(
    job: Uploaded, receiver: Receiver
) -> None:
    (message,) = write_messages(job, [receiver.url])
    with job.sessions.begin() as stopped:
        stopped.execute(select(func.pg_advisory_xact_lock(ONE_CLAIM)))

        send_once(job, PATIENT)

    assert read(job, message).status == "delivered"


def test_one_endpoint_gets_no_more_than_two_messages_at_once(
    job: Uploaded, receiver: Receiver
) -> None:
    receiver.go_on.clear()
    ids = write_messages(job, [receiver.url] * 5)

    with running_sender(job, PATIENT), running_sender(job, PATIENT):
        wait_until(lambda: len(receiver.received) >= 2)
        threading.Event().wait(1.0)  # Time enough to send a third.
        most = len(receiver.received)
        receiver.go_on.set()
        wait_until(lambda: all(read(job, one).status == "delivered" for one in ids))

    assert most == 2
    assert len(receiver.received) == 5


@pytest.mark.costly
def test_a_thousand_messages_to_one_endpoint_hide_no_other(
    job: Uploaded, receiver: Receiver
) -> None:
    with hanging_receivers(1) as hanging:
        ids = write_messages(job, [*(hanging.urls * 1500), receiver.url])

        with running_sender(job, PATIENT):
            wait_until(lambda: read(job, ids[-1]).status == "delivered")

        assert len(hanging.connections) == 2

"""Who sends to a live stream, where the worker or a connection gives way."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import update

import app.live.push_relay as push_relay
from app.jobs.tables import JobStatus
from app.live.tables import LiveStream
from tests.api_server import RunningApi, eventually
from tests.integration.test_live import (
    API_SETTINGS,
    Worker,
    begin,
    connected,
    is_listening,
    live_worker,
)
from tests.live_fakes import FakePush
from touchline.client.client import Client
from touchline.client.errors import NotReachable

__all__ = ["API_SETTINGS", "live_worker"]

pytestmark = pytest.mark.usefixtures("live_worker")


class Ending(FakePush):
    """Does what a test says when an end comes, and loses its answer."""

    def __init__(self, then: Callable[[], object]) -> None:
        super().__init__()
        self._then = then

    def finish(self) -> None:
        super().finish()
        self._then()
        raise ConnectionError("the answer is lost")


class Breaking(FakePush):
    """Loses its connection once, at certain bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.has_broken = threading.Event()

    def write(self, data: bytes, restart: int) -> None:
        if b"break" in data and not self.has_broken.is_set():
            self.has_broken.set()
            raise ConnectionError("the worker lost it")
        super().write(data, restart)


def test_a_worker_of_an_older_release_is_sent_no_end(api: RunningApi) -> None:
    video = begin(api, source="push")
    worker = Worker()
    with (
        worker.running(api, video["job"]["id"]) as script,
        Client(api.url, retry_s=1) as client,
    ):
        eventually(lambda: is_listening(api, video))
        with api.service.sessions.begin() as session:
            older = LiveStream.ingest.op("-")("takes_end")
            session.execute(update(LiveStream).values(ingest=older))
        assert client.push_live(video["id"], [b"all"])
        eventually(lambda: bytes(script.pushed.data) == b"all")
        script.end()
        assert client.end_live(video["id"]).state == "ended"

    assert script.pushed.ends == []


def test_an_end_that_was_taken_is_no_error_when_its_answer_is_lost(
    api: RunningApi,
) -> None:
    video = begin(api, source="push")
    worker = Worker()

    def end() -> None:
        worker.script.end()
        eventually(lambda: worker.status is JobStatus.SUCCEEDED)

    worker.script.pushed = Ending(end)
    with (
        worker.running(api, video["job"]["id"]),
        Client(api.url, retry_s=20) as client,
    ):
        eventually(lambda: is_listening(api, video))
        assert client.push_live(video["id"], [b"all"])

    assert worker.script.pushed.ends == [3]


@pytest.mark.timeout(60)
def test_an_end_that_is_never_taken_is_not_tried_without_end(api: RunningApi) -> None:
    video = begin(api, source="push")
    worker = Worker()
    worker.script.pushed = Ending(lambda: None)
    with (
        worker.running(api, video["job"]["id"]),
        Client(api.url, retry_s=1) as client,
    ):
        eventually(lambda: is_listening(api, video))
        with pytest.raises(NotReachable, match="has not taken the end"):
            client.push_live(video["id"], [b"all"])

    assert len(worker.script.pushed.ends) > 1


def test_a_connection_that_is_lost_after_long_is_made_again(api: RunningApi) -> None:
    video = begin(api, source="push")
    worker = Worker()
    worker.script.pushed = pushed = Breaking()

    def pieces() -> Iterator[bytes]:
        yield b"one"
        time.sleep(3.5)  # Longer than tries may take.
        yield b"break"
        assert pushed.has_broken.wait(60)
        deadline = time.monotonic() + 60
        while pushed.restarts < 2:  # It hears of it at some time.
            assert time.monotonic() < deadline
            yield b"two"
            time.sleep(0.01)

    with (
        worker.running(api, video["job"]["id"]),
        Client(api.url, retry_s=3) as client,
    ):
        eventually(lambda: is_listening(api, video))
        assert client.push_live(video["id"], pieces())

    assert pushed.restarts == 2
    assert pushed.data.startswith(b"onetwo")


def test_a_worker_that_is_slow_is_waited_for(
    api: RunningApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push_relay, "WAITING_BYTES", 4 * 2**20)
    monkeypatch.setattr(push_relay, "DRAIN_S", 1.0)
    video = begin(api, source="push")
    worker = Worker()
    pieces: list[Any] = [bytes(50_000)] * 200
    with worker.running(api, video["job"]["id"]) as script, Client(api.url) as client:
        script.pushed.pause_s = 0.05
        eventually(lambda: is_listening(api, video))
        assert client.push_live(video["id"], pieces)

    assert script.pushed.restarts == 1
    assert script.pushed.ends == [10_000_000]


@pytest.mark.costly
def test_a_sender_that_is_interrupted_after_the_streams_end_says_nothing_else(
    api: RunningApi,
) -> None:
    command = [sys.executable, "-m", "touchline", "live", "send", "--url", api.url]
    worker = Worker()
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(os.environ),
    ) as sender:
        assert sender.stdin is not None
        assert sender.stdout is not None
        sender.stdin.write(b"all")
        sender.stdin.flush()
        video_id = sender.stdout.readline().decode().strip()
        job_id = api.client.get(f"/videos/{video_id}").json()["job"]["id"]
        with worker.running(api, job_id) as script:
            eventually(lambda: bytes(script.pushed.data) == b"all")
            script.end()
            eventually(lambda: worker.status is JobStatus.SUCCEEDED)
            sender.send_signal(signal.SIGINT)
            _, said = sender.communicate(timeout=30)

    assert sender.returncode != 0
    assert b"has ended" not in said


def test_a_text_that_says_nothing_is_passed_over(api: RunningApi) -> None:
    video = begin(api, source="push")
    worker = Worker()
    with worker.running(api, video["job"]["id"]) as script:
        eventually(lambda: is_listening(api, video))
        with connected(api, video) as socket:
            socket.recv(timeout=10)
            for text in ("", "end", "[" * 200_000, '{"kind": ["end"]}'):
                socket.send(text)
            socket.send(b"all")
            eventually(lambda: bytes(script.pushed.data) == b"all")

    assert script.pushed.restarts == 1

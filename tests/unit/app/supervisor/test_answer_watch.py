"""An API or a Postgres that is there but does not answer is ended."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.supervisor.answer_watch import (
    START_LIMIT_S,
    AnswerWatch,
    answers_http,
    answers_postgres,
)
from app.supervisor.processes import ProcessSpec
from app.supervisor.reaper_client import Reaper
from app.supervisor.supervision import SupervisedProcess, Supervisor

LIMIT_S = 30.0
SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


class Watched:
    """A supervised process that answers as the test says, and the watch of it."""

    def __init__(self, folder: Path) -> None:
        self.said: list[str] = []
        self.is_answering = True
        self.reaper = Reaper(folder / "lock", report_line=self.said.append)
        self.supervisor = Supervisor(
            data_dir=folder, reaper=self.reaper, report_line=self.said.append
        )
        self.log_path = folder / "toy.log"
        self.toy = self.start("toy", lambda: self.is_answering)
        self.watch = AnswerWatch(
            self.supervisor.supervised_processes,
            limit_s=LIMIT_S,
            report_line=self.said.append,
        )

    def start(self, name: str, answers: Callable[[], bool]) -> SupervisedProcess:
        spec = ProcessSpec(name, SLEEP, os.environ, self.log_path, answers=answers)
        return self.supervisor.start(spec)

    def exit_code(self) -> int | None:
        """How it ended, given a moment to do so; None if it lives."""
        assert self.toy.part is not None
        if not any("ending it" in line for line in self.said):
            return self.toy.part.exit_code
        return self.toy.part._process.wait(60)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    found = Watched(tmp_path)
    yield found
    found.supervisor.end_all()
    found.reaper.close()


def test_who_has_answered_and_falls_silent_is_ended(watched: Watched) -> None:
    watched.watch.look(passed_s=5)
    watched.is_answering = False

    watched.watch.look(passed_s=LIMIT_S - 1)
    assert watched.exit_code() is None
    watched.watch.look(passed_s=1)

    assert watched.exit_code() == -signal.SIGKILL
    assert "the toy has not answered for 30 s; ending it" in watched.said


def test_a_first_answer_may_take_long_but_not_for_ever(
    watched: Watched,
) -> None:
    watched.is_answering = False

    for _ in range(3):
        watched.watch.look(passed_s=LIMIT_S)
    assert watched.exit_code() is None

    watched.watch.look(passed_s=START_LIMIT_S)  # It hangs at its start.

    assert watched.exit_code() == -signal.SIGKILL


def test_an_answer_ends_the_silence(watched: Watched) -> None:
    for is_answering in (True, False, True, False):
        watched.is_answering = is_answering
        watched.watch.look(passed_s=LIMIT_S - 1)

    assert watched.exit_code() is None


def test_all_are_asked_at_the_same_time(watched: Watched) -> None:
    meeting = threading.Barrier(3, timeout=60)

    def answers() -> bool:
        meeting.wait()
        return True

    for name in ("first", "second", "third"):
        watched.start(name, answers)

    watched.watch.look(passed_s=1)  # One after the other, none would ever come by.


@pytest.mark.slow
def test_a_refusal_is_an_answer_and_silence_is_none() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        url = f"postgresql://127.0.0.1:{port}/touchline"
        assert not answers_http(port)
        assert not answers_postgres(url)

    assert answers_http(port)
    assert answers_postgres(url)


def test_any_status_is_an_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n")

        thread = threading.Thread(target=refuse)
        thread.start()
        assert answers_http(server.getsockname()[1])
        thread.join()

"""A worker whose process is there but whose heartbeat has stopped is replaced."""

import os
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from sqlalchemy.orm import Session, sessionmaker

from app.health.tables import WorkerHeartbeat
from app.supervisor.heartbeat_watch import HeartbeatWatch
from app.supervisor.processes import ProcessSpec
from app.supervisor.reaper_client import Reaper
from app.supervisor.supervision import SupervisedProcess, Supervisor

LIMIT_S = 60.0
PATIENCE_S = 60.0
SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


class Watched:
    """A supervised process that sleeps, and the watch of its heartbeats."""

    def __init__(self, folder: Path, sessions: sessionmaker[Session]) -> None:
        self.said: list[str] = []
        self.sessions = sessions
        self.reaper = Reaper(folder / "lock", report_line=self.said.append)
        self.supervisor = Supervisor(
            data_dir=folder, reaper=self.reaper, report_line=self.said.append
        )
        spec = ProcessSpec("toy", SLEEP, os.environ, folder / "toy.log")
        self.toy: SupervisedProcess = self.supervisor.start(spec)
        self.watch = HeartbeatWatch(
            self.supervisor.supervised_processes,
            sessions,
            limit_s=LIMIT_S,
            report_line=self.said.append,
        )

    @property
    def pid(self) -> int:
        assert self.toy.part is not None
        return self.toy.part.group

    def beat(self, *, age_s: float = 0.0) -> None:
        assert self.toy.part is not None
        seen_at = datetime.now(UTC) - timedelta(seconds=age_s)
        name = f"background toy@here {self.toy.part.identity}"
        row = WorkerHeartbeat(name=name, kind="background", seen_at=seen_at)
        with self.sessions.begin() as session:
            session.merge(row)


@pytest.fixture
def watched(tmp_path: Path, sessions: sessionmaker[Session]) -> Iterator[Watched]:
    found = Watched(tmp_path, sessions)
    yield found
    found.supervisor.end_all()
    found.reaper.close()


def test_a_stopped_worker_is_ended_and_started_again(watched: Watched) -> None:
    watched.beat()
    stopped = watched.pid
    psutil.Process(stopped).suspend()

    for _ in range(3):
        watched.watch.look(passed_s=LIMIT_S / 2)

    deadline = time.monotonic() + PATIENCE_S
    while watched.toy.part is None or watched.pid == stopped:
        assert time.monotonic() < deadline, watched.said
        watched.supervisor.step()
        time.sleep(0.01)
    assert "the toy has sent no heartbeat for 60 s; ending it" in watched.said


def test_a_worker_that_beats_is_left_alone(watched: Watched) -> None:
    for age_s in (30.0, 20.0, 10.0, 0.0):
        watched.beat(age_s=age_s)
        watched.watch.look(passed_s=LIMIT_S)

    assert watched.toy.part is not None
    assert watched.toy.part.exit_code is None


def test_an_old_heartbeat_and_none_at_all_are_no_trouble_by_themselves(
    watched: Watched,
) -> None:
    for _ in range(3):
        watched.watch.look(passed_s=LIMIT_S)
    watched.beat(age_s=600)  # as after the machine has slept
    watched.watch.look(passed_s=LIMIT_S)

    assert watched.toy.part is not None
    assert watched.toy.part.exit_code is None

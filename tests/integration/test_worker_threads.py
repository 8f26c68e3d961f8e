"""The threads that beat and renew, when the pool has no connection to give."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session, sessionmaker
from structlog.testing import capture_logs

from app.core.db.session import Sessions, database_url, make_sessions
from app.core.settings import Settings
from app.core.storage.interface import Storage
from app.health.tables import WorkerHeartbeat
from app.jobs.tables import JobStatus
from tests.integration.uploaded import upload
from worker.heartbeat import heartbeat_name, start_heartbeat
from worker.lease import Lease, Stop

OFTEN = timedelta(seconds=0.1)
PATIENCE_S = 60.0


@pytest.fixture
def narrow(settings: Settings) -> Iterator[Sessions]:
    """Sessions over one connection, that wait but a moment for it."""
    engine = create_engine(
        database_url(str(settings.database_url)),
        pool_size=1,
        max_overflow=0,
        pool_timeout=0.05,
    )
    yield make_sessions(engine)
    engine.dispose()


def wait_until(look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not look():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def test_beats_go_on_after_a_moment_without_a_connection(
    narrow: Sessions, sessions: Sessions
) -> None:
    leaving = threading.Event()

    def names() -> list[str]:
        with sessions() as session:
            return list(session.scalars(select(WorkerHeartbeat.name)))

    with capture_logs() as logs, narrow() as hog:
        hog.execute(select(1))
        thread = start_heartbeat(
            node="celery@host",
            kind="gpu",
            info=dict,
            sessions=narrow,
            leaving=leaving,
            every=OFTEN,
        )
        wait_until(lambda: any(one["event"] == "heartbeat_not_written" for one in logs))
        before = names()
    wait_until(lambda: bool(names()))
    leaving.set()
    thread.join(PATIENCE_S)

    assert before == []
    assert names() == [heartbeat_name("celery@host", kind="gpu")]


def test_a_lease_goes_on_after_whatever_a_tick_raises(
    sessions: Sessions, storage: Storage, tmp_path: Path
) -> None:
    (tmp_path / "video").write_bytes(b"bytes")
    job = upload(tmp_path / "video", sessions=sessions, storage=storage)
    token = uuid4()
    job.set(status=JobStatus.RUNNING, lease_token=token, cancel_requested=True)

    class Faulty(sessionmaker[Session]):
        """Fails once as nobody foresaw, then works."""

        has_failed = False

        def begin(self) -> Any:
            if self.has_failed:
                return sessions.begin()
            self.has_failed = True
            raise RuntimeError("a bug")

    lease = Lease(
        job.job_id,
        token,
        sessions=Faulty(),
        length=timedelta(minutes=5),
        renew_every=OFTEN,
        leaving=threading.Event(),
    )
    with capture_logs() as logs, lease.kept_alive():
        wait_until(lambda: lease.stop is not None)

    assert lease.stop is Stop.CANCELED
    assert [one["event"] for one in logs] == ["lease_not_renewed"]


def test_two_kinds_of_worker_under_one_node_name_beat_apart() -> None:
    names = {heartbeat_name("celery@host", kind=kind) for kind in ("gpu", "background")}

    assert len(names) == 2


def test_a_lease_learns_of_a_cancel_after_a_moment_without_a_connection(
    narrow: Sessions, sessions: Sessions, storage: Storage, tmp_path: Path
) -> None:
    (tmp_path / "video").write_bytes(b"bytes")
    job = upload(tmp_path / "video", sessions=sessions, storage=storage)
    token = uuid4()
    job.set(status=JobStatus.RUNNING, lease_token=token, cancel_requested=True)
    lease = Lease(
        job.job_id,
        token,
        sessions=narrow,
        length=timedelta(minutes=5),
        renew_every=OFTEN,
        leaving=threading.Event(),
    )

    with narrow() as hog:
        hog.execute(select(1))
        with capture_logs() as logs, lease.kept_alive():
            wait_until(lambda: any(one["event"] == "lease_not_renewed" for one in logs))
            before = lease.stop
            hog.close()
            wait_until(lambda: lease.stop is not None)

    assert before is None
    assert lease.stop is Stop.CANCELED

"""A database that falls silent costs a bounded time: through a real TCP proxy."""

import os
import selectors
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import make_url, select, text
from sqlalchemy.exc import OperationalError

from app.core.db.session import KEEPALIVE, Sessions, make_engine, make_sessions
from app.core.settings import Settings
from app.core.storage.interface import Storage
from app.jobs.tables import JobStatus
from tests.integration.uploaded import upload
from worker.lease import Lease, Stop

PATIENCE_S = 60.0


class Proxy:
    """Stands between a client and Postgres, and can stop passing anything on.

    The connection stays open and is acknowledged by the kernel, as with a server that
    is stopped: TCP alone does not notice.
    """

    def __init__(self, server: str) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.is_silent = threading.Event()
        self._closed = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._closed.set()
        self._listener.close()

    def _accept(self) -> None:
        while not self._closed.is_set():
            with suppress(OSError):
                client, _ = self._listener.accept()
                threading.Thread(target=self._pass, args=(client,), daemon=True).start()

    def _pass(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server, suppress(OSError):
            server.connect(self._server)
            with selectors.DefaultSelector() as selector:
                selector.register(client, selectors.EVENT_READ, server)
                selector.register(server, selectors.EVENT_READ, client)
                while not self._closed.is_set():
                    if self.is_silent.is_set():
                        self._closed.wait(0.05)
                        continue
                    for key, _ in selector.select(0.05):
                        data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                        if not data:
                            return
                        key.data.sendall(data)


@pytest.fixture
def proxy(settings: Settings) -> Iterator[Proxy]:
    folder = make_url(str(settings.database_url)).query["host"]
    found = Proxy(str(next(Path(str(folder)).glob(".s.PGSQL.*[0-9]"))))
    yield found
    found.close()


@pytest.fixture
def held(sessions: Sessions, storage: Storage, tmp_path: Path) -> tuple[UUID, UUID]:
    """A job that runs, and the token of its lease."""
    (tmp_path / "video").write_bytes(b"bytes")
    job = upload(tmp_path / "video", sessions=sessions, storage=storage)
    token = uuid4()
    job.set(status=JobStatus.RUNNING, lease_token=token)
    return job.job_id, token


@contextmanager
def through(
    proxy: Proxy, settings: Settings, *, answer_within_s: float
) -> Iterator[Sessions]:
    """Give sessions that reach the database by the proxy."""
    url = make_url(str(settings.database_url))
    url = url.difference_update_query(["host", "port"])
    url = url.set(host="127.0.0.1", port=proxy.port)
    engine = make_engine(url, answer_within_s=answer_within_s)
    yield make_sessions(engine)
    engine.dispose()


def test_a_statement_ends_when_the_server_says_nothing_and_the_next_one_works(
    proxy: Proxy, settings: Settings
) -> None:
    with through(proxy, settings, answer_within_s=4.0) as sessions:
        with sessions() as session:
            session.execute(select(1))
            proxy.is_silent.set()
            with pytest.raises(OperationalError, match="did not answer for 4 s"):
                session.execute(select(1))
        proxy.is_silent.clear()
        with sessions() as session:
            assert session.scalar(select(1)) == 1


def test_tcp_looks_after_connections_to_a_database(
    proxy: Proxy, settings: Settings
) -> None:
    with (
        through(proxy, settings, answer_within_s=60.0) as sessions,
        sessions() as session,
    ):
        session.execute(text("select 1"))
        driver = session.connection().connection.driver_connection
        assert driver is not None
        with socket.socket(fileno=os.dup(driver.fileno())) as peer:
            options = {
                "keepalives": peer.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                "keepalives_count": peer.getsockopt(
                    socket.IPPROTO_TCP, socket.TCP_KEEPCNT
                ),
            }

    assert options == {name: KEEPALIVE[name] for name in options}


def test_the_thread_of_a_lease_returns_when_the_database_is_silent(
    proxy: Proxy, settings: Settings, held: tuple[UUID, UUID]
) -> None:
    def lease_threads() -> list[threading.Thread]:
        return [one for one in threading.enumerate() if one.name == "lease"]

    with through(proxy, settings, answer_within_s=2.0) as silent:
        lease = Lease(
            *held,
            sessions=silent,
            length=timedelta(seconds=1),
            renew_every=timedelta(seconds=0.1),
            leaving=threading.Event(),
        )
        with lease.kept_alive():
            proxy.is_silent.set()
            deadline = time.monotonic() + PATIENCE_S
            while lease.stop is None and time.monotonic() < deadline:
                time.sleep(0.05)
        while lease_threads() and time.monotonic() < deadline:
            time.sleep(0.05)

    assert lease.stop is Stop.LOST
    assert lease_threads() == []


def test_a_run_learns_that_its_lease_is_past_while_the_thread_still_hangs(
    proxy: Proxy, settings: Settings, held: tuple[UUID, UUID]
) -> None:
    with through(proxy, settings, answer_within_s=PATIENCE_S) as silent:
        lease = Lease(
            *held,
            sessions=silent,
            length=timedelta(seconds=1),
            renew_every=timedelta(seconds=0.1),
            leaving=threading.Event(),
        )
        proxy.is_silent.set()
        with lease.kept_alive():
            deadline = time.monotonic() + PATIENCE_S / 2
            while lease.stop is None and time.monotonic() < deadline:
                time.sleep(0.05)
            seen = lease.stop
        proxy.is_silent.clear()

    assert seen is Stop.LOST

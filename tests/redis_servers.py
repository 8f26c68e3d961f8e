"""Redis as it is run where it matters: TLS, passwords, a replica and Sentinels."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.certificates import Certificates
from tests.services import START_TIMEOUT_S, free_port, missing

PRIMARY = "touchline"
PASSWORD, SENTINELS_PASSWORD = "p@ss/word", "of the sentinels"
DOWN_AFTER_MS = 1000


@dataclass
class RedisServer:
    """One server of a test's own."""

    port: int
    process: "subprocess.Popen[bytes]"
    tls: Certificates | None
    password: str

    def client(self) -> "redis.Redis":
        """Connect; close it."""
        more: dict[str, Any] = {}
        if self.tls is not None:
            more = {"ssl": True, "ssl_ca_certs": str(self.tls.ca)}
        return redis.Redis(port=self.port, password=self.password, **more)

    def kill(self) -> None:
        """End it as a machine that is gone."""
        self.process.kill()
        self.process.wait(START_TIMEOUT_S)


@dataclass
class Watched:
    """A primary, its replica, and the Sentinels' ports."""

    primary: RedisServer
    replica: RedisServer
    sentinels: list[int]

    def url(self) -> str:
        """Name them as `TOUCHLINE_REDIS_URL` does, without the password."""
        scheme = "sentinel" if self.primary.tls is None else "sentinels"
        hosts = ",".join(f"127.0.0.1:{port}" for port in self.sentinels)
        return f"{scheme}://{hosts}/{PRIMARY}/0"


@contextmanager
def running_server(
    folder: Path,
    *,
    tls: Certificates | None = None,
    replica_of: int | None = None,
) -> Iterator[RedisServer]:
    """Start a Redis that asks for a password, on a free port."""
    port = free_port()
    lines = [*_listen(port, tls), f'requirepass "{PASSWORD}"', 'save ""']
    lines += [f'masterauth "{PASSWORD}"', "repl-diskless-sync-delay 0"]
    if replica_of is not None:
        lines.append(f"replicaof 127.0.0.1 {replica_of}")
    with _running(folder / f"redis-{port}", lines) as process:
        server = RedisServer(port, process, tls, PASSWORD)
        _wait(server)
        yield server


@contextmanager
def running_sentinels(
    folder: Path, *, tls: Certificates | None = None
) -> Iterator[Watched]:
    """Start a primary, a replica, and three Sentinels that fail over in seconds."""
    with ExitStack() as stack:
        primary = stack.enter_context(running_server(folder, tls=tls))
        replica = stack.enter_context(
            running_server(folder, tls=tls, replica_of=primary.port)
        )
        ports = []
        for _ in range(3):
            port = free_port()
            lines = [*_listen(port, tls), f'requirepass "{SENTINELS_PASSWORD}"']
            lines += [
                f'sentinel sentinel-pass "{SENTINELS_PASSWORD}"',
                f"sentinel monitor {PRIMARY} 127.0.0.1 {primary.port} 2",
                f'sentinel auth-pass {PRIMARY} "{PASSWORD}"',
                f"sentinel down-after-milliseconds {PRIMARY} {DOWN_AFTER_MS}",
                f"sentinel failover-timeout {PRIMARY} 10000",
            ]
            process = stack.enter_context(
                _running(folder / f"sentinel-{port}", lines, "--sentinel")
            )
            _wait(RedisServer(port, process, tls, SENTINELS_PASSWORD))
            ports.append(port)
        watched = Watched(primary, replica, ports)
        _wait_until_watched(watched)
        yield watched


def _listen(port: int, tls: Certificates | None) -> list[str]:
    if tls is None:
        return [f"port {port}", "bind 127.0.0.1"]
    return [
        *("port 0", f"tls-port {port}", "bind 127.0.0.1", "tls-auth-clients no"),
        *(f"tls-cert-file {tls.cert}", f"tls-key-file {tls.key}"),
        *(f"tls-ca-cert-file {tls.ca}", "tls-replication yes"),
    ]


@contextmanager
def _running(
    folder: Path, lines: list[str], *words: str
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run redis-server with a configuration; skips (in CI: fails) without one."""
    program = shutil.which("redis-server")
    if program is None:
        missing("no redis-server with TLS: apt-get install redis-server")
    folder.mkdir()
    configuration = folder / "redis.conf"
    configuration.write_text("\n".join([*lines, f"dir {folder}", ""]))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, str(configuration), *words], stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait(START_TIMEOUT_S)


def _wait(server: RedisServer) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            pytest.fail("redis-server ended at once; see its log")
        try:
            with server.client() as client:
                client.ping()
                return
        except redis.ConnectionError:
            time.sleep(0.05)
    pytest.fail("redis-server does not answer")


def _wait_until_watched(watched: Watched) -> None:
    """Wait until each Sentinel knows the replica and both others."""
    deadline = time.monotonic() + START_TIMEOUT_S
    tls = watched.primary.tls
    for port in watched.sentinels:
        one = RedisServer(port, watched.primary.process, tls, SENTINELS_PASSWORD)
        while time.monotonic() < deadline:
            with one.client() as client:
                state: Any = client.sentinel_master(PRIMARY)
            if (state["num-slaves"], state["num-other-sentinels"]) == (1, 2):
                break
            time.sleep(0.1)
        else:
            pytest.fail(f"a Sentinel knows not the others: {state}")

"""The embedded Postgres, started for one process; `app.core.db.locate` finds it.

Whoever starts one must be alone on the data directory: `touchline serve` locks it.
"""

import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from app.core.errors import StartFailed
from app.supervisor.postgres_cluster import (
    Cluster,
    last_error_line,
    prepare_cluster,
)
from app.supervisor.postgres_leftovers import end_server

START_TIMEOUT_S = 90.0
POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class EmbeddedPostgres:
    """A running server of ours that nobody supervises."""

    cluster: Cluster
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Where the service's database is found."""
        return self.cluster.url

    def stop(self) -> None:
        """Shut down fast and clean; kill what does not end in time."""
        if self.process.poll() is None:
            end_server(psutil.Process(self.process.pid))
        self.process.wait()
        self.cluster.close()


def start_postgres(
    data_dir: Path,
    *,
    log_path: Path,
    options: Sequence[str] = (),
    report_line: Callable[[str], None] = lambda _: None,
) -> EmbeddedPostgres:
    """Start the server of a data directory and wait for it; nobody restarts it.

    It is a child of this process in a session of its own.

    Raises:
        StartFailed: as `prepare_cluster`, or the server does not come up; gives the
            server's reason.
    """
    cluster = prepare_cluster(data_dir, report_line=report_line)
    with log_path.open("ab") as log:
        process = subprocess.Popen(  # noqa: S603  # our own words
            cluster.command(["max_connections=200", *options]),
            env=dict(cluster.environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            **cluster.popen_options,
        )
    server = EmbeddedPostgres(cluster, process)
    try:
        _wait_until_ready(server, log_path)
        cluster.ensure_database()
    except BaseException:
        server.stop()
        raise
    return server


def _wait_until_ready(server: EmbeddedPostgres, log_path: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not server.cluster.is_ready(server.process.pid):
        if server.process.poll() is not None:
            raise StartFailed(
                f"Postgres does not start: {last_error_line(log_path.read_text())}"
            )
        if time.monotonic() > deadline:
            raise StartFailed(f"Postgres does not answer; see {log_path}")
        time.sleep(POLL_S)

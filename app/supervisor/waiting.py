"""One run of the service, and how its start waits for Postgres and for the API."""

import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from app.core.errors import StartFailed
from app.core.settings import Settings
from app.supervisor.postgres_cluster import Cluster
from app.supervisor.processes import LineReporter
from app.supervisor.supervision import SupervisedProcess, Supervisor

API_START_S = 120.0
PATIENCE_S = 10.0  # then it is told what is waited for
WATCH_EVERY_S = 0.2


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the service.

    Attributes:
        cluster: the embedded database; None where another is named.
        sockets: where the API listens.
        private: where each of its processes listens for itself.
    """

    settings: Settings
    report_line: LineReporter
    stop: threading.Event
    supervisor: Supervisor
    cluster: Cluster | None
    sockets: Sequence[socket.socket]
    private: Sequence[socket.socket]


def wait_for_postgres(
    run: Run, cluster: Cluster, supervised: SupervisedProcess, *, deadline: float
) -> bool:
    """Wait until the database answers; False if asked to stop before."""
    told_at = time.monotonic() + PATIENCE_S
    while not run.stop.wait(WATCH_EVERY_S / 4):
        run.supervisor.step()
        if supervised.part is not None and cluster.is_ready(supervised.part.group):
            supervised.has_been_up = True
            return True
        now = time.monotonic()
        if now > deadline:
            raise StartFailed(
                f"Postgres does not answer; see {supervised.spec.log_path}"
            )
        if now > told_at:
            run.report_line("Postgres recovers from a crash; this may take minutes ...")
            told_at = deadline
    return False


def wait_for_api(run: Run) -> bool:
    """Wait until the API answers; False if asked to stop before."""
    deadline = time.monotonic() + API_START_S
    supervised_processes = [
        supervised
        for supervised in run.supervisor.supervised_processes
        if supervised.spec.is_essential
    ]
    with httpx.Client(trust_env=False, timeout=2.0) as client:
        while not run.stop.wait(WATCH_EVERY_S):
            run.supervisor.step()
            if time.monotonic() > deadline:
                log_path = supervised_processes[-1].spec.log_path
                raise StartFailed(f"the API does not answer; see {log_path}")
            try:
                answer = client.get(f"{run.settings.local_url}/healthz")
            except httpx.TransportError:
                continue
            if answer.is_success:
                for supervised in supervised_processes:
                    supervised.has_been_up = True
                return True
    return False

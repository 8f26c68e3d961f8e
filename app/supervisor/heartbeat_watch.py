"""Ends a worker that hangs: its process is there, but its heartbeat has stopped.

Whoever sends heartbeats of its own is watched. The child of the GPU worker is not ours:
its parent watches it.
"""

import os
import signal
import threading
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app.core.db.session import Sessions, make_engine, make_sessions
from app.core.process_identity import ProcessIdentity
from app.core.settings import Settings
from app.health.tables import WorkerHeartbeat
from app.supervisor.processes import LineReporter
from app.supervisor.supervision import SupervisedProcess


class HeartbeatWatch:
    """Looks at the heartbeats now and then, and kills who has been silent too long.

    Time counts only between looks that saw something, and each look for no more than
    it should take: a machine that slept or a database that was away is no trouble of
    the worker. Whoever has sent no heartbeat yet is left alone.
    """

    def __init__(
        self,
        supervised_processes: Iterable[SupervisedProcess],
        sessions: Sessions,
        *,
        limit_s: float,
        report_line: LineReporter,
    ) -> None:
        self._supervised_processes = supervised_processes
        self._sessions, self._limit_s, self._report_line = (
            sessions,
            limit_s,
            report_line,
        )
        self._silent: dict[tuple[str, datetime], float] = {}

    def look(self, *, passed_s: float) -> None:
        """Look once; what was silent for too long is killed, to be started again.

        Args:
            passed_s: the time since the look before.
        """
        try:
            heard = self._last_heartbeats()
        except SQLAlchemyError:
            self._silent.clear()
            return
        silent: dict[tuple[str, datetime], float] = {}
        for supervised in list(self._supervised_processes):
            part = supervised.part
            identity = None if part is None else part.identity
            seen_at = heard.get(str(identity))
            if identity is None or seen_at is None:
                continue
            key = (str(identity), seen_at)
            silent[key] = self._silent[key] + passed_s if key in self._silent else 0.0
            if silent[key] >= self._limit_s:
                self._end(supervised.spec.title, identity, silent[key])
        self._silent = silent

    def _last_heartbeats(self) -> dict[str, datetime]:
        """Tell when each process was heard of last, by its identity."""
        with self._sessions() as session:
            rows = session.execute(
                select(WorkerHeartbeat.name, WorkerHeartbeat.seen_at)
            )
            return {name.rpartition(" ")[2]: seen_at for name, seen_at in rows}

    def _end(self, title: str, identity: ProcessIdentity, silent_s: float) -> None:
        if identity.is_dead:
            return
        self._report_line(
            f"{title} has sent no heartbeat for {silent_s:.0f} s; ending it"
        )
        with suppress(ProcessLookupError):
            os.kill(identity.pid, signal.SIGKILL)


def start_heartbeat_watch(
    supervised_processes: Iterable[SupervisedProcess],
    url: str,
    settings: Settings,
    *,
    report_line: LineReporter,
    stop: threading.Event,
) -> threading.Thread:
    """Look with every heartbeat, in a thread of its own: the database may be slow."""
    every_s = settings.heartbeat.total_seconds()
    watch = HeartbeatWatch(
        supervised_processes,
        make_sessions(make_engine(url, pool_size=1)),
        limit_s=settings.lease.total_seconds(),
        report_line=report_line,
    )

    def go_on() -> None:
        while not stop.wait(every_s):
            watch.look(passed_s=every_s)

    thread = threading.Thread(target=go_on, name="heartbeat-watch", daemon=True)
    thread.start()
    return thread

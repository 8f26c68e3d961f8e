"""The thread that sweeps every few seconds, and how it reports on itself."""

import threading
import time

import structlog
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from app.core.resources import Resources
from worker.loops import LoopFailures, start_loop
from worker.sweeper import sweep

LOST_SCORES_EVERY_S = 3600.0  # that part of a round looks into every video's folder

log = structlog.get_logger(__name__)


class Sweeping:
    """Sweeps and remembers how it went; `report` rides on the process's heartbeat."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._swept_at: str | None = None
        self._failures = LoopFailures("sweep")
        self._next_full_s = 0.0

    def start(self, *, leaving: threading.Event) -> threading.Thread:
        """Sweep at once and then every few seconds, in a thread."""
        every_s = self._resources.settings.sweep_every.total_seconds()
        return start_loop("sweep", self.sweep_once, every_s=every_s, leaving=leaving)

    def sweep_once(self) -> None:
        """Do one round; whatever it raises is logged and reported, not passed on."""
        try:
            self._sweep()
        except OperationalError as exc:  # It comes back; a traceback tells no more.
            log.warning("database_unreachable", error=str(exc.orig or exc))
            self._failures.add(exc)
        except Exception as exc:
            log.exception("sweep_failed")
            self._failures.add(exc)
        else:
            self._failures.reset()

    def report(self) -> dict[str, object]:
        """Say when the last round ended well (by the database's clock), and what fails.

        `swept_at` is an ISO time; `problem` is there once several rounds in a row have
        failed.
        """
        told: dict[str, object] = {"swept_at": self._swept_at}
        if self._failures.problem is not None:
            told["problem"] = self._failures.problem
        return told

    def _sweep(self) -> None:
        resources, is_full = self._resources, time.monotonic() >= self._next_full_s
        before_s, next_s = self._next_full_s, time.monotonic() + LOST_SCORES_EVERY_S
        if is_full:  # Also if another step fails: this one takes long.
            self._next_full_s = next_s
        found = sweep(
            settings=resources.settings,
            sessions=resources.sessions,
            storage=resources.storage,
            notifier=resources.notifier,
            look_for_lost_objects=is_full,
        )
        if found is None:  # Another process is at it, and says so in its own report.
            self._next_full_s = before_s
            return
        with resources.sessions() as session:
            now = session.scalar(select(func.now()))
        self._swept_at = None if now is None else now.isoformat()

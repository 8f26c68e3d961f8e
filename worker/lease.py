"""A claimed job: the lease that is kept alive while it runs, and why it must stop.

A thread with database sessions of its own renews the lease, writes the progress and
learns of a cancel. The thread that works only leaves notes here and asks.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from app.jobs.attempts import Held, JobProgress, LeaseLost
from app.jobs.giving_way import gives_way
from app.jobs.segments import show_progress
from app.jobs.service import renew
from worker.stages import StageClock

TICK_S = 1.0  # how often progress is written and a cancel looked for
JOIN_S = 5.0  # how long the end of a run waits for a tick that hangs

log = structlog.get_logger(__name__)


class Stop(StrEnum):
    """Why a run must end before its end."""

    CANCELED = "canceled"  # the user asked for it
    LOST = "lost"  # somebody else may hold the job now, or it is gone
    LEAVING = "leaving"  # this worker shuts down; the job goes back into the queue
    GIVES_WAY = "gives_way"  # somebody waits for another one; it goes back likewise


class Lease:
    """Holds one job for one run; every write it makes is guarded by its token."""

    def __init__(
        self,
        job_id: UUID,
        token: UUID,
        *,
        sessions: sessionmaker[Session],
        length: timedelta,
        renew_every: timedelta,
        leaving: threading.Event,
        stages: StageClock | None = None,
        may_give_way: bool = False,
        is_segment: bool = False,
    ) -> None:
        self.held = Held(job_id, token)
        self.stages = stages or StageClock()
        self._sessions = sessions
        self._length = length
        self._renew_every_s = renew_every.total_seconds()
        self._leaving = leaving
        self._may_give_way = may_give_way
        self._is_segment = is_segment
        self._stop: Stop | None = None
        self._progress: JobProgress | None = None
        self._renewed = time.monotonic()

    @property
    def stop(self) -> Stop | None:
        """Why to stop, None to go on. Cheap; ask often.

        The clock decides, too: a database that hangs also hangs who renews.
        """
        if self._stop is None and self._is_past:
            self._stop = Stop.LOST
        if self._stop is None and self._leaving.is_set():
            return Stop.LEAVING
        return self._stop

    @property
    def _is_past(self) -> bool:
        return time.monotonic() - self._renewed > self._length.total_seconds()

    def note(self, progress: JobProgress) -> None:
        """Leave the newest progress for the next tick."""
        self.stages.enter(progress.stage)
        self._progress = progress

    @contextmanager
    def kept_alive(self) -> Iterator[None]:
        """Renew in the background until the block ends."""
        done = threading.Event()
        names_in_log = copy_context()  # job and video, as in the thread that works
        thread = threading.Thread(
            target=names_in_log.run, args=(self._keep, done), name="lease", daemon=True
        )
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join(JOIN_S)  # A late tick does no harm: its token has gone.

    def _keep(self, done: threading.Event) -> None:
        tick_s = min(TICK_S, self._renew_every_s)
        while not done.wait(tick_s):
            try:
                self._tick()
            except SQLAlchemyError as exc:
                log.warning(
                    "lease_not_renewed", job=str(self.held.job_id), error=str(exc)
                )
            except Exception:
                log.exception("lease_not_renewed", job=str(self.held.job_id))

    def _tick(self) -> None:
        progress, started = self._progress, time.monotonic()
        is_renewal = started - self._renewed >= self._renew_every_s
        is_renewal = is_renewal or progress is None
        try:
            with self._sessions.begin() as session:
                must_stop = renew(
                    session,
                    self.held,
                    lease=self._length if is_renewal else None,
                    progress=progress,
                    stage_seconds=self.stages.seconds(),
                )
                has_to = is_renewal and self._may_give_way
                if has_to and session.scalar(gives_way(self.held.job_id)):
                    self._stop = self._stop or Stop.GIVES_WAY
        except LeaseLost:
            self._stop = self._stop or Stop.LOST
            return
        if is_renewal:
            self._renewed = started
        if must_stop:
            self._stop = self._stop or Stop.CANCELED
        if self._is_segment and progress is not None:
            with self._sessions.begin() as session:
                show_progress(session, self.held.job_id)

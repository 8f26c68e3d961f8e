"""The thread in a worker's parent that watches its child, and acts."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.core.process_identity import ProcessIdentity
from app.core.resources import Resources
from app.health.tables import WorkerHeartbeat
from app.jobs.claiming import claimable_jobs
from app.jobs.kinds import kinds_of
from app.jobs.tables import Job, JobStatus
from worker.heartbeat import heartbeat_name
from worker.loops import start_loop
from worker.watchdog import (
    RESTART_CODE,
    Child,
    Diagnosis,
    Limits,
    Observation,
    Remedy,
    Watchdog,
)

GIVE_BACK_S = 10.0  # how long a child may take to give its job back before a restart

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Watched:
    """The worker that is watched.

    Attributes:
        node: its node name.
        queue: where its jobs wait; also its kind in heartbeats.
        children: lists the process ids in Celery's pool.
        leave: the signal on which a child gives its job back.
    """

    node: str
    queue: str
    children: Callable[[], Sequence[int]]
    leave: signal.Signals


def start_watch(
    watched: Watched, resources: Resources, *, leaving: threading.Event
) -> threading.Thread:
    """Look at the child with every heartbeat, in a thread, and mend what is wrong."""
    every_s = resources.settings.heartbeat.total_seconds()
    watchdog = Watchdog(Limits.of(resources.settings))
    looked = time.monotonic()

    def step() -> None:
        nonlocal looked
        try:
            process = _child_of(watched)
            observed = observe(process, watched, resources)
        except SQLAlchemyError as exc:
            log.warning("worker_not_watched", error=str(exc))
            watchdog.forget()
            return
        now = time.monotonic()
        passed_s, looked = min(now - looked, 2 * every_s), now
        diagnosis = watchdog.diagnose(observed, passed_s=passed_s)
        if diagnosis is not None and not leaving.is_set():
            watchdog.forget()
            _act(diagnosis, process, watched, resources)

    return start_loop("watchdog", step, every_s=every_s, leaving=leaving)


def observe(
    process: ProcessIdentity | None, watched: Watched, resources: Resources
) -> Observation:
    """See how the child does, and what waits for it.

    Raises:
        SQLAlchemyError: the database does not answer.
    """
    settings = resources.settings
    with resources.sessions() as session:
        child = None if process is None else _read_child(session, process, watched)
        work = session.scalar(
            claimable_jobs(
                kinds=kinds_of(watched.queue),
                max_attempts=settings.max_attempts,
                max_interruptions=settings.max_interruptions,
                limit=1,
                owner="" if process is None else str(process),
            )
        )
    # A message file that nobody can read would wait for ever: only Redis is asked.
    has_ear = settings.redis_url is not None
    messages = resources.notifier.waiting(watched.queue) if has_ear else None
    return Observation(child, has_work=work is not None, messages=messages)


def _read_child(session: Session, process: ProcessIdentity, watched: Watched) -> Child:
    row = session.get(
        WorkerHeartbeat,
        heartbeat_name(watched.node, kind=watched.queue, process=process),
    )
    if row is None:
        return Child(str(process), None, {})
    return Child(str(process), row.seen_at, row.info)


def _child_of(watched: Watched) -> ProcessIdentity | None:
    """Name the one child that lives; None if there is none."""
    living = (ProcessIdentity.of(pid) for pid in watched.children())
    return next((process for process in living if process is not None), None)


def _act(
    diagnosis: Diagnosis,
    process: ProcessIdentity | None,
    watched: Watched,
    resources: Resources,
) -> None:
    if diagnosis.remedy is Remedy.REPLACE_CHILD and process is not None:
        log.error("child_replaced", reason=diagnosis.reason, pid=process.pid)
        _kill(process, signal.SIGKILL)
        return
    log.error("worker_restarts", reason=diagnosis.reason, exit_code=RESTART_CODE)
    if process is not None:
        _kill(process, watched.leave)
        _wait_for_its_job(process, resources)
        _kill(process, signal.SIGKILL)
    sys.stderr.flush()
    os._exit(RESTART_CODE)  # An ordinary end would wait for what may hang.


def _kill(process: ProcessIdentity, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        if not process.is_dead:
            os.kill(process.pid, number)


def _wait_for_its_job(process: ProcessIdentity, resources: Resources) -> None:
    """Wait a moment for a job that the child began just now to be given back."""
    held = select(func.count()).where(
        Job.lease_owner == str(process), Job.status == JobStatus.RUNNING
    )
    until = time.monotonic() + GIVE_BACK_S
    while time.monotonic() < until and not process.is_dead:
        try:
            with resources.sessions() as session:
                if not session.scalar(held):
                    return
        except SQLAlchemyError:
            return
        time.sleep(0.2)

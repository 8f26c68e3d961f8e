"""A worker that runs jobs: Celery's parent, which watches, and its child, which works.

The parent only listens and watches; one spawned child does the jobs. Messages wake it:
which job is next, the database tells. What is run, an entry says (`worker.gpu`,
`worker.media`).
"""

import os
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import structlog
from billiard import active_children
from celery import Celery
from celery.signals import (
    setup_logging,
    worker_init,
    worker_process_init,
    worker_process_shutdown,
    worker_shutting_down,
)
from sqlalchemy.exc import SQLAlchemyError

from app.core.broker.notifier import RUN_JOB
from app.core.collector import end_of_imports, importing_modules
from app.core.logging import configure_logging
from app.core.process_identity import machine_id
from app.core.resources import open_resources
from app.core.settings import Settings
from app.core.tracing.spans import close_recorder
from app.core.tracing.start import check_tracing, start_tracing
from app.health.queries import delete_heartbeats
from app.jobs.kinds import KINDS, kinds_of
from app.jobs.needs import offers_of, release
from app.jobs.recovery import requeue_orphaned
from worker.activity import Activity, Stalled
from worker.child_watch import Watched, start_watch
from worker.heartbeat import (
    end_with_parent,
    heartbeat_name,
    send_heartbeat,
    start_heartbeat,
)
from worker.job_loop import JobLoop
from worker.job_task import Handlers, load_handlers
from worker.loops import start_loop
from worker.outcomes import WorkerContext
from worker.startup import stop_if_unfit
from worker.sweeper import SILENT
from worker.watchdog import LOADING_LIMIT_S
from worker.work import Work

if TYPE_CHECKING:  # A worker that spots nothing loads no model.
    from worker.predictor_cache import Predictors

# The parent forwards its own end to the child, which then gives its job back. By
# nature this signal is ignored, and billiard leaves it alone. A child that is not fit
# sends it to its parent.
LEAVE = signal.SIGURG
STALLED_CODE = 70  # EX_SOFTWARE: how a child ends whose run hangs
UNFIT_CODE = 1
STALL_LOOK_EVERY_S = 1.0
GIVE_BACK_S = 25.0  # how long a child that leaves waits for its run to stop

log = structlog.get_logger(__name__)


class JobWorker:
    """Connects Celery's signals to what a worker does in its two processes."""

    def __init__(self, celery: Celery, settings: Settings, work: Work) -> None:
        self.leaving = threading.Event()
        self._celery, self._settings, self._work = celery, settings, work
        self._node = ""
        # The child's; its parent imports none.
        self._handlers: Handlers = {}
        self._predictors: Predictors | None = None

    def connect(self, entry: str) -> None:
        """Let Celery run this worker.

        Args:
            entry: the module that Celery is started with.
        """
        self._celery.conf.update(
            include=[entry],
            worker_pool="prefork",
            worker_pool_start_method="spawn",
            worker_concurrency=1,
            worker_proc_alive_timeout=LOADING_LIMIT_S,
        )
        self._celery.task(name=RUN_JOB)(self._wake)
        setup_logging.connect(self._set_up_logging, weak=False)
        worker_init.connect(self._start_parent, weak=False)
        worker_process_init.connect(self._start_child, weak=False)
        worker_process_shutdown.connect(self._end_child, weak=False)
        worker_shutting_down.connect(self._tell_children, weak=False)
        end_of_imports()

    def _wake(self, job_id: str) -> None:
        """Wake the thread that runs jobs; it finds this one, or an older one."""
        log.debug("woken", job=job_id)
        for loop in self._loops:
            loop.wake()

    def _set_up_logging(self, **_: Any) -> None:
        configure_logging(self._settings.log_format)

    def _start_parent(self, sender: Any, **_: Any) -> None:
        """Refuse to start where no job could be run; else begin to watch the child."""
        signal.signal(LEAVE, _end_unfit)
        with stop_if_unfit():
            check_tracing(self._settings)
            resources = open_resources(self._settings, pool_size=1, celery=self._celery)
        watched = Watched(
            sender.hostname, self._work.queue, lambda: _children(sender), LEAVE
        )
        start_watch(watched, resources, leaving=self.leaving)

    def _start_child(self, sender: str, **_: Any) -> None:
        """Prepare the child that works; `sender` is the worker's node name."""
        self._node = sender
        signal.signal(LEAVE, lambda *_: self.leaving.set())
        end_with_parent()
        self._load_handlers()
        start_tracing(self._settings, process=self._work.queue)
        sessions = self._context.sessions
        here: dict[str, object] = {"machine": machine_id(), "version": release()}
        here["offers"] = offers_of(kinds_of(self._work.queue))
        told = {**here, "state": "loading", "problem": self._work.loading}
        start_heartbeat(
            node=sender,
            kind=self._work.queue,
            info=lambda: {**told, **self._doing()},
            sessions=sessions,
            leaving=self.leaving,
            every=self._settings.heartbeat,
        )
        self._requeue_orphaned()
        self._sweep()
        self._end_if_stalled()
        told = {
            **here,
            "state": "ready",
            **self._work.warm_up(self._predictors),
        }
        info = {**told, **self._doing()}
        send_heartbeat(sender, kind=self._work.queue, info=info, sessions=sessions)
        for loop in self._loops:
            loop.start()

    def _load_handlers(self) -> None:
        """Import what runs jobs, or end the parent, which would spawn another child."""
        try:
            with importing_modules():
                self._handlers = load_handlers(self._work.queue)
                self._predictors = self._work.open_predictors()
        except Exception as exc:  # Celery would keep a child that does nothing.
            os.kill(os.getppid(), LEAVE)
            raise SystemExit(f"error: {exc}") from exc

    def _end_child(self, sender: str | None, **_: Any) -> None:
        if sender is None:
            return
        if not self.leaving.is_set():  # The signal's handler may have, in this thread.
            self.leaving.set()
        until = time.monotonic() + GIVE_BACK_S
        for loop in self._loops:
            loop.join(max(until - time.monotonic(), 0.1))
        with self._context.sessions.begin() as session:
            name = heartbeat_name(sender, kind=self._work.queue)
            session.execute(delete_heartbeats(names=[name], older_than=SILENT))
        close_recorder()  # Billiard's end runs nothing that Python's would.

    def _tell_children(self, **_: Any) -> None:
        """Let the running job go back into the queue; Celery waits for its child."""
        self.leaving.set()
        for child in active_children():
            if child.pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(child.pid, LEAVE)

    @cached_property
    def _context(self) -> WorkerContext:
        """What runs share, made once in the child."""
        resources = open_resources(
            self._settings, pool_size=3 * self._work.runs_at_once, celery=self._celery
        )
        return WorkerContext(
            settings=self._settings,
            sessions=resources.sessions,
            storage=resources.storage,
            notifier=resources.notifier,
            predictors=self._predictors,
            node=self._node,
            leaving=self.leaving,
        )

    @cached_property
    def _activities(self) -> Sequence[Activity]:
        """What each of the threads that run jobs does."""
        return [Activity() for _ in range(self._work.runs_at_once)]

    @cached_property
    def _loops(self) -> Sequence[JobLoop]:
        return [
            JobLoop(replace(self._context, activity=activity), self._handlers)
            for activity in self._activities
        ]

    def _doing(self) -> dict[str, object]:
        """Say what the parent's watch wants to know."""
        jobs = [job for one in self._activities if (job := one.job) is not None]
        return {
            "pid": os.getpid(),
            "job": str(jobs[0]) if jobs else None,
            "runs": sum(one.runs for one in self._activities),
            "messages": self._loops[0].messages,
        }

    def _end_if_stalled(self) -> None:
        """End this process when a run hangs; the pool replaces it, the job is requeued.

        A call into a driver that never returns cannot be ended by less.
        """
        limit_s = self._settings.stall.total_seconds()
        watched = [Stalled(one, limit_s=limit_s) for one in self._activities]

        def look() -> None:
            for stalled in watched:
                job = stalled.look(passed_s=STALL_LOOK_EVERY_S)
                if job is not None:
                    log.error("run_stalled", job=str(job), limit_s=limit_s)
                    os._exit(STALLED_CODE)

        start_loop(
            "stall-watch", look, every_s=STALL_LOOK_EVERY_S, leaving=self.leaving
        )

    def _sweep(self) -> None:
        """Begin to remove, now and then, what ended jobs left."""
        if self._work.sweep is not None:
            every_s = self._settings.sweep_every.total_seconds()
            step = partial(self._work.sweep, self._context)
            start_loop("sweep", step, every_s=every_s, leaving=self.leaving)

    def _requeue_orphaned(self) -> None:
        """Requeue what dead processes of this machine hold, whatever their leases."""
        try:
            with self._context.sessions.begin() as session:
                back = requeue_orphaned(session, settings=self._settings)
        except SQLAlchemyError as exc:  # The sweep does it once the leases ran out.
            log.warning("nothing_requeued", error=str(exc))
            return
        for job_id, kind in back.requeued:
            self._context.notifier.notify_job(job_id, queue=KINDS[kind].queue)


def _end_unfit(*_: object) -> None:
    """End the parent in order; its child has said why."""
    raise SystemExit(UNFIT_CODE)


def _children(worker: Any) -> list[int]:
    """List the process ids in Celery's pool; none before it has been made."""
    pool = getattr(getattr(worker, "pool", None), "_pool", None)
    return [child.pid for child in list(getattr(pool, "_pool", ()))]

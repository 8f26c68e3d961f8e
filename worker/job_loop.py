"""Runs queued jobs one after another, in the order of the queue.

The database is asked for work, by itself every few seconds; a message from the broker
only wakes the loop. So a broker that is down, loses messages or is no longer heard
costs seconds.
"""

import threading
import time
from uuid import UUID

import structlog
from sqlalchemy.exc import OperationalError

from app.core.process_identity import ProcessIdentity
from app.jobs.claiming import claimable_jobs
from app.jobs.kinds import LOWEST_PRIORITY
from app.jobs.tables import JobStatus
from worker.job_task import Handlers
from worker.loops import LoopFailures
from worker.outcomes import WorkerContext
from worker.runner import run_job

POLL_EVERY_S = 2.0
CANDIDATES = 10  # looked at in one poll; other workers may be quicker for some

log = structlog.get_logger(__name__)


class JobLoop:
    """The one thread of a process that runs jobs; ends when the worker leaves.

    Runs only jobs of kinds it has a handler for.

    Attributes:
        messages: counts the messages that woke it.
        failures: counts the looks for work that failed, for those who watch.
    """

    def __init__(
        self,
        context: WorkerContext,
        handlers: Handlers,
        *,
        least_priority: int = LOWEST_PRIORITY,
        poll_every_s: float = POLL_EVERY_S,
    ) -> None:
        """Take what is needed.

        Args:
            context: of the worker.
            handlers: of the kinds that are run.
            least_priority: jobs of a lower one are left to other loops.
            poll_every_s: between two looks for work.
        """
        self.messages = 0
        self.failures = LoopFailures("job loop")
        self._context = context
        self._handlers = handlers
        self._least_priority = least_priority
        self._poll_every_s = poll_every_s
        self._retry_after_s = context.settings.sweep_every.total_seconds()
        self._put_back: dict[UUID, float] = {}  # failed here; when to try again
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="jobs", daemon=True)

    def start(self) -> None:
        """Begin to look for work."""
        self._thread.start()

    def wake(self) -> None:
        """Say that a job may be waiting."""
        self.messages += 1
        self._woken.set()

    def join(self, timeout_s: float) -> None:
        """Wait, once the worker leaves, until the job that ran has been given back."""
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def run_next(self) -> bool:
        """Run the first job that can be had; False if there is none."""
        for job_id in self._candidates():
            status = run_job(job_id, context=self._context, handlers=self._handlers)
            if status is None:
                continue  # Another worker was quicker.
            if status is JobStatus.QUEUED:
                self._put_back[job_id] = time.monotonic() + self._retry_after_s
            return True
        return False

    def _candidates(self) -> list[UUID]:
        """List what may be claimed; what just failed here gets a pause first."""
        now, settings = time.monotonic(), self._context.settings
        self._put_back = {job: at for job, at in self._put_back.items() if at > now}
        statement = claimable_jobs(
            kinds=tuple(self._handlers),
            max_attempts=settings.max_attempts,
            max_interruptions=settings.max_interruptions,
            limit=CANDIDATES + len(self._put_back),
            owner=str(ProcessIdentity.current()),
            least_priority=self._least_priority,
        )
        with self._context.sessions() as session:
            found = session.scalars(statement).all()
        return [job_id for job_id in found if job_id not in self._put_back]

    def _go_on(self) -> None:
        while not self._context.leaving.is_set():
            self._woken.clear()
            try:
                has_run = self.run_next()
            except OperationalError as exc:  # It comes back; a traceback tells no more.
                log.warning("database_unreachable", error=str(exc.orig or exc))
                has_run = False
            except Exception as exc:
                log.exception("job_loop_failed")
                self.failures.add(exc)
                has_run = False
            else:
                self.failures.reset()
            if not has_run:
                self._rest()

    def _rest(self) -> None:
        if not self._context.leaving.is_set():
            self._woken.wait(self._poll_every_s)

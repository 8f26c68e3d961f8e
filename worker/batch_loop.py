"""The thread that takes batches further, some jobs at a time."""

import threading

import structlog
from sqlalchemy.exc import OperationalError

from app.batches.feeding import advance_batches
from app.core.resources import Resources
from worker.loops import LoopFailures, start_loop

STEP_EVERY_S = 2.0

log = structlog.get_logger(__name__)


def start_batches(
    resources: Resources, *, leaving: threading.Event, failures: LoopFailures
) -> threading.Thread:
    """Take every batch further at once and then every few seconds, in a thread."""
    return start_loop(
        "batches",
        lambda: step_once(resources),
        every_s=STEP_EVERY_S,
        leaving=leaving,
        failures=failures,
    )


def step_once(resources: Resources) -> None:
    """Do one round; a message for each queue in which something waits now."""
    try:
        done = advance_batches(resources.sessions, settings=resources.settings)
    except OperationalError as exc:  # It comes back; a traceback tells no more.
        log.warning("database_unreachable", error=str(exc.orig or exc))
        return
    for queue, job_id in done.queued.items():
        resources.notifier.notify_job(job_id, queue=queue)
    if done.delivery_id is not None:
        resources.notifier.notify_delivery(done.delivery_id)

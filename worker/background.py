"""Celery's entry of the background process, which listens to the queue `background`.

Sends webhooks, sweeps, completes uploads, and brings files from elsewhere; keeps away
from torch and from numbers. All of it begins before the broker is reached: it only
wakes threads, the database tells what is to be done.
"""

import os
import resource
import signal
import threading
from functools import cache, partial
from typing import Any

import structlog
from celery.signals import (
    setup_logging,
    worker_init,
    worker_shutdown,
    worker_shutting_down,
)

from app.core.broker.notifier import (
    BACKGROUND_QUEUE,
    DELIVER_WEBHOOK,
    RUN_JOB,
    make_celery,
)
from app.core.collector import end_of_imports
from app.core.logging import configure_logging
from app.core.resources import Resources, open_resources
from app.core.settings import Settings
from app.core.tracing.spans import close_recorder
from app.core.tracing.start import start_tracing
from app.jobs.kinds import LOWEST_PRIORITY, USUAL_PRIORITY, kinds_of
from app.jobs.needs import offers_of, release
from app.uploads.cleanup import complete_whole_uploads
from app.webhooks.signing import webhook_secret
from worker.batch_loop import start_batches
from worker.heartbeat import start_heartbeat
from worker.job_loop import POLL_EVERY_S, JobLoop
from worker.job_task import load_handlers
from worker.loops import LoopFailures, start_loop
from worker.outcomes import WorkerContext
from worker.startup import stop_if_unfit
from worker.sweep_loop import Sweeping
from worker.webhooks.attempt import Post
from worker.webhooks.sender import (
    DATABASE_THREADS,
    FINISH_S,
    LOOK_EVERY_S,
    PLACES,
    WebhookSender,
)

FETCHES = 3  # downloads and imports at a time
FETCHES_FOR_PEOPLE = 1  # one more, which a batch's are left out of: somebody waits
GIVE_BACK_S = 10.0  # how long an end waits for them to be put back into the queue
OTHER_FILES = 128  # open files beside the connections to receivers

settings = Settings()
celery = make_celery(settings)
celery.conf.update(worker_pool="threads", worker_concurrency=1)

leaving = threading.Event()
batch_failures = LoopFailures("batch loop")
upload_failures = LoopFailures("completion of uploads")
log = structlog.get_logger(__name__)


@celery.task(name=DELIVER_WEBHOOK)
def deliver_webhook(delivery_id: str) -> None:  # noqa: ARG001  # it finds all that are due
    """Wake the sender."""
    _sender().wake()


@celery.task(name=RUN_JOB)
def run_job(job_id: str) -> None:  # noqa: ARG001  # each finds one by itself
    """Wake those that bring files."""
    for loop in _job_loops():
        loop.wake()


@setup_logging.connect
def _set_up_logging(**_: Any) -> None:
    configure_logging(settings.log_format)


@worker_init.connect
def _check(sender: Any, **_: Any) -> None:
    """Refuse to start where no message could be signed, else begin to work."""
    configure_logging(settings.log_format)  # Celery asks for it only later.
    with stop_if_unfit():
        start_tracing(settings, process="background")
        _resources()
        _sender()
    _start(sender.hostname)


def _start(node: str) -> None:
    """Begin to send, to sweep and to tell it, also while the broker does not answer."""
    sweeping = Sweeping(_resources())
    signal.signal(signal.SIGTERM, _end_early)  # Celery's own handler takes over later.
    _sender().start()
    for loop in _job_loops():
        loop.start()
    sweeping.start(leaving=leaving)
    start_batches(_resources(), leaving=leaving, failures=batch_failures)
    start_loop(
        "uploads",
        partial(complete_whole_uploads, _resources()),
        every_s=settings.sweep_every.total_seconds(),
        leaving=leaving,
        failures=upload_failures,
    )
    start_heartbeat(
        node=node,
        kind="background",
        info=lambda: _state(sweeping),
        sessions=_resources().sessions,
        leaving=leaving,
        every=settings.heartbeat,
    )


@worker_shutting_down.connect
def _leave(**_: Any) -> None:
    leaving.set()
    _sender().stop()


@worker_shutdown.connect
def _finish(**_: Any) -> None:
    """Let what is under way be recorded, so that it is not sent twice."""
    _sender().stop()
    for loop in _job_loops():
        loop.join(GIVE_BACK_S)
    _sender().join(2 * FINISH_S)
    close_recorder()


def _end_early(*_: object) -> None:
    """End in order also before Celery has come so far as to listen for signals."""
    _leave()
    _finish()
    raise SystemExit(0)


def _state(sweeping: Sweeping) -> dict[str, object]:
    """Tell what sweep and sender do; a problem of any loop is a problem."""
    state = {"pid": os.getpid(), "version": release(), **sweeping.report()}
    state["offers"] = offers_of(kinds_of(BACKGROUND_QUEUE))
    loops = [batch_failures, upload_failures]
    loops += [one.failures for one in _job_loops()]
    problems = [state.pop("problem", None), _sender().problem]
    problems += [one.problem for one in loops]
    named = dict.fromkeys(str(one) for one in problems if one is not None)
    told = "; ".join(named)
    return {**state, "problem": told} if told else state


@cache
def _resources() -> Resources:
    return open_resources(settings, pool_size=DATABASE_THREADS + 2, celery=celery)


@cache
def _job_loops() -> tuple[JobLoop, ...]:
    """Make the threads that bring files, each with a database pool of its own."""
    return (
        *(_job_loop() for _ in range(FETCHES)),
        *(_job_loop(USUAL_PRIORITY) for _ in range(FETCHES_FOR_PEOPLE)),
    )


def _job_loop(least_priority: int = LOWEST_PRIORITY) -> JobLoop:
    own = open_resources(settings, pool_size=2, celery=celery)
    context = WorkerContext(
        settings=own.settings,
        sessions=own.sessions,
        storage=own.storage,
        notifier=own.notifier,
        predictors=None,
        node="background",
        leaving=leaving,
    )
    handlers = load_handlers(BACKGROUND_QUEUE)
    return JobLoop(
        *(context, handlers),
        least_priority=least_priority,
        # All are woken by messages; looks for what had none are shared out.
        poll_every_s=POLL_EVERY_S * (FETCHES + FETCHES_FOR_PEOPLE),
    )


@cache
def _sender() -> WebhookSender:
    how = Post(
        secret=webhook_secret(settings),
        allow_nets=settings.webhook_allow_nets,
        deadline_s=settings.webhook_timeout.total_seconds(),
    )
    return WebhookSender(
        sessions=_resources().sessions,
        how=how,
        places=min(PLACES, _open_files(PLACES + OTHER_FILES) - OTHER_FILES),
        look_every_s=min(LOOK_EVERY_S, settings.sweep_every.total_seconds()),
    )


def _open_files(wanted: int) -> int:
    """Raise this process's limit of open files if need be; returns what it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    raised = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
    return raised


end_of_imports()

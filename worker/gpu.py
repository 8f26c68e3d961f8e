"""Celery's entry of the process that spots: `touchline worker gpu`.

The parent only listens and watches; one spawned child holds the loaded checkpoint and
works. Messages wake it: which job is next, the database tells.
"""

import os
import signal
import threading
from functools import cache
from typing import Any

import structlog
from billiard import active_children
from celery import Task
from celery.signals import (
    setup_logging,
    worker_init,
    worker_process_init,
    worker_process_shutdown,
    worker_shutting_down,
)
from sqlalchemy.exc import SQLAlchemyError

from app.core.broker.notifier import RUN_JOB, make_celery
from app.core.logging import configure_logging
from app.core.resources import open_resources
from app.core.settings import Settings
from app.health.queries import delete_heartbeats
from app.jobs.kinds import KINDS, JobKind
from app.jobs.service import requeue_orphaned
from model.errors import ModelError
from worker.activity import Stalled
from worker.gpu_watch import Watched, start_watch
from worker.handlers.spot import spot
from worker.heartbeat import (
    end_with_parent,
    heartbeat_name,
    send_heartbeat,
    start_heartbeat,
)
from worker.job_loop import JobLoop
from worker.loops import start_loop
from worker.outcomes import WorkerContext
from worker.predictor_cache import PredictorCache
from worker.startup import stop_if_unfit
from worker.sweeper import SILENT
from worker.watchdog import LOADING_LIMIT_S

# The parent forwards its own end to the child, which then gives its job back. By
# nature this signal is ignored, and billiard leaves it alone.
LEAVE = signal.SIGURG
STALLED_CODE = 70  # EX_SOFTWARE: how a child ends whose run hangs
STALL_LOOK_EVERY_S = 1.0
HANDLERS = {JobKind.SPOT: spot}
GIVE_BACK_S = 25.0  # how long a child that leaves waits for its run to stop

settings = Settings()
celery = make_celery(settings)
celery.conf.update(
    include=["worker.gpu"],
    worker_pool="prefork",
    worker_pool_start_method="spawn",
    worker_concurrency=1,
    worker_proc_alive_timeout=LOADING_LIMIT_S,
)

leaving = threading.Event()
log = structlog.get_logger(__name__)


@celery.task(name=RUN_JOB, bind=True)
def run_job(task: Task[Any, Any], job_id: str) -> None:
    """Wake the thread that runs jobs; it finds this one, or an older one, by itself."""
    log.debug("woken", job=job_id)
    _loop(task.request.hostname).wake()


@setup_logging.connect
def _set_up_logging(**_: Any) -> None:
    configure_logging(settings.log_format)


@worker_init.connect
def _start_parent(sender: Any, **_: Any) -> None:
    """Refuse to start where no job could be run; else begin to watch the child."""
    with stop_if_unfit():
        resources = open_resources(settings, pool_size=1, celery=celery)
    watched = Watched(sender.hostname, lambda: _children(sender), LEAVE)
    start_watch(watched, resources, leaving=leaving)


@worker_process_init.connect
def _start_child(sender: str, **_: Any) -> None:
    """Prepare the child that works; `sender` is the worker's node name."""
    signal.signal(LEAVE, lambda *_: leaving.set())
    end_with_parent()
    context, loop = _place(sender), _loop(sender)
    told: dict[str, object] = {
        "state": "loading",
        "problem": "its checkpoint is being loaded",
    }
    start_heartbeat(
        node=sender,
        kind="gpu",
        info=lambda: {**told, **_doing(context, loop)},
        sessions=context.sessions,
        leaving=leaving,
        every=settings.heartbeat,
    )
    _requeue_orphaned(context)
    _end_if_stalled(context)
    told = {"state": "ready", **_warm_up()}
    info = {**told, **_doing(context, loop)}
    send_heartbeat(sender, kind="gpu", info=info, sessions=context.sessions)
    loop.start()


@worker_process_shutdown.connect
def _end_child(sender: str | None, **_: Any) -> None:
    if sender is None:
        return
    if not leaving.is_set():  # The signal's handler may have set it in this thread.
        leaving.set()
    _loop(sender).join(GIVE_BACK_S)
    with _place(sender).sessions.begin() as session:
        name = heartbeat_name(sender, kind="gpu")
        session.execute(delete_heartbeats(names=[name], older_than=SILENT))


@worker_shutting_down.connect
def _tell_children(**_: Any) -> None:
    """Let the running job go back into the queue; Celery then waits for its child."""
    leaving.set()
    for child in active_children():
        if child.pid is not None:
            os.kill(child.pid, LEAVE)


@cache
def _place(node: str) -> WorkerContext:
    """Make what runs share, once a process."""
    resources = open_resources(settings, pool_size=3, celery=celery)
    return WorkerContext(
        settings=settings,
        sessions=resources.sessions,
        storage=resources.storage,
        notifier=resources.notifier,
        predictors=_predictors(),
        node=node,
        leaving=leaving,
    )


@cache
def _predictors() -> PredictorCache:
    return PredictorCache(settings)


@cache
def _loop(node: str) -> JobLoop:
    return JobLoop(_place(node), HANDLERS)


def _children(worker: Any) -> list[int]:
    """List the process ids in Celery's pool; none before it has been made."""
    pool = getattr(getattr(worker, "pool", None), "_pool", None)
    return [child.pid for child in list(getattr(pool, "_pool", ()))]


def _doing(context: WorkerContext, loop: JobLoop) -> dict[str, object]:
    """Say what the parent's watch wants to know."""
    job = context.activity.job
    return {
        "pid": os.getpid(),
        "job": None if job is None else str(job),
        "runs": context.activity.runs,
        "messages": loop.messages,
    }


def _end_if_stalled(context: WorkerContext) -> None:
    """End this process when a run hangs; the pool replaces it, the job is requeued.

    A call into a driver that never returns cannot be ended by less.
    """
    limit_s = settings.stall.total_seconds()
    stalled = Stalled(context.activity, limit_s=limit_s)

    def look() -> None:
        job = stalled.look(passed_s=STALL_LOOK_EVERY_S)
        if job is not None:
            log.error("run_stalled", job=str(job), limit_s=limit_s)
            os._exit(STALLED_CODE)

    start_loop("stall-watch", look, every_s=STALL_LOOK_EVERY_S, leaving=leaving)


def _requeue_orphaned(context: WorkerContext) -> None:
    """Requeue what dead processes of this machine hold, without waiting for leases."""
    try:
        with context.sessions.begin() as session:
            back = requeue_orphaned(session, settings=settings)
    except SQLAlchemyError as exc:  # The sweep does it once the leases have run out.
        log.warning("nothing_requeued", error=str(exc))
        return
    for job_id, kind in back.requeued:
        context.notifier.notify_job(job_id, queue=KINDS[kind].queue)


def _warm_up() -> dict[str, object]:
    """Load the default checkpoint, so that the first job need not wait for it."""
    try:
        predictor = _predictors().get(None)
    except ModelError as exc:
        log.exception("no_default_checkpoint")
        return {"problem": str(exc)}
    name, engine = predictor.manifest.name, predictor.engine
    log.info("ready", model=name, engine=engine)
    return {"model": name, "engine": engine}

"""Celery's entry of the process that spots: `celery -A worker.gpu worker -Q gpu`.

The parent only listens; one spawned child holds the loaded checkpoint and works.
"""

import os
import signal
import threading
from functools import cache
from typing import Any
from uuid import UUID

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

from app.core.db.job_queries import drop_beats
from app.core.log import configure_logging
from app.core.queue import SPOT_VIDEO, make_celery
from app.core.settings import Settings
from model.errors import ModelError
from worker.beats import beat, beat_name, end_with_parent, start_beating
from worker.connect import connect, stop_if_unfit
from worker.endings import Workplace
from worker.jobs import run_job
from worker.shelf import Shelf
from worker.sweep import SILENT, take_back

# The parent forwards its own end to the child, which then gives its job back. By
# nature this signal is ignored, and billiard leaves it alone.
LEAVE = signal.SIGURG
LOADING_LIMIT_S = 300.0  # Celery kills a child that takes longer to come up

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


@celery.task(name=SPOT_VIDEO, bind=True)
def spot_video(task: Task[Any, Any], job_id: str) -> None:
    """Run one job; how it goes is written in its row."""
    run_job(UUID(job_id), place=_place(task.request.hostname))


@setup_logging.connect
def _set_up_logging(**_: Any) -> None:
    configure_logging(settings.log_format)


@worker_init.connect
def _check(**_: Any) -> None:
    """Refuse to start where no job could be run."""
    with stop_if_unfit():
        connect(settings, celery, pool_size=1)


@worker_process_init.connect
def _start_child(sender: str, **_: Any) -> None:
    """Prepare the child that works; `sender` is the worker's node name."""
    signal.signal(LEAVE, lambda *_: leaving.set())
    end_with_parent()
    place = _place(sender)
    told: dict[str, object] = {"problem": "its checkpoint is being loaded"}
    start_beating(
        node=sender,
        kind="gpu",
        info=lambda: told,
        sessions=place.sessions,
        leaving=leaving,
        every=settings.heartbeat,
    )
    _take_back(place)
    told = _warm_up(place)
    beat(sender, kind="gpu", info=told, sessions=place.sessions)


@worker_process_shutdown.connect
def _end_child(sender: str | None, **_: Any) -> None:
    if sender is None:
        return
    leaving.set()
    with _place(sender).sessions.begin() as session:
        name = beat_name(sender, kind="gpu")
        session.execute(drop_beats(names=[name], older_than=SILENT))


@worker_shutting_down.connect
def _tell_children(**_: Any) -> None:
    """Let the running job go back into the queue; Celery then waits for its child."""
    for child in active_children():
        if child.pid is not None:
            os.kill(child.pid, LEAVE)


@cache
def _place(node: str) -> Workplace:
    """Make what runs share, once a process."""
    ground = connect(settings, celery, pool_size=3)
    return Workplace(
        settings=settings,
        sessions=ground.sessions,
        storage=ground.storage,
        doorbell=ground.doorbell,
        predictors=Shelf(settings),
        node=node,
        leaving=leaving,
    )


def _take_back(place: Workplace) -> None:
    """Requeue what this node held when it died, without waiting for its lease."""
    try:
        with place.sessions.begin() as session:
            back = take_back(session, settings=settings)
    except SQLAlchemyError as exc:  # The sweep does it once the leases have run out.
        log.warning("nothing_taken_back", error=str(exc))
        return
    for job_id in back.requeued:
        place.doorbell.ring_job(job_id)


def _warm_up(place: Workplace) -> dict[str, object]:
    """Load the default checkpoint, so that the first job need not wait for it."""
    try:
        predictor = place.predictors.get(None)
    except ModelError as exc:
        log.exception("no_default_checkpoint")
        return {"pid": os.getpid(), "problem": str(exc)}
    name, engine = predictor.manifest.name, predictor.engine
    log.info("ready", model=name, engine=engine)
    return {"pid": os.getpid(), "model": name, "engine": engine}

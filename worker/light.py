"""Celery's entry of the light process: `celery -A worker.light worker -Q light`.

Sends webhooks in threads and sweeps; keeps away from torch and from `model`.
"""

import os
import threading
from functools import cache
from typing import Any
from uuid import UUID

import structlog
from celery.signals import (
    setup_logging,
    worker_init,
    worker_ready,
    worker_shutting_down,
)
from sqlalchemy.exc import SQLAlchemyError

from app.core.log import configure_logging
from app.core.queue import DELIVER_WEBHOOK, make_celery
from app.core.settings import Settings
from app.core.webhooks import webhook_secret
from worker.beats import start_beating
from worker.connect import Ground, connect, stop_if_unfit
from worker.delivery import Post, deliver
from worker.sweep import sweep

THREADS = 8  # slow receivers that may be waited for at once

settings = Settings()
celery = make_celery(settings)
celery.conf.update(worker_pool="threads", worker_concurrency=THREADS)

leaving = threading.Event()
log = structlog.get_logger(__name__)


@celery.task(name=DELIVER_WEBHOOK)
def deliver_webhook(delivery_id: str) -> None:
    """Make one attempt at one message."""
    deliver(UUID(delivery_id), sessions=_ground().sessions, sender=_sender())


@setup_logging.connect
def _set_up_logging(**_: Any) -> None:
    configure_logging(settings.log_format)


@worker_init.connect
def _check(**_: Any) -> None:
    """Refuse to start where no message could be signed."""
    with stop_if_unfit():
        _ground()
        _sender()


@worker_ready.connect
def _start(sender: Any, **_: Any) -> None:
    """Begin to sweep and to beat."""
    threading.Thread(target=_sweep_on, name="sweep", daemon=True).start()
    start_beating(
        node=sender.hostname,
        kind="light",
        info=lambda: {"pid": os.getpid()},
        sessions=_ground().sessions,
        leaving=leaving,
        every=settings.heartbeat,
    )


@worker_shutting_down.connect
def _leave(**_: Any) -> None:
    leaving.set()


def _sweep_on() -> None:
    """Sweep now and then until the process leaves; a failed round is no end."""
    ground, every_s = _ground(), settings.sweep_every.total_seconds()
    while True:
        try:
            sweep(
                settings=settings,
                sessions=ground.sessions,
                storage=ground.storage,
                doorbell=ground.doorbell,
            )
        except (SQLAlchemyError, OSError):
            log.exception("sweep_failed")
        if leaving.wait(every_s):
            return


@cache
def _ground() -> Ground:
    return connect(settings, celery, pool_size=THREADS + 2)


@cache
def _sender() -> Post:
    secret = webhook_secret(settings)
    return Post(secret=secret, allow_nets=settings.webhook_allow_nets)

"""Celery's entry of the process that follows live streams: `touchline worker live`.

Listens to the queue `live`, and follows as many streams at once as it may
(`TOUCHLINE_LIVE_STREAMS`). It renews its leases often: when it dies, another worker
takes over within seconds.
"""

from datetime import timedelta
from functools import partial

import structlog

from app.core.broker.notifier import LIVE_QUEUE, make_celery
from app.core.errors import RequestProblem, StartFailed
from app.core.settings import BEATS_IN_LEASE, Settings
from app.live.models import find_live_model
from worker.live_streams.scratch import sweep_scratch
from worker.pool import JobWorker
from worker.work import Work

HEARTBEAT = timedelta(seconds=2)

log = structlog.get_logger(__name__)


def quick(settings: Settings) -> Settings:
    """Shorten the heartbeat and the lease: what a death costs is lost of the match."""
    heartbeat = min(settings.heartbeat, HEARTBEAT)
    lease = min(settings.lease, HEARTBEAT * BEATS_IN_LEASE)
    return settings.model_copy(update={"heartbeat": heartbeat, "lease": lease})


def warm_up(settings: Settings, _: object) -> dict[str, object]:
    """Look whether there is a model; a stream loads its own, in about a second."""
    try:
        find_live_model(None, settings)
    except RequestProblem as exc:  # Another one may be asked for.
        log.warning("live_model_not_found", error=str(exc))
    return {"streams": settings.live_streams}


settings = Settings()
if settings.live_streams < 1:
    raise StartFailed(
        "no stream may be followed: set TOUCHLINE_LIVE_STREAMS to 1 or more, or start "
        "no live worker"
    )
celery = make_celery(settings)
worker = JobWorker(
    celery,
    quick(settings),
    Work(
        queue=LIVE_QUEUE,
        loading="it is starting",
        warm_up=partial(warm_up, settings),
        sweep=sweep_scratch,
        runs_at_once=settings.live_streams,
    ),
)
worker.connect(__name__)

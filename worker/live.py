"""Celery's entry of the process that follows live streams: `touchline worker live`.

Listens to the queue `live`, and follows as many streams at once as it may
(`TOUCHLINE_LIVE_STREAMS`). It renews its leases often: when it dies, another worker
takes over within seconds.
"""

from datetime import timedelta

from app.core.broker.notifier import LIVE_QUEUE, make_celery
from app.core.settings import BEATS_IN_LEASE, Settings
from worker.job_task import load_handlers
from worker.pool import JobWorker, Work

HEARTBEAT = timedelta(seconds=2)


def quick(settings: Settings) -> Settings:
    """Shorten the heartbeat and the lease: what a death costs is lost of the match."""
    heartbeat = min(settings.heartbeat, HEARTBEAT)
    lease = min(settings.lease, HEARTBEAT * BEATS_IN_LEASE)
    return settings.model_copy(update={"heartbeat": heartbeat, "lease": lease})


settings = Settings()
celery = make_celery(settings)
worker = JobWorker(
    celery,
    quick(settings),
    Work(
        queue=LIVE_QUEUE,
        handlers=load_handlers(LIVE_QUEUE),
        warm_up=lambda: {"streams": settings.live_streams},
        runs_at_once=settings.live_streams,
    ),
)
worker.connect(__name__)

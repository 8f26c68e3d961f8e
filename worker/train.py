"""Celery's entry of the process that trains: `touchline worker train`.

Listens to the queue `train`. It loads no torch itself: each training runs in a process
of its own (`worker.training`), whose memory is free again as soon as it pauses or ends.
How the worker is run and watched: `worker.pool`.
"""

from app.core.broker.notifier import TRAIN_QUEUE, make_celery
from app.core.settings import Settings
from worker.pool import JobWorker
from worker.training.scratch import sweep_scratch
from worker.work import Work

settings = Settings()
celery = make_celery(settings)
worker = JobWorker(
    celery,
    settings,
    Work(
        queue=TRAIN_QUEUE,
        sweep=sweep_scratch,
    ),
)
worker.connect(__name__)

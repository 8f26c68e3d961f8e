"""Celery's entry of the process that makes pictures: `touchline worker media`.

Listens to the queue `media`; keeps away from torch and OpenVINO. How it is run and
watched: `worker.pool`.
"""

from app.core.broker.notifier import MEDIA_QUEUE, make_celery
from app.core.settings import Settings
from worker.pool import JobWorker
from worker.work import Work

settings = Settings()
celery = make_celery(settings)
worker = JobWorker(
    celery,
    settings,
    Work(queue=MEDIA_QUEUE),
)
worker.connect(__name__)

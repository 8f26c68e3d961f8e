"""Celery's real worker on our broker; its one task notes its argument in a file.

TOUCHLINE_DATA_DIR=... celery -A tests.integration.noting_worker worker -Q gpu
"""

from app.core.broker.notifier import RUN_JOB, make_celery
from app.core.settings import Settings

settings = Settings()
celery = make_celery(settings)
celery.conf.update(worker_pool="solo")


@celery.task(name=RUN_JOB)
def note(job_id: str) -> None:
    """Tell the test which job the message was about."""
    with (settings.data_dir / "noted").open("a") as notes:
        notes.write(f"{job_id}\n")

"""The Celery app and the notifier: names of tasks and queues, no task bodies.

The database is the queue of record; a message carries an id and nothing else. What
reaches nobody is found by the sweep, so a broken broker costs seconds, never work.
"""

from typing import Any
from uuid import UUID

import structlog
from celery import Celery

from app.core.broker.redis_broker import TIMEOUT_S, redis_configuration
from app.core.settings import Settings

RUN_JOB = "touchline.run_job"
DELIVER_WEBHOOK = "touchline.deliver_webhook"
NAMES = {RUN_JOB: "job", DELIVER_WEBHOOK: "delivery"}  # of rows, in the log
GPU_QUEUE = "gpu"
MEDIA_QUEUE = "media"
BACKGROUND_QUEUE = "background"
TRAIN_QUEUE = "train"
LIVE_QUEUE = "live"

POLL_EVERY_S = 0.2  # how often the filesystem broker is looked at

log = structlog.get_logger(__name__)


def make_celery(settings: Settings) -> Celery:
    """Make the Celery app on Redis if configured, else on files in the data directory.

    Messages are acknowledged early and one at a time: the lease in the database, not
    the broker, decides who works. Pools are spawned, for CUDA cannot start in a fork.
    """
    celery = Celery("touchline", set_as_current=False)
    celery.conf.update(
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=False,
        task_default_queue=BACKGROUND_QUEUE,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_connection_timeout=TIMEOUT_S,
        task_publish_retry=False,
    )
    if settings.redis_url is None:
        celery.conf.update(_file_broker(settings))
    else:
        celery.conf.update(redis_configuration(settings))
    return celery


class JobNotifier:
    """Tells workers by message that the database holds something for them.

    No method raises or blocks without limit, whatever the broker's client does: what
    calls has committed its rows by then. It is logged, and the sweep finds the row.
    """

    def __init__(self, celery: Celery) -> None:
        self._celery = celery
        self._logged: set[type[Exception]] = set()

    def notify_job(self, job_id: UUID, *, queue: str = GPU_QUEUE) -> bool:
        """Say that a job waits in a queue; False if nobody could be told."""
        return self._notify(RUN_JOB, job_id, queue)

    def notify_delivery(self, delivery_id: UUID) -> bool:
        """Say that a webhook is due; False if nobody could be told."""
        return self._notify(DELIVER_WEBHOOK, delivery_id, BACKGROUND_QUEUE)

    def ping(self) -> bool:
        """Whether the broker answers now."""
        return self.problem() is None

    def problem(self) -> str | None:
        """Say why the broker cannot be used now; None if it answers."""
        try:
            self._count(GPU_QUEUE)
        except Exception as exc:  # noqa: BLE001  # see the class
            self._log("broker_unreachable", exc)
            if isinstance(exc, ImportError):
                return f"its client cannot be loaded ({exc})"
            return "it does not answer"
        return None

    def waiting(self, queue: str) -> int | None:
        """Count the messages nobody took yet; None if the broker does not answer."""
        try:
            return self._count(queue)
        except Exception as exc:  # noqa: BLE001  # see the class
            self._log("broker_unreachable", exc)
            return None

    def _count(self, queue: str) -> int:
        with self._celery.connection_for_write() as connection:
            connection.connect()
            channel: Any = connection.default_channel  # kombu's types lack this
            return int(channel.queue_declare(queue, durable=True).message_count)

    def _notify(self, task: str, row_id: UUID, queue: str) -> bool:
        try:
            self._celery.send_task(task, args=[str(row_id)], queue=queue, retry=False)
        except Exception as exc:  # noqa: BLE001  # see the class
            self._log(
                "notification_failed", exc, task=task, **{NAMES[task]: str(row_id)}
            )
            return False
        return True

    def _log(self, event: str, exc: Exception, **facts: str) -> None:
        """Warn; with a traceback the first time an error of a type comes."""
        is_new = type(exc) not in self._logged
        self._logged.add(type(exc))
        log.warning(event, error=str(exc), **facts, exc_info=is_new)


def _file_broker(settings: Settings) -> dict[str, object]:
    return {
        "broker_url": "filesystem://localhost//",
        "broker_transport": "app.core.broker.file_transport:Transport",
        "broker_transport_options": {
            "folder": str(settings.data_dir / "broker" / "messages"),
            "polling_interval": POLL_EVERY_S,
        },
    }

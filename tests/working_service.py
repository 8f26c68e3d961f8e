"""The real API with a worker beside it, a thread that runs each job as it comes."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from app.core.broker.notifier import (
    BACKGROUND_QUEUE,
    GPU_QUEUE,
    MEDIA_QUEUE,
    JobNotifier,
    make_celery,
)
from app.core.settings import Settings
from app.core.storage.opening import open_storage
from app.jobs.kinds import JobKind
from app.jobs.tables import Job, JobStatus
from tests.api_server import RunningApi, running_api
from worker.job_task import Handler, load_handlers
from worker.outcomes import WorkerContext
from worker.predictor_cache import PredictorCache
from worker.runner import run_job

LOOK_EVERY_S = 0.05


@dataclass(frozen=True)
class WorkingService:
    """An API whose jobs are run.

    Attributes:
        pause: while it is set, no job is begun.
    """

    api: RunningApi
    pause: threading.Event


@contextmanager
def working_service(
    settings: Settings, *, of_worker: Settings | None = None
) -> Iterator[WorkingService]:
    """Serve the API and run its jobs, one after the other, until the block ends.

    Args:
        of_worker: settings of a worker that shares no folder with the API.
    """
    stop, pause = threading.Event(), threading.Event()
    with running_api(settings) as api:
        storage = api.service.storage
        if of_worker is not None:
            settings, storage = of_worker, open_storage(of_worker)
        context = WorkerContext(
            settings=settings,
            sessions=api.service.sessions,
            storage=storage,
            predictors=PredictorCache(settings),
            notifier=JobNotifier(make_celery(settings)),
            node="all@test",
            leaving=threading.Event(),
        )
        worker = threading.Thread(target=_work, args=(context, stop, pause))
        worker.start()
        try:
            yield WorkingService(api, pause)
        finally:
            stop.set()
            worker.join(60)


def _work(
    context: WorkerContext, stop: threading.Event, pause: threading.Event
) -> None:
    handlers: dict[JobKind, Handler] = {
        kind: handler
        for queue in (GPU_QUEUE, MEDIA_QUEUE, BACKGROUND_QUEUE)
        for kind, handler in load_handlers(queue).items()
        if kind is not JobKind.THUMBNAILS  # of which no test here knows
    }
    while not stop.wait(LOOK_EVERY_S):
        for job_id in [] if pause.is_set() else _waiting(context, handlers.keys()):
            if not (stop.is_set() or pause.is_set()):
                run_job(job_id, context=context, handlers=handlers)


def _waiting(context: WorkerContext, kinds: object) -> list[UUID]:
    query = select(Job.id).where(
        Job.status == JobStatus.QUEUED,
        Job.kind.in_(list(kinds)),  # type: ignore[call-overload]
    )
    with context.sessions() as session:
        return list(session.scalars(query.order_by(Job.id)))

"""Celery's entry of the process that spots: `touchline worker gpu`.

Its child holds the loaded checkpoint. How it is run and watched: `worker.pool`.
"""

import structlog

from app.core.broker.notifier import GPU_QUEUE, make_celery
from app.core.settings import Settings
from model.errors import ModelError
from worker.job_task import load_handlers
from worker.pool import JobWorker, Work
from worker.predictor_cache import PredictorCache

settings = Settings()
celery = make_celery(settings)
predictors = PredictorCache(settings)

log = structlog.get_logger(__name__)


def warm_up() -> dict[str, object]:
    """Load the default checkpoint, so that the first job need not wait for it."""
    try:
        predictor = predictors.get(None)
    except ModelError as exc:
        log.exception("no_default_checkpoint")
        return {"problem": str(exc)}
    name, engine = predictor.manifest.name, predictor.engine
    log.info("ready", model=name, engine=engine)
    return {"model": name, "engine": engine}


worker = JobWorker(
    celery,
    settings,
    Work(
        queue=GPU_QUEUE,
        handlers=load_handlers(GPU_QUEUE),
        predictors=predictors,
        loading="its checkpoint is being loaded",
        warm_up=warm_up,
    ),
)
worker.connect(__name__)

"""Celery's entry of the process that spots: `touchline worker gpu`.

Its child holds the loaded checkpoint. How it is run and watched: `worker.pool`.
"""

from typing import TYPE_CHECKING

import structlog

from app.core.broker.notifier import GPU_QUEUE, make_celery
from app.core.settings import Settings
from model.errors import ModelError
from worker.pool import JobWorker
from worker.work import Work

if TYPE_CHECKING:
    from worker.predictor_cache import Predictors

settings = Settings()
celery = make_celery(settings)

log = structlog.get_logger(__name__)


def open_predictors() -> "Predictors":
    """Make the child's store of loaded checkpoints; the parent loads no engine."""
    from worker.predictor_cache import PredictorCache

    return PredictorCache(settings)


def warm_up(predictors: "Predictors | None") -> dict[str, object]:
    """Load the default checkpoint, so that the first job need not wait for it."""
    if predictors is None:
        raise ValueError("a worker that spots has predictors")
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
        open_predictors=open_predictors,
        loading="its checkpoint is being loaded",
        warm_up=warm_up,
    ),
)
worker.connect(__name__)

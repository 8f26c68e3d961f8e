"""What one kind of worker does, as its entry says it; `worker.pool` runs it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.core.resources import Resources

if TYPE_CHECKING:  # A worker that spots nothing loads no model.
    from worker.predictor_cache import Predictors


def _no_predictors() -> None:
    return None


def _nothing(_: object) -> Mapping[str, object]:
    return {}


@dataclass(frozen=True, slots=True)
class Work:
    """What a worker does.

    Attributes:
        queue: where its jobs wait; heartbeats and `/readyz` call the worker so.
        open_predictors: makes the store of loaded checkpoints, for handlers that spot;
            called once in the child.
        loading: what `/readyz` says until the child is warm.
        warm_up: called once in the child before it takes a job, with the store of
            loaded checkpoints; returns what its heartbeats tell from then on.
        sweep: called in the child every few seconds: removes what ended jobs left.
        runs_at_once: how many jobs it runs at a time, each in a thread.
    """

    queue: str
    open_predictors: "Callable[[], Predictors | None]" = _no_predictors
    loading: str = "it is starting"
    warm_up: "Callable[[Predictors | None], Mapping[str, object]]" = _nothing
    sweep: Callable[[Resources], None] | None = None
    runs_at_once: int = 1

"""The loaded checkpoints of a worker process: each is loaded once and kept."""

from collections import OrderedDict
from pathlib import Path
from typing import Protocol

import structlog

from app.core.settings import Settings
from model.checkpoint.library import find_checkpoint, find_named
from model.errors import BadCheckpoint
from model.spotting.predictor import Predictor, load_predictor

KEPT = 2  # loaded at once; another one puts out the one not used for longest

log = structlog.get_logger(__name__)


class Predictors(Protocol):
    """Whoever can hand out a loaded checkpoint by name."""

    def get(self, name: str | None) -> Predictor:
        """Hand out a predictor; None is the service's default.

        Raises:
            CheckpointError, EngineError: it is not there or cannot be loaded.
        """


class PredictorCache:
    """Finds checkpoints in the library and keeps the last few loaded.

    Each job looks anew which is the default and whether a file was replaced, so that
    neither needs a restart.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._loaded: OrderedDict[tuple[Path, int, int], Predictor] = OrderedDict()

    def get(self, name: str | None) -> Predictor:
        path = self._find(name)
        try:
            facts = path.stat()
        except OSError as exc:  # A link that leads nowhere, or just deleted.
            raise BadCheckpoint(
                f"the checkpoint {path.stem} cannot be reached ({exc.strerror}): mend "
                f"or remove {path}"
            ) from exc
        key = (path, facts.st_mtime_ns, facts.st_size)
        if key not in self._loaded:
            log.info("loading_checkpoint", path=str(path))
            while len(self._loaded) >= KEPT:  # First: there is no room for more.
                self._loaded.popitem(last=False)
            self._loaded[key] = load_predictor(
                path,
                engine=self._settings.engine,
                precision=self._settings.precision,
                gpu_budget_bytes=self._settings.gpu_budget,
            )
        self._loaded.move_to_end(key)
        return self._loaded[key]

    def _find(self, name: str | None) -> Path:
        """Find a checkpoint; only the operator's own setting may be a path."""
        folder, chosen = self._settings.data_dir / "models", self._settings.model
        if name is not None:
            return find_named(name, folder, chosen=chosen)
        return find_checkpoint(user_dir=folder, chosen=chosen)

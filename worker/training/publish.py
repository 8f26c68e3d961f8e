"""What a training has made becomes the next version of its model, once."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.core.errors import StorageFull
from app.core.settings import Settings
from app.trainings.tables import Training
from model.checkpoint.archive import Checkpoint
from model.checkpoint.library import find_named, list_checkpoints
from model.checkpoint.publish import publish_checkpoint
from model.checkpoint.versions import MAX_NAME, split_version
from model.errors import CheckpointError, CheckpointExists
from model.teaching.run import is_full

WEIGHTS = "weights.safetensors"
ID_CHARS = 8


@dataclass(frozen=True, slots=True)
class Product:
    """What a training has made.

    Attributes:
        checkpoint: the finished file, in the scratch folder.
        lineage: what it was taught.
    """

    training: Training
    checkpoint: Path
    lineage: Mapping[str, Any]


def publish(product: Product, settings: Settings) -> str:
    """Give the version that a training has made, for example `hall@2`.

    A run that died between this and its end has published it already: by its lineage
    it is found, so that one training never makes two versions. Where somebody has put a
    model without versions under its name meanwhile, it is published under another one.

    Raises:
        BadCheckpoint: the name is one that versions cannot have.
        StorageFull: the disk is full.
    """
    folder, training = settings.data_dir / "models", product.training
    for entry in list_checkpoints(folder, chosen=settings.model):
        if entry.manifest is not None:
            lineage = entry.manifest.provenance.lineage or {}
            if lineage.get("training") == str(training.id):
                return entry.name
    lineage = {
        **_base_of(training.base, folder, settings),
        "training": str(training.id),
        "project": str(training.project_id),
        **product.lineage,
    }
    try:
        return _publish(product, folder, lineage)
    except OSError as exc:
        if not is_full(exc):
            raise
        raise StorageFull("The disk of the training's worker is full.") from exc


def _publish(product: Product, folder: Path, lineage: Mapping[str, Any]) -> str:
    """Publish it under the training's name, or one beside it if that is taken."""
    file, training = product.checkpoint, product.training
    try:
        return publish_checkpoint(file, training.name, folder, lineage=lineage)
    except CheckpointExists:
        begin = training.name[: MAX_NAME - ID_CHARS - 1]
        name = f"{begin}-{training.id.hex[-ID_CHARS:]}"
        return publish_checkpoint(file, name, folder, lineage=lineage)


def name_taken(training: Training, made: str) -> dict[str, str]:
    """Warn, by a stable code, if a model is not called as was asked."""
    if split_version(made)[0] == training.name:
        return {}
    return {
        "name-taken": f"A model without versions was called {training.name} when the "
        f"training ended: this one is called {made}."
    }


def _base_of(name: str | None, folder: Path, settings: Settings) -> dict[str, str]:
    """Tell what a model was made from; its checksum only while it is installed."""
    if name is None:
        return {}
    try:
        path = find_named(name, folder, chosen=settings.model)
        weights = Checkpoint.open(path).manifest.files.get(WEIGHTS)
    except CheckpointError:
        weights = None
    known = {} if weights is None else {"base_sha256": weights.sha256}
    return {"base": name, **known}

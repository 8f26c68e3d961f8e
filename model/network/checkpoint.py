"""Checkpoints, from wherever they come: the door to `archive` and `e2espot`."""

from pathlib import Path
from typing import TYPE_CHECKING

from model.network.archive import (
    ENGINES,
    SUFFIX,
    Checkpoint,
    check_finite,
    with_changes,
    write_checkpoint,
)

if TYPE_CHECKING:
    from model.network.spotter import Spotter

__all__ = [
    "ENGINES",
    "SUFFIX",
    "Checkpoint",
    "check_finite",
    "import_e2espot",
    "with_changes",
    "write_checkpoint",
]


def import_e2espot(weights: Path, config: Path, classes: Path) -> "Spotter":
    """Read a checkpoint of E2E-Spot or opensportslib (needs torch).

    See `model.network.e2espot.import_e2espot`, which does the work.
    """
    from model.network.e2espot import import_e2espot as read

    return read(weights, config, classes)

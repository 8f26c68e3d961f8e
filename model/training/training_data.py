"""The matches of a run, checked and prepared, and how they reach the network."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import lightning
import torch
from torch.utils.data import DataLoader

from model.data.checks import leaks, missing_labels
from model.data.frame_store import StoredMatch
from model.data.labels import label_names
from model.errors import BadAnnotations
from model.reporter import Reporter
from model.training.batches import Batch, Batches
from model.training.config import TrainConfig
from model.training.prepare import prepared
from model.training.subsets import find_subsets


@dataclass(frozen=True, slots=True)
class TrainingData:
    """The matches of a run, prepared.

    Attributes:
        labels: in the order of the network's outputs.
        train: to train on.
        val: to choose by.
    """

    labels: tuple[str, ...]
    train: tuple[StoredMatch, ...]
    val: tuple[StoredMatch, ...]


def load_data(config: TrainConfig, *, report: Reporter) -> TrainingData:
    """Find, check and prepare the matches of a run.

    Raises:
        BadAnnotations: a match on both sides, a label in val that train lacks, a
            label of the config that never occurs, a video that is corrupt or cut off
            (unless they are to be skipped).
    """
    train_set, val_set = find_subsets(config.data)
    found = leaks(train_set, val_set, parts=("train", "val"))
    if found:
        raise BadAnnotations(f"{found[0].match} {found[0].text}")
    labels = config.labels or label_names(train_set)
    if not labels:
        raise BadAnnotations("The training matches have no event: nothing to learn.")
    absent = sorted(set(labels) - set(label_names(train_set)))
    if absent:
        raise BadAnnotations(f"No training match has an event of {absent}.")
    unknown = missing_labels(train_set, val_set)
    if unknown and config.labels is None:
        raise BadAnnotations(
            f"{unknown[0].match} {unknown[0].text} by listing the labels to learn in "
            "the config."
        )
    store = Path(config.data.store)
    return TrainingData(
        labels=labels,
        train=prepared(
            train_set, store / "train", config, spec=config.store_spec, report=report
        ),
        val=prepared(val_set, store / "val", config, spec=config.input, report=report),
    )


class Loaders(lightning.LightningDataModule):
    """Hands clips to training and whole matches to validation, rank by rank."""

    def __init__(self, data: TrainingData, config: TrainConfig) -> None:
        super().__init__()
        self.data = data
        self.config = config

    def transfer_batch_to_device(
        self, batch: Any, device: torch.device, _dataloader_idx: int
    ) -> Any:
        """Bring clips to the device; a whole match goes there chunk by chunk."""
        if not isinstance(batch, Batch):
            return batch
        return replace(
            batch,
            frames=batch.frames.to(device, non_blocking=True),
            targets=batch.targets.to(device, non_blocking=True),
            phases=batch.phases.to(device, non_blocking=True),
        )

    def train_dataloader(self) -> Any:
        trainer: Any = self.trainer
        batches = Batches(
            self.data.train,
            self.data.labels,
            self.config,
            first=trainer.global_step * self.config.optimiser.accumulate,
            rank=trainer.global_rank,
            world=trainer.world_size,
        )
        workers = self.config.run.workers
        return DataLoader(batches, batch_size=None, num_workers=workers)

    def val_dataloader(self) -> Any:
        trainer: Any = self.trainer
        mine = list(self.data.val[trainer.global_rank :: trainer.world_size])
        # With fewer matches than processes one is scored twice and counted once.
        mine = mine or [self.data.val[0]]
        return DataLoader(mine, batch_size=None)  # type: ignore[arg-type] # a list will do

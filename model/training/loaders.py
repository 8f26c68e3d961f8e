"""How the matches of a run reach the network."""

from typing import Any

import lightning
import torch
from torch.utils.data import DataLoader

from model.training.batches import Batch, Batches
from model.training.config import TrainConfig
from model.training.training_data import TrainingData


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
        return batch.to(device)

    def train_dataloader(self) -> Any:
        trainer: Any = self.trainer
        batches = Batches(
            self.data.train,
            self.data.labels,
            self.config,
            hard_negatives=self.data.hard_negatives,
            curves=self.data.curves,
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

"""Lightning's trainer, as a run's config wants it."""

import io
import logging
import warnings
from datetime import timedelta
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch.callbacks import ModelCheckpoint

from model.errors import TrainingFailed
from model.training.config import TrainConfig
from model.training.files import write_at_once
from model.training.processes import Launch

# What Lightning 2.6 says of itself or of choices that are meant here.
_ADVICE = (
    ".*does not have many workers.*",
    ".*isinstance.treespec, LeafSpec.*",
    ".*recommended to use .self.log.*sync_dist.*",
    ".*Grad strides do not match bucket view strides.*",
    ".*srun.*",
    ".*exists and is not empty.*",
    ".*AMP with fp16 is not supported on CPU.*",  # Reported in other words.
)


class _WholeFiles(TorchCheckpointIO):
    """Replaces a state at once, by a file beside it.

    Lightning writes it to the folder of temporary files and moves it from there, which
    copies it over the old one where that is another disk: whoever is killed meanwhile
    has neither.
    """

    def save_checkpoint(
        self,
        checkpoint: dict[str, Any],
        path: str | Path,
        storage_options: Any = None,  # noqa: ARG002  # Lightning's
    ) -> None:
        """Write it whole, or leave what is there."""
        buffer = io.BytesIO()  # A full disk is an OSError, which torch's own is not.
        torch.save(checkpoint, buffer)
        write_at_once(Path(path), buffer.getvalue())


class _WholeSteps(ModelCheckpoint):
    """Saves between optimiser steps only: gradients half gathered are not kept."""

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save, if it is time and a step is whole."""
        if (batch_idx + 1) % trainer.accumulate_grad_batches == 0:
            super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)


def make_trainer(
    config: TrainConfig,
    launch: Launch,
    logger: Any,
    callbacks: list[lightning.Callback],
    *,
    resume: Path,
) -> lightning.Trainer:
    """Make the trainer of a run.

    Args:
        logger: see `make_logger`.
        resume: where it saves, now and then, all that a resume needs.
    """
    run, optimiser = config.run, config.optimiser
    saver = _WholeSteps(
        dirpath=resume.parent,
        filename=resume.stem,
        train_time_interval=timedelta(minutes=run.checkpoint_minutes),
        enable_version_counter=False,
    )
    return lightning.Trainer(
        accelerator=run.accelerator,
        devices=launch.processes,
        num_nodes=launch.machines,
        strategy="ddp" if launch.world > 1 else "auto",
        precision=run.precision,
        max_steps=optimiser.steps,
        max_epochs=-1,
        accumulate_grad_batches=optimiser.accumulate,
        gradient_clip_val=optimiser.clip_norm or None,
        val_check_interval=run.validate_steps * optimiser.accumulate,
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        logger=logger,
        callbacks=[saver, *callbacks],
        plugins=[_WholeFiles()],
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=10,
        default_root_dir=resume.parent,
    )


def make_logger(config: TrainConfig, folder: Path) -> Any:
    """Make the logger that the config names, or False.

    Raises:
        TrainingFailed: it is not installed.
    """
    if config.run.logger == "tensorboard":
        from lightning.pytorch.loggers import TensorBoardLogger

        return TensorBoardLogger(folder, name=None, version="tensorboard")
    if config.run.logger == "wandb":
        from lightning.pytorch.loggers import WandbLogger

        try:
            return WandbLogger(project="touchline", name=config.name, save_dir=folder)
        except ImportError as exc:
            raise TrainingFailed(
                "run.logger is wandb, which is not installed: pip install wandb."
            ) from exc
    return False


def silence_advice() -> None:
    """Keep Lightning's advice out of the user's way; errors still come through."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    for text in _ADVICE:
        warnings.filterwarnings("ignore", text)

"""From prepared matches to a checkpoint: one run, which can be killed and resumed."""

import logging
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.utilities import rank_zero_only
from torch.utils.data import DataLoader

from model.errors import BadAnnotations, TrainingFailed
from model.network.checkpoint import Checkpoint
from model.network.spotter import Spotter
from model.network.spotter_io import load_spotter
from model.training.annotations import label_names
from model.training.batches import Batch, Batches
from model.training.callbacks import KeepBest, Lines
from model.training.check import leaks, missing_labels
from model.training.config import TrainConfig
from model.training.module import SpottingModule
from model.training.parts import find_parts
from model.training.prepare import prepared
from model.training.store import StoredMatch

RESUME = "last.ckpt"
BEST = "best.touchline"

# What Lightning 2.6 says of itself or of choices that are meant here.
_ADVICE = (
    ".*does not have many workers.*",
    ".*isinstance.treespec, LeafSpec.*",
    ".*recommended to use .self.log.*sync_dist.*",
    ".*Grad strides do not match bucket view strides.*",
    ".*srun.*",
    ".*exists and is not empty.*",
)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class TrainingData:
    """The matches of a run, prepared.

    Attributes:
        labels: in the order of the network's outputs.
        train: to learn from.
        val: to choose by.
    """

    labels: tuple[str, ...]
    train: tuple[StoredMatch, ...]
    val: tuple[StoredMatch, ...]


def train(
    config: TrainConfig,
    folder: Path,
    *,
    say: Say,
    is_resumed: bool = False,
    start_from: Path | None = None,
    callbacks: Sequence[lightning.Callback] = (),
) -> Path:
    """Train a network and keep its best weights.

    Args:
        config: the run.
        folder: where everything of the run goes: `last.ckpt` (all that a resume
            needs), `last.touchline`, `best.touchline`, the logger's files.
        say: takes lines for the user.
        is_resumed: go on from `last.ckpt`.
        start_from: a checkpoint whose weights the run begins with.
        callbacks: more of Lightning's callbacks.

    Returns:
        The best checkpoint.

    Raises:
        BadAnnotations: the data does not fit together; the message says how.
        TrainingFailed: the loss is no number, the disk is full, or there is nothing
            to resume.
    """
    resume = folder / RESUME
    if is_resumed and not resume.is_file():
        raise TrainingFailed(f"There is nothing to resume in {folder}.")
    if not is_resumed and resume.is_file():
        raise TrainingFailed(
            f"{folder} holds a run already: resume it with --resume, or name another "
            "folder."
        )
    folder.mkdir(parents=True, exist_ok=True)
    if config.run.threads:
        torch.set_num_threads(config.run.threads)
    say = rank_zero_only(say)
    data = load_data(config, say=say)
    network = make_network(config, data.labels, start_from=start_from, say=say)
    if config.run.is_compiled:
        say("the network is compiled first: some minutes without a line")
    module = SpottingModule(network, data.labels, config)
    keep = KeepBest(folder, data.labels, config)
    with warnings.catch_warnings():
        _hush()
        trainer = _trainer(config, folder, [keep, Lines(), *callbacks])
        loaders = _Loaders(data, config)
        trainer.fit(
            module,
            datamodule=loaders,
            ckpt_path=str(resume) if is_resumed else None,
        )
        trainer.save_checkpoint(resume)
        if keep.judged_at != trainer.global_step:
            trainer.validate(module, datamodule=loaders, verbose=False)
    return folder / BEST


def is_first_process() -> bool:
    """Whether this is the process that speaks to the user (DDP starts several)."""
    return bool(getattr(rank_zero_only, "rank", 0) == 0)


def load_data(config: TrainConfig, *, say: Say) -> TrainingData:
    """Find, check and prepare the matches of a run.

    Raises:
        BadAnnotations: a match on both sides, a label in val that train lacks, a
            label of the config that never occurs, a corrupt video (unless they are
            to be skipped).
    """
    train_set, val_set = find_parts(config.data)
    found = leaks(train_set, val_set, parts=("train", "val"))
    if found:
        raise BadAnnotations(f"{found[0].match} {found[0].text}")
    labels = config.labels or label_names(train_set)
    if not labels:
        raise BadAnnotations("The training matches have no event: nothing to learn.")
    absent = sorted(set(labels) - set(label_names(train_set)))
    if absent:
        raise BadAnnotations(f"No training match has an event of {absent}.")
    lacking = missing_labels(train_set, val_set)
    if lacking and config.labels is None:
        raise BadAnnotations(
            f"{lacking[0].match} {lacking[0].text} by listing the labels to learn in "
            "the config."
        )
    store = Path(config.data.store)
    data = TrainingData(
        labels=labels,
        train=prepared(train_set, store / "train", config, say=say),
        val=prepared(val_set, store / "val", config, say=say),
    )
    for match in (*data.train, *data.val):
        _refuse_late_events(match, config.input.fps)
    return data


def _refuse_late_events(match: StoredMatch, fps: float) -> None:
    """Refuse events after the last frame: they would all be taught as that one."""
    end_s = float(match.time_s[-1]) + 1 / fps
    late = [event for event in match.labels.events if event.time_s > end_s]
    if late:
        raise BadAnnotations(
            f"{match.name} ends at {end_s:.1f} s, {len(late)} of its events come "
            f"later, the first at {late[0].time_s:.1f} s: the video is cut short or "
            "the labels are another's. `touchline data check` lists them."
        )


def make_network(
    config: TrainConfig,
    labels: tuple[str, ...],
    *,
    start_from: Path | None,
    say: Say,
) -> Spotter:
    """Build the network: from a checkpoint, from ImageNet's weights, or from noise.

    Raises:
        BadAnnotations: the checkpoint to start from is of another network.
    """
    wanted = config.model_config(labels)
    torch.manual_seed(config.run.seed)
    if start_from is not None:
        checkpoint = Checkpoint.open(start_from)
        if checkpoint.manifest.config != wanted:
            raise BadAnnotations(
                f"{start_from} is {checkpoint.manifest.config}, the config wants "
                f"{wanted}: a run can only go on with the same network."
            )
        say(f"training starts from the weights of {start_from}")
        network = load_spotter(checkpoint)
    else:
        network = _fresh_network(config, labels, say)
    for layer in network.modules():
        if isinstance(layer, torch.nn.Conv2d):
            layer.weight.data = layer.weight.data.contiguous(
                memory_format=torch.channels_last
            )
    return network.train()


def _fresh_network(config: TrainConfig, labels: tuple[str, ...], say: Say) -> Spotter:
    wanted = config.model_config(labels)
    if config.network.is_pretrained:
        try:
            network = Spotter(wanted, is_pretrained=True)
        except Exception as exc:  # noqa: BLE001 - hubs fail in many ways, all harmless
            cause = str(exc).splitlines()[0][:120] if str(exc) else type(exc).__name__
            say(f"ImageNet weights cannot be had ({cause}): training starts from noise")
        else:
            say("training starts from ImageNet weights")
            return network
    else:
        say("training starts from noise")
    torch.manual_seed(config.run.seed)
    return Spotter(wanted)


class _WholeSteps(ModelCheckpoint):
    """Saves between optimiser steps only: gradients half gathered are not kept."""

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save, if it is time and a step is whole."""
        if (batch_idx + 1) % trainer.accumulate_grad_batches == 0:
            super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)


class _Loaders(lightning.LightningDataModule):
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
        # With fewer matches than processes one is judged twice and counted once.
        mine = mine or [self.data.val[0]]
        return DataLoader(mine, batch_size=None)  # type: ignore[arg-type] # a list will do


def _trainer(
    config: TrainConfig, folder: Path, callbacks: list[lightning.Callback]
) -> lightning.Trainer:
    run, optimiser = config.run, config.optimiser
    saver = _WholeSteps(
        dirpath=folder,
        filename=Path(RESUME).stem,
        train_time_interval=timedelta(minutes=run.checkpoint_minutes),
        enable_version_counter=False,
    )
    return lightning.Trainer(
        accelerator=run.accelerator,
        devices=run.devices,
        strategy="ddp" if run.devices > 1 else "auto",
        precision=run.precision,  # type: ignore[arg-type] # Lightning names what it takes
        max_steps=optimiser.steps,
        max_epochs=-1,
        accumulate_grad_batches=optimiser.accumulate,
        gradient_clip_val=optimiser.clip_norm or None,
        val_check_interval=run.validate_steps * optimiser.accumulate,
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        logger=_logger(config, folder),
        callbacks=[saver, *callbacks],
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=10,
        default_root_dir=folder,
    )


def _logger(config: TrainConfig, folder: Path) -> Any:
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


def _hush() -> None:
    """Keep Lightning's advice out of the user's way; errors still come through."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    for text in _ADVICE:
        warnings.filterwarnings("ignore", text)

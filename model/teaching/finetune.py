"""The trunk's last stages, tuned on frames with a small rate, as far as time allows."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning
import torch

from model.errors import TrainingStopped
from model.network.outputs import SCORES
from model.network.spotter import Spotter
from model.teaching.loss import WithoutColumns, carried_columns
from model.teaching.network import TRUNK
from model.teaching.recipe import VALIDATIONS
from model.teaching.run import Run, curve_values
from model.training.batches import Batches
from model.training.config import TrainConfig
from model.training.files import RESUME
from model.training.frozen import freeze_norms
from model.training.module import SpottingModule
from model.training.train import train
from model.training.training_data import TrainingData

PROBE_STEPS = 2
FEWEST_STEPS = 20


def time_step(
    network: Spotter, data: TrainingData, config: TrainConfig, *, share: float
) -> float:
    """Measure how long a step of tuning takes, in seconds; the network stays as it is.

    Args:
        network: to be tuned.
        data: to draw clips from.
        config: of the run.
        share: of the trunk's parameters that are tuned.
    """
    batches = Batches(data.train, data.labels, config)
    device = next(network.parameters()).device
    _unfreeze(network, share)
    network.train()
    freeze_norms(network)
    taken = []
    for number in range(PROBE_STEPS):
        started = time.perf_counter()
        batch = batches.make(number).to(device)
        raw = network.head(network.trunk(network.normalise(batch.frames)))
        torch.stack([value.square().mean() for value in raw.values()]).sum().backward()  # type: ignore[no-untyped-call] # torch's own
        if device.type == "cuda":
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - started)
    network.zero_grad(set_to_none=True)
    network.eval()
    return min(taken)


def finetune(
    run: Run,
    config: TrainConfig,
    data: TrainingData,
    *,
    start: Path | None,
    carried: Sequence[str],
    share: float,
    until_s: float,
    folder: Path,
) -> Path:
    """Tune a network, or go on with it; the best checkpoint by the hold-out is given.

    Args:
        run: the teaching.
        config: of the run, with its steps.
        data: matches with frames.
        start: the checkpoint to begin with; None begins as the config says.
        carried: types that take no part in the loss.
        share: of the trunk's parameters that are tuned, the last ones.
        until_s: it ends when so much of the teaching's time is used.
        folder: of its state.

    Raises:
        TrainingFailed: NaN, or the disk is full.
        TrainingPaused: the watch asked for it.
    """
    try:
        return train(
            config,
            folder,
            report=run.watch.report,
            is_resumed=(folder / RESUME).is_file(),
            start_from=start,
            may_replace=True,
            data=data,
            callbacks=[_Teaching(run, carried, share, until_s, folder)],
        )
    except TrainingStopped:  # By a signal to this process; its state is saved.
        run.pause()
        raise


def with_steps(config: TrainConfig, steps: int) -> TrainConfig:
    """Give the run so many steps, and some validations on the way."""
    optimiser = replace(
        config.optimiser, steps=steps, warmup_steps=min(50, max(1, steps // 10))
    )
    run = replace(config.run, validate_steps=max(1, steps // VALIDATIONS))
    return replace(config, optimiser=optimiser, run=run)


class _Teaching(lightning.Callback):
    """Freezes what is not tuned, tells of progress, pauses, and keeps to the time."""

    def __init__(
        self,
        run: Run,
        carried: Sequence[str],
        share: float,
        until_s: float,
        folder: Path,
    ) -> None:
        self.run, self.carried, self.share = run, carried, share
        self.until_s, self.folder = until_s, folder

    def setup(self, _trainer: Any, pl_module: Any, stage: str) -> None:
        """Freeze before the optimiser is made."""
        module: SpottingModule = pl_module
        if stage != "fit":
            return
        _unfreeze(module.spotter, self.share)
        if self.carried and not isinstance(module.terms[SCORES], WithoutColumns):
            columns = carried_columns(module.labels, self.carried)
            term: Any = module.terms[SCORES]
            module.terms[SCORES] = WithoutColumns(term, columns)

    def on_train_batch_start(
        self, trainer: Any, _module: Any, _batch: Any, _batch_idx: int
    ) -> None:
        """Pause before a step: the validation of the one before is done by then."""
        if self.run.watch.should_pause():
            trainer.save_checkpoint(self.folder / RESUME)
            self.run.pause()

    def on_train_batch_end(
        self, trainer: Any, _module: Any, outputs: Any, _batch: Any, _batch_idx: int
    ) -> None:
        """Tell of progress and look at the clock after each step."""
        step = trainer.global_step
        if step % 10 == 0 or step == 1:
            values = {"loss": round(float(outputs["loss"]), 4)}
            self.run.watch.point("loss", "finetune", step, values)
        self.run.progress("finetune", step / trainer.max_steps)
        if self.run.used_s > self.until_s:
            trainer.should_stop = True

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Report the measures of a validation."""
        values = curve_values(pl_module.scores)
        self.run.watch.point("validation", "finetune", trainer.global_step, values)


def _unfreeze(network: Spotter, share: float) -> None:
    """Freeze the first of the trunk's parameters, and nothing else.

    They are named in the order in which they are used, or nearly so.
    """
    named = dict(network.named_parameters())
    of_trunk = [key for key in named if key.startswith(TRUNK)]
    frozen = set(of_trunk[: round(len(of_trunk) * (1 - share))])
    for key, value in named.items():
        value.requires_grad_(key not in frozen)

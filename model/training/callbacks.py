"""What goes on beside a run: its progress in lines, its best weights on disk."""

import sys
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, TextIO

import lightning
import torch
from torch.nn.utils import get_total_norm

from model.checkpoint.manifest import Manifest, Provenance
from model.checkpoint.spotter_io import save_spotter
from model.checkpoint.spotting_options import SpottingOptions
from model.errors import TrainingFailed
from model.training.config import TrainConfig
from model.training.measures import CHOICE, is_better
from model.training.module import SpottingModule
from model.video.frame_spec import FrameSpec


class ProgressLog(lightning.Callback):
    """Prints every so often how far a run is and when it will end."""

    def __init__(self, *, every_s: float = 15.0, out: TextIO | None = None) -> None:
        self.every_s = every_s
        self.out = out or sys.stderr
        self.logged_s = 0.0
        self.started_s = 0.0
        self.first_step = self.logged_step = 0

    def on_train_start(self, trainer: Any, _module: Any) -> None:
        """Note where the run begins, which after a resume is not zero."""
        self.started_s = self.logged_s = time.monotonic()
        self.first_step = self.logged_step = trainer.global_step

    def on_train_batch_end(
        self, trainer: Any, _module: Any, outputs: Any, batch: Any, _batch_idx: int
    ) -> None:
        """Print a line, if it is time."""
        now, step = time.monotonic(), trainer.global_step
        is_due = now - self.logged_s >= self.every_s or step == trainer.max_steps
        if not trainer.is_global_zero or not is_due or step == self.logged_step:
            return
        loss = float(outputs["loss"]) * trainer.accumulate_grad_batches
        per_step_s = (now - self.logged_s) / (step - self.logged_step)
        left_s = (now - self.started_s) / max(1, step - self.first_step)
        left_s *= trainer.max_steps - step
        frames = batch.frames.shape[0] * batch.frames.shape[1] * trainer.world_size
        rate = frames * trainer.accumulate_grad_batches / per_step_s
        lr = trainer.optimizers[0].param_groups[0]["lr"]
        print(
            f"step {step}/{trainer.max_steps}  loss {loss:.3f}  lr {lr:.1e}  "
            f"{rate:.0f} frames/s  {left_s / 60:.1f} min left",
            file=self.out,
            flush=True,
        )
        self.logged_s, self.logged_step = now, step

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Print the measures of a validation."""
        if trainer.is_global_zero and pl_module.scores:
            values = "  ".join(f"{k} {v:.3f}" for k, v in pl_module.scores.items())
            text = f"step {trainer.global_step}  validation  {values}"
            print(text, file=self.out, flush=True)


class GradientWatch(lightning.Callback):
    """Stops a run before NaN or infinite gradients spoil its weights.

    The loss shows it a step later, when a full checkpoint may have been
    written in between.
    """

    def __init__(self) -> None:
        self.names: list[str] = []

    def on_train_batch_start(
        self, _trainer: Any, _module: Any, batch: Any, _batch_idx: int
    ) -> None:
        """Note the clips that the next step's gradients come from."""
        self.names += batch.names

    def on_before_optimizer_step(
        self, trainer: Any, pl_module: Any, _optimizer: Any
    ) -> None:
        """Look at the gradients; in float16 the scaler leaves such a step out."""
        names, self.names = self.names, []
        if trainer.precision == "16-mixed":
            return
        grads = [p.grad for p in pl_module.parameters() if p.grad is not None]
        norm = get_total_norm(grads, foreach=True)
        if not torch.isfinite(norm):
            raise TrainingFailed(
                f"The gradients are NaN or infinite at step {trainer.global_step}, "
                f"clips: {', '.join(names)}. The last good checkpoint is kept: look at "
                "these clips, or resume with a lower lr."
            )


class KeepBest(lightning.Callback):
    """Writes `last.touchline` after each validation, `best.touchline` at a new best.

    Scores at pictures of different sizes do not compete: a stage with another size
    begins anew, and its first validation replaces what an earlier size gave.
    """

    def __init__(self, folder: Path, labels: tuple[str, ...], config: TrainConfig):
        self.folder = folder
        self.labels = labels
        self.config = config
        self.best = -1.0
        self.size: tuple[int, int] | None = None
        self.validated_at = -1

    def state_dict(self) -> dict[str, Any]:
        """Remember the best, and what the outputs mean, across a resume."""
        size = None if self.size is None else list(self.size)
        return {"best": self.best, "size": size, "labels": list(self.labels)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take it up again.

        Raises:
            TrainingFailed: the run was begun with other labels, or in another order.
        """
        labels = tuple(state_dict.get("labels", self.labels))
        if labels != self.labels:
            raise TrainingFailed(
                f"This run was trained on the labels {', '.join(labels)}; the data now "
                f"has {', '.join(self.labels)}: labels were changed or matches added. "
                "Name `labels` in the config in the run's order, or begin another run."
            )
        self.best = float(state_dict["best"])
        size = state_dict.get("size")
        self.size = None if size is None else (int(size[0]), int(size[1]))

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Write what was validated."""
        self.validated_at = trainer.global_step
        if not trainer.is_global_zero:
            return
        size = self.config.size_at(trainer.global_step)
        self.write(self.folder / "last.touchline", trainer, pl_module)
        if size != self.size or is_better(pl_module.scores, self.best):
            self.best, self.size = pl_module.scores.get(CHOICE, 0.0), size
            self.write(self.folder / "best.touchline", trainer, pl_module)

    def write(self, path: Path, trainer: Any, module: SpottingModule) -> None:
        """Write the network that was validated."""
        manifest = manifest_of(
            self.config, self.labels, steps=trainer.global_step, val=module.scores
        )
        save_spotter(path, module.kept, manifest)


def manifest_of(
    config: TrainConfig,
    labels: tuple[str, ...],
    *,
    steps: int,
    val: dict[str, float],
) -> Manifest:
    """Describe a checkpoint of this run; thresholds are still the default ones.

    Its input has the picture's size of the stage that it was validated in.
    """
    tolerance = f"{config.run.tolerance_s:g}"
    return Manifest(
        name=config.name,
        config=config.model_config(labels),
        labels=labels,
        frame_spec=at_size(config.input, config.size_at(steps)),
        spotting=SpottingOptions.default(labels),
        provenance=Provenance(
            trained_on=config.provenance.trained_on,
            steps=steps,
            val={f"{k} within +-{tolerance} s": round(v, 4) for k, v in val.items()},
            version=version("touchline"),
            licence=config.provenance.licence,
            notes=config.provenance.notes,
        ),
    )


def at_size(spec: FrameSpec, size: tuple[int, int]) -> FrameSpec:
    """Give the spec that shows the same piece of the picture at another size.

    Of a crop, the picture is scaled as near as whole pixels allow.
    """
    width, height = size
    if (width, height) == (spec.out_width, spec.out_height):
        return spec
    if spec.crop is None:
        return replace(spec, width=width, height=height)
    left, top, *_ = spec.crop
    across, down = width / spec.out_width, height / spec.out_height
    whole = (max(width, round(spec.width * across)), round(spec.height * down))
    whole = (whole[0], max(height, whole[1]))
    crop = (
        min(round(left * across), whole[0] - width),
        min(round(top * down), whole[1] - height),
        width,
        height,
    )
    return replace(spec, width=whole[0], height=whole[1], crop=crop)

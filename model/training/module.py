"""What Lightning drives: loss, optimiser, averaged weights, validation.

Everything random is a function of the seed and the batch's number, so that a run
that was killed and resumed gives the curve of one that was not.
"""

import math
from typing import Any, Self

import lightning
import torch
import torch.distributed
from torch import Tensor, nn

from model.checkpoint.spotting_options import LabelOptions, SpottingOptions
from model.data.frame_store import StoredMatch
from model.errors import TrainingFailed
from model.evaluation.metrics import average_precision, labels_of
from model.evaluation.timed import TimedMatch, spotted
from model.network.spotter import Spotter
from model.training.batches import Batch
from model.training.config import TrainConfig
from model.training.ema import AveragedWeights
from model.training.frozen import freeze_norms
from model.training.losses import SpottingLoss
from model.training.phases import PhaseLoss
from model.training.settings import OptimiserSettings
from model.training.validation import timed_match

# While training runs, spots are found with fixed options; `touchline
# calibrate` chooses better at the end.
WINDOW_S = 0.5
FLOOR = 0.05


class SpottingModule(lightning.LightningModule):
    """A network in training.

    Attributes:
        spotter: the network.
        averaged: its moving average, or None.
        scores: the latest validation's measures, by name.
    """

    def __init__(
        self, spotter: Spotter, labels: tuple[str, ...], config: TrainConfig
    ) -> None:
        super().__init__()
        self.spotter = spotter
        self.labels = labels
        self.config = config
        self.loss = SpottingLoss(
            config.loss.for_labels(labels),
            gamma=config.loss.gamma,
            smoothing=config.loss.smoothing,
        )
        self.phase_loss = PhaseLoss(spotter) if config.loss.phase else None
        self._trunk = spotter.trunk
        if config.run.is_compiled:
            self._trunk = torch.compile(spotter.trunk, dynamic=False)
        decay = config.optimiser.ema
        self.averaged = AveragedWeights(spotter, decay=decay) if decay else None
        self.scores: dict[str, float] = {}
        self._timed: list[TimedMatch] = []

    def forward(self, frames: Tensor) -> Tensor:
        """Run the network over clips (B, T, 3, H, W) uint8 -> logits (B, T, K).

        Unlike the network's own `forward` it does not fill a short clip up to
        clip_len: in training that would be wasted work.
        """
        features = self._trunk(self.spotter.normalise(frames))
        return self.spotter.head(features)["scores"]

    def train(self, mode: bool = True) -> Self:
        """Set the mode; frozen norms stay as they are."""
        super().train(mode)
        if self.config.network.has_frozen_norms:
            freeze_norms(self.spotter)
        return self

    def training_step(self, batch: Batch, _batch_idx: int) -> Tensor:
        """Give a batch's loss.

        Raises:
            TrainingFailed: it is NaN or infinite; the message names the clips.
        """
        # Dropout is seeded anew for each batch, so that a resumed run repeats it.
        torch.manual_seed(
            (self.config.run.seed * 1_000_003 + batch.number) * 64 + self.global_rank
        )
        logits = self(batch.frames)
        spotting: Tensor = self.loss(logits, batch.targets)
        loss = spotting
        if self.phase_loss is not None:
            phase: Tensor = self.phase_loss(batch.phases)
            self.log("train/phase", phase, batch_size=len(batch.names))
            loss = spotting + self.config.loss.phase * phase
        if not torch.isfinite(loss):
            clips = self._non_finite_clips(logits, batch)
            raise TrainingFailed(
                f"The loss is {loss.item()} at step {self.global_step}, clips: "
                f"{clips}. The last good checkpoint is kept: look at these clips, or "
                "resume with a lower lr."
            )
        self.log("train/loss", spotting, batch_size=len(batch.names))
        return loss

    def configure_optimizers(self) -> Any:
        """Build AdamW and its schedule, stepped with every optimiser step."""
        settings = self.config.optimiser
        is_plain = self.config.run.precision in ("32-true", "bf16-mixed")
        trained = nn.ModuleList([self.spotter])
        if self.phase_loss is not None:
            trained.append(self.phase_loss.classify)
        optimiser = make_optimiser(trained, settings, is_fused=is_plain)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimiser, lambda step: lr_share(step, settings)
        )
        return {
            "optimizer": optimiser,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Scale gradients down to the wanted norm.

        Lightning refuses to clip for a fused optimiser in mixed precision, since that
        takes back the loss scaling by itself; bfloat16 has no scaling to take back.
        """
        if self.config.run.precision == "bf16-mixed" and gradient_clip_val:
            torch.nn.utils.clip_grad_norm_(self.parameters(), gradient_clip_val)
            return
        self.clip_gradients(
            optimizer,
            gradient_clip_val=gradient_clip_val,
            gradient_clip_algorithm=gradient_clip_algorithm,
        )

    def on_before_zero_grad(self, _optimizer: torch.optim.Optimizer) -> None:
        """Let the average follow, once for each optimiser step."""
        if self.averaged is not None and self.global_step > self.averaged.steps:
            self.averaged.update(self.spotter)

    def on_validation_start(self) -> None:
        """Validate the averaged weights, not the latest."""
        self._timed = []
        self._swap()

    def validation_step(self, match: StoredMatch, _batch_idx: int) -> None:
        """Score one whole match."""
        config = self.config
        self._timed.append(
            timed_match(
                self.spotter,
                match,
                self.labels,
                config.input,
                size=config.stage_at(self.global_step).size,
                overlap=config.run.overlap,
            )
        )

    def on_validation_epoch_end(self) -> None:
        """Measure all matches together, whichever process scored them."""
        matches = _from_all_processes(self._timed)
        tolerance_s = self.config.run.tolerance_s
        self.scores = measures(matches, self.labels, tolerance_s=tolerance_s)
        for name, value in self.scores.items():
            self.log(f"val/{name}", value, rank_zero_only=True)

    def on_validation_end(self) -> None:
        """Go on with the latest weights."""
        self._swap()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the averaged weights to a full checkpoint."""
        if self.averaged is not None:
            checkpoint["averaged"] = self.averaged.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take them out again."""
        if self.averaged is not None and "averaged" in checkpoint:
            self.averaged.load_state_dict(checkpoint["averaged"])

    def _swap(self) -> None:
        if self.averaged is not None:
            self.averaged.swap(self.spotter)

    def _non_finite_clips(self, logits: Tensor, batch: Batch) -> str:
        """Name the clips whose own loss is NaN or infinite, or all of them."""
        with torch.no_grad():
            per_clip, _ = self.loss.per_clip(logits, batch.targets)
        bad = [
            name
            for name, loss in zip(batch.names, per_clip.tolist(), strict=True)
            if not math.isfinite(loss)
        ]
        return ", ".join(bad or batch.names)


def make_optimiser(
    network: nn.Module, settings: OptimiserSettings, *, is_fused: bool
) -> torch.optim.AdamW:
    """Build AdamW; norms and biases do not decay.

    `is_fused` is several times quicker on a CPU, but cannot be clipped where the loss
    is scaled (float16).
    """
    heavy = [p for p in network.parameters() if p.dim() > 1]
    light = [p for p in network.parameters() if p.dim() <= 1]
    groups = [
        {"params": heavy, "weight_decay": settings.weight_decay},
        {"params": light, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.lr, fused=is_fused)


def lr_share(step: int, settings: OptimiserSettings) -> float:
    """Give the share of the highest rate a step has: linear warm-up, then cosine."""
    warmup = settings.warmup_steps
    if step < warmup:
        return 0.01 + 0.99 * step / warmup
    done = (step - warmup) / max(1, settings.steps - warmup)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def measures(
    matches: list[TimedMatch], labels: tuple[str, ...], *, tolerance_s: float
) -> dict[str, float]:
    """Give each label's AP at a tolerance, and their mean as "mAP"."""
    options = SpottingOptions({label: LabelOptions(0.5, WINDOW_S) for label in labels})
    found = spotted(matches, options, min_score=FLOOR)
    present = [label for label in labels if label in labels_of(found)]
    scores = {
        f"AP/{label}": average_precision(found, label, tolerance_s=tolerance_s)
        for label in present
    }
    mean = sum(scores.values()) / len(scores) if scores else 0.0
    return {"mAP": mean, **scores}


def _from_all_processes(timed: list[TimedMatch]) -> list[TimedMatch]:
    if not torch.distributed.is_initialized():
        return timed
    parts: list[list[TimedMatch]] = [
        [] for _ in range(torch.distributed.get_world_size())
    ]
    torch.distributed.all_gather_object(parts, timed)
    # A sampler that fills up gives some matches twice: each counts once.
    return list({match.name: match for part in parts for match in part}.values())

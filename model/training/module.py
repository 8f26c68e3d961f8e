"""What Lightning drives: loss, optimiser, averaged weights, validation.

Everything random is a function of the seed and the batch's number, so that a run
that was killed and resumed gives the curve of one that was not.
"""

from typing import Any, Self, cast

import lightning
import torch
import torch.distributed
from torch import Tensor, nn

from model.data.frame_store import StoredMatch
from model.errors import TrainingFailed
from model.evaluation.timed import TimedMatch
from model.network.outputs import SCORES
from model.network.spotter import Spotter
from model.training.batches import Batch
from model.training.config import TrainConfig
from model.training.ema import averaged_spotter, load_averaged
from model.training.frozen import freeze_norms
from model.training.losses import LossTerm
from model.training.measures import measures
from model.training.optimiser import lr_share, make_optimiser
from model.training.outputs import DISTILLATION, PHASE, loss_terms
from model.training.phases import PhaseLayer
from model.training.processes import mean_over_processes, share_buffers
from model.training.validation import timed_match


class SpottingModule(lightning.LightningModule):
    """A network in training.

    Attributes:
        spotter: the network.
        terms: of the loss, by the name of the output.
        scores: the latest validation's measures, by name; "choice" is what weights
            are chosen by.
        timed: the matches of the latest validation with their scores.
    """

    def __init__(
        self, spotter: Spotter, labels: tuple[str, ...], config: TrainConfig
    ) -> None:
        super().__init__()
        self.spotter = spotter
        self.labels = labels
        self.config = config
        decay = config.optimiser.ema
        # In a list, for it is no part of what is trained: no submodule.
        self._averages = [averaged_spotter(spotter, decay=decay)] if decay else []
        self.terms = nn.ModuleDict(loss_terms(config, labels))
        self.phase_layer = PhaseLayer(spotter) if PHASE in self.terms else None
        self._trunk = spotter.trunk
        if config.run.is_compiled:
            self._trunk = torch.compile(spotter.trunk, dynamic=False)
        self.scores: dict[str, float] = {}
        self.timed: list[TimedMatch] = []

    @property
    def kept(self) -> Spotter:
        """The network that is validated and kept: the average if there is one."""
        if not self._averages:
            return self.spotter
        return cast(Spotter, self._averages[0].module)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Run the network over a batch: each output raw, (B, T, columns).

        Unlike the network's own `forward` it does not fill a short clip up to
        clip_len: in training that would be wasted work. Steps outside the match are
        zero after normalisation, as in serving.
        """
        frames = self.spotter.normalise(batch.frames)
        frames = frames * ~batch.is_padding.view(*batch.is_padding.shape, 1, 1, 1)
        raw: dict[str, Tensor] = self.spotter.head(self._trunk(frames))
        if self.phase_layer is not None:
            raw[PHASE] = self.phase_layer()
        if DISTILLATION in self.terms:
            raw[DISTILLATION] = raw[SCORES]
        return raw

    def train(self, mode: bool = True) -> Self:
        """Set the mode; frozen norms stay as they are."""
        super().train(mode)
        if self.config.network.has_frozen_norms:
            freeze_norms(self.spotter)
        return self

    def training_step(self, batch: Batch, _batch_idx: int) -> Tensor:
        """Give a batch's loss, the weighted sum of its terms.

        Raises:
            TrainingFailed: it is NaN or infinite; the message names the clips.
        """
        # Dropout is seeded anew for each batch, so that a resumed run repeats it.
        torch.manual_seed(
            (self.config.run.seed * 1_000_003 + batch.number) * 64 + self.global_rank
        )
        raw = self(batch)
        weights = self.config.loss.terms
        values = {
            name: _mean_loss(*term.per_clip(raw[name], *batch.targets[name]))
            for name, term in self._loss_terms().items()
        }
        loss = torch.stack(
            [weights.get(name, 1.0) * value for name, value in values.items()]
        ).sum()
        if not torch.isfinite(loss):
            clips = self._non_finite_clips(raw, batch)
            raise TrainingFailed(
                f"The loss is {loss.item()} at step {self.global_step}, clips: "
                f"{clips}. The last good checkpoint is kept: look at these clips, or "
                "resume with a lower lr."
            )
        for name, value in {"loss": loss, **values}.items():
            self.log(f"train/{name}", value, batch_size=len(batch.names))
        return loss

    def configure_optimizers(self) -> Any:
        """Build AdamW and its schedule, stepped with every optimiser step."""
        settings = self.config.optimiser
        is_plain = self.config.run.precision in ("32-true", "bf16-mixed")
        trained = nn.ModuleList([self.spotter])
        if self.phase_layer is not None:
            trained.append(self.phase_layer)
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

    def on_fit_start(self) -> None:
        """Bring the average to the device of the network."""
        for average in self._averages:
            average.to(self.device)

    def on_train_start(self) -> None:
        """Set the mode.

        Lightning keeps the modes of modules as they are, and sets them first around a
        validation: until then nothing would be frozen.
        """
        self.train()

    def on_before_zero_grad(self, _optimizer: torch.optim.Optimizer) -> None:
        """Let the average follow, once for each optimiser step."""
        for average in self._averages:
            if self.global_step > int(average.n_averaged):
                average.update_parameters(self.spotter)

    def on_validation_start(self) -> None:
        """Forget the last validation; validate one network in all processes."""
        share_buffers(self.kept)
        self.timed = []

    def validation_step(self, match: StoredMatch, _batch_idx: int) -> None:
        """Score one whole match, by the averaged weights if there are some."""
        config = self.config
        self.timed.append(
            timed_match(
                self.kept,
                match,
                self.labels,
                config.input,
                size=config.size_at(self.global_step),
                overlap=config.run.overlap,
            )
        )

    def on_validation_epoch_end(self) -> None:
        """Measure all matches together, whichever process scored them."""
        self.timed = _from_all_processes(self.timed)
        tolerance_s = self.config.run.tolerance_s
        self.scores = measures(self.timed, self.labels, tolerance_s=tolerance_s)
        for name, value in self.scores.items():
            self.log(f"val/{name}", value, rank_zero_only=True)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the averaged weights to a full checkpoint."""
        for average in self._averages:
            checkpoint["averaged"] = average.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take them out again; checkpoints of earlier releases are read, too."""
        state = checkpoint["state_dict"]
        for key in [key for key in state if key.startswith("phase_loss.")]:
            state[key.replace("phase_loss.", "phase_layer.", 1)] = state.pop(key)
        for average in self._averages:
            if "averaged" in checkpoint:
                load_averaged(average, checkpoint["averaged"])

    def _loss_terms(self) -> dict[str, LossTerm]:
        return cast(dict[str, LossTerm], dict(self.terms.items()))

    def _non_finite_clips(self, raw: dict[str, Tensor], batch: Batch) -> str:
        """Name the clips whose own loss is NaN or infinite, or all of them."""
        is_bad = torch.zeros(len(batch.names), dtype=torch.bool)
        for name, term in self._loss_terms().items():
            each, _ = term.per_clip(raw[name], *batch.targets[name])
            is_bad |= ~torch.isfinite(each).cpu()
        named = [n for n, bad in zip(batch.names, is_bad, strict=True) if bad]
        return ", ".join(named or batch.names)


def _mean_loss(loss: Tensor, count: Tensor) -> Tensor:
    """Divide by what counts in all processes, not in this one alone.

    DDP takes the mean of the processes' gradients: with this it is that of one process
    with all their clips.
    """
    return loss.sum() / mean_over_processes(count.sum()).clamp_min(1e-6)


def _from_all_processes(timed: list[TimedMatch]) -> list[TimedMatch]:
    if not torch.distributed.is_initialized():
        return timed
    parts: list[list[TimedMatch]] = [
        [] for _ in range(torch.distributed.get_world_size())
    ]
    torch.distributed.all_gather_object(parts, timed)
    # A sampler that fills up gives some matches twice: each counts once.
    return list({match.name: match for part in parts for match in part}.values())

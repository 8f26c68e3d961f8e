"""The head, trained on cached features: quick, stopped by the hold-out, resumable.

Batch n and its dropout are functions of the seed, so that a run that was killed gives
what one would have that was not.
"""

import copy
import io
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from model.data.frame_store import StoredMatch
from model.errors import TrainingFailed
from model.evaluation.timed import TimedMatch
from model.network.spotter import Spotter
from model.teaching.loss import teaching_terms, total_loss
from model.teaching.network import TRUNK, freeze_trunk, head_state, load_head
from model.teaching.run import Run, curve_values
from model.training.config import TrainConfig
from model.training.dataset import RandomClips
from model.training.ema import averaged_spotter
from model.training.files import write_at_once
from model.training.measures import CHOICE, measures
from model.training.optimiser import lr_share, make_optimiser
from model.training.targets import StepTargets
from model.training.validation import timed_features

TOLERANCE_S = 0.5
QUICK_OVERLAP = 0.5
PROBE_STEPS = 3
TORN = "PytorchStreamReader"  # in what torch says of a file that is no whole archive

State = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class HeadTask:
    """What a head is trained on.

    Attributes:
        labels: in the order of the logits.
        carried: those that take no part in the loss.
        config: of targets, loss and optimiser.
        clips: of cached features.
        val: matches with cached features, to stop by.
        path: of its state.
        is_shown: whether its curves are reported.
        until_s: it ends when so much of the teaching's time is used.
        part: of the stage of heads, from where to where, as it is shown.
    """

    labels: tuple[str, ...]
    carried: tuple[str, ...]
    config: TrainConfig
    clips: RandomClips
    val: Sequence[StoredMatch]
    path: Path
    is_shown: bool = True
    until_s: float = float("inf")
    part: tuple[float, float] = (0.0, 1.0)

    @property
    def is_blind(self) -> bool:
        """Whether nothing that is learned happens in `val`: the newest head is kept."""
        taught = set(self.labels) - set(self.carried)
        events = (event for one in self.val for event in one.labels.events)
        return not any(event.label in taught for event in events)


@dataclass(slots=True)
class _Progress:
    """Where a training of a head stands.

    Attributes:
        step: optimiser steps done.
        best: the best head so far, and its `value` and `scores`.
        idle: validations since.
    """

    step: int = 0
    best: State = field(default_factory=dict)
    value: float = -1.0
    scores: dict[str, float] = field(default_factory=dict)
    idle: int = 0


def train_head(run: Run, network: Spotter, task: HeadTask) -> Mapping[str, float]:
    """Train a network's head; it has the best one's weights in the end.

    What it starts with is validated, too: the head never gets worse by the hold-out. If
    that has no event of what is learned, the head is trained to its end.

    Returns:
        The scores of the best validation (see `measures`).

    Raises:
        TrainingFailed: the loss is NaN or infinite; the message names the clips.
        TrainingPaused: the watch asked for it.
    """
    trainer = _HeadTrainer(run, network, task)
    trainer.go()
    load_head(network, trainer.at.best)
    network.eval()
    return trainer.at.scores


class _HeadTrainer:
    def __init__(self, run: Run, network: Spotter, task: HeadTask) -> None:
        self.run, self.network, self.task = run, network, task
        self.device = next(network.parameters()).device
        freeze_trunk(network)
        settings = task.config.optimiser
        self.optimiser = make_optimiser(network, settings, is_fused=True)
        self.average: AveragedModel = averaged_spotter(network, decay=settings.ema)
        self.terms = {
            name: term.to(self.device)
            for name, term in teaching_terms(
                task.config, task.labels, task.carried
            ).items()
        }
        self.at = _Progress()
        self.saved_s = time.monotonic()

    def go(self) -> None:
        """Train until it is done, or as long as there is time."""
        run, task, steps = self.run, self.task, self.task.config.optimiser.steps
        self._load()
        run.eta.begin_anew()
        begin, end = task.part
        run.progress("head", begin + (end - begin) * self.at.step / steps)
        if not self.at.best:
            self._validate()
        while self.at.step < steps and not self._is_done():
            if run.watch.should_pause():
                self._save()
                run.pause()
            self._step()
            run.progress("head", begin + (end - begin) * self.at.step / steps)
            is_last = self.at.step == steps
            if self.at.step % task.config.run.validate_steps == 0 or is_last:
                self._validate()
            if time.monotonic() - self.saved_s > run.recipe.save_s:
                self._save()
        self._save()

    def _is_done(self) -> bool:
        is_late = self.run.used_s > self.task.until_s and self.at.step > 0
        return self.at.idle >= self.run.recipe.patience or is_late

    def _step(self) -> None:
        task, step = self.task, self.at.step
        settings = task.config.optimiser
        first = step * task.config.batch
        clips = [task.clips.draw(first + index) for index in range(task.config.batch)]
        features = torch.from_numpy(
            np.stack([clip.frames for clip in clips]).astype(np.float32)
        ).to(self.device)
        targets = {
            name: _stacked([clip.targets[name] for clip in clips], self.device)
            for name in self.terms
        }
        for group in self.optimiser.param_groups:
            group["lr"] = settings.lr * lr_share(step, settings)
        torch.manual_seed(task.config.run.seed * 1_000_003 + step)
        self.network.train()
        raw = self.network.head(features)
        loss = total_loss(raw, targets, self.terms, task.config.loss.terms)
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call] # torch's own
        trained = [p for p in self.network.parameters() if p.requires_grad]
        norm = torch.nn.utils.clip_grad_norm_(trained, settings.clip_norm)
        if not (torch.isfinite(loss) and torch.isfinite(norm)):
            names = ", ".join(f"{c.name} from step {c.start}" for c in clips)
            raise TrainingFailed(
                f"The loss is {loss.item()} and its gradient {norm.item()} at step "
                f"{step} of the head, clips: {names}. What was best before is kept: "
                "look at these clips, or start from another base."
            )
        self.optimiser.step()
        self.average.update_parameters(self.network)
        self.at.step += 1
        if task.is_shown and (self.at.step % 10 == 0 or self.at.step == 1):
            values = {"loss": round(loss.item(), 4)}
            self.run.watch.point("loss", "head", self.at.step, values)

    def _validate(self) -> None:
        network: Any = self.average.module
        network.eval()
        timed = timed_matches(
            network, self.task.val, self.task.labels, overlap=QUICK_OVERLAP
        )
        scores = measures(timed, self.task.labels, tolerance_s=TOLERANCE_S)
        self.at.idle += 1
        if self.task.is_blind or scores[CHOICE] > self.at.value:
            self.at.best, self.at.value = head_state(network), scores[CHOICE]
            self.at.scores, self.at.idle = scores, 0
        if self.task.is_shown:
            values = curve_values(scores)
            self.run.watch.point("validation", "head", self.at.step, values)

    def _save(self) -> None:
        at = self.at
        state = {
            "head": head_state(self.network),
            # The trunk is frozen: its average is what it is.
            "average": {
                key: value
                for key, value in self.average.state_dict().items()
                if not key.startswith(f"module.{TRUNK}")
            },
            "optimiser": self.optimiser.state_dict(),
            "progress": [at.step, at.best, at.value, at.scores, at.idle],
        }
        buffer = io.BytesIO()
        torch.save(state, buffer)
        write_at_once(self.task.path, buffer.getvalue())
        self.saved_s = time.monotonic()

    def _load(self) -> None:
        state = _read_state(self.task.path, self.device)
        if state is None:
            return
        load_head(self.network, state["head"])
        self.average.load_state_dict(state["average"], strict=False)
        self.optimiser.load_state_dict(state["optimiser"])
        self.at = _Progress(*state["progress"])


def _read_state(path: Path, device: torch.device) -> dict[str, Any] | None:
    """Read what was saved; None: nothing was, or a power cut has torn it."""
    try:
        found: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except FileNotFoundError:
        return None
    except (EOFError, RuntimeError, UnpicklingError) as exc:
        if isinstance(exc, RuntimeError) and TORN not in str(exc):
            raise  # too little memory, for one
        path.unlink(missing_ok=True)
        return None
    return found


def time_head_step(network: Spotter, *, batch: int, clip_len: int) -> float:
    """Measure how long an optimiser step of a head takes, in seconds.

    The network stays as it is.
    """
    network = copy.deepcopy(network)  # norms learn from what they see
    freeze_trunk(network)
    network.train()
    device = next(network.parameters()).device
    features = torch.zeros((batch, clip_len, network.feature_dim), device=device)
    taken = []
    for _ in range(PROBE_STEPS):
        started = time.perf_counter()
        raw = network.head(features)
        torch.stack([value.square().mean() for value in raw.values()]).sum().backward()  # type: ignore[no-untyped-call] # torch's own
        if device.type == "cuda":
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - started)
    return min(taken)


def timed_matches(
    network: Spotter,
    matches: Sequence[StoredMatch],
    labels: Sequence[str],
    *,
    overlap: float,
) -> list[TimedMatch]:
    """Run the head over matches whose cached features are what they store."""
    device = next(network.parameters()).device
    return [
        timed_features(
            network,
            match,
            torch.from_numpy(np.array(match.frames, np.float32)).to(device),
            labels,
            overlap=overlap,
        )
        for match in matches
    ]


def _stacked(
    clips: Sequence[StepTargets], device: torch.device
) -> tuple[Tensor, Tensor]:
    values = torch.from_numpy(np.stack([clip.values for clip in clips]))
    weight = torch.from_numpy(np.stack([clip.weight for clip in clips]))
    return values.to(device), weight.to(device)

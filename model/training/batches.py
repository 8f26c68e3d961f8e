"""Batches of augmented clips, each a function of the seed and its number.

A run that was killed asks for batch n again and gets what it would have got.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from model.data.frame_store import StoredMatch
from model.network.outputs import SCORES
from model.network.spotter import IMAGENET_MEAN
from model.training.augment import augment_clip
from model.training.config import TrainConfig
from model.training.dataset import Clip, RandomClips
from model.training.false_alarms import FalseAlarm
from model.training.mixup import Mix
from model.training.outputs import DISTILLATION, PHASE, target_makers
from model.training.settings import Stage
from model.training.sides import twin_places
from model.training.targets import StepTargets, TeacherTargets

# What is about zero after normalisation.
_MEAN_COLOUR = torch.tensor([round(255 * mean) for mean in IMAGENET_MEAN])

_FIRST_LABEL = {SCORES: 1, DISTILLATION: 1, PHASE: 0}
"""Of the outputs that have a column for each label, the first of these."""


class Targets(NamedTuple):
    """Targets of one output, as `StepTargets` has them for one clip.

    Attributes:
        values: (B, T, C) float32.
        weight: (B, T) float32.
    """

    values: Tensor
    weight: Tensor


@dataclass(frozen=True, slots=True)
class Batch:
    """Some clips as the network takes them.

    Attributes:
        frames: (B, T, 3, H, W) uint8.
        is_padding: (B, T) bool, steps outside the match: zero after normalisation.
        targets: of each output, by name.
        names: of each clip, for messages: the match and its first step.
        number: of the batch, from 0.
    """

    frames: Tensor
    is_padding: Tensor
    targets: Mapping[str, Targets]
    names: tuple[str, ...]
    number: int

    def to(self, device: torch.device) -> Self:
        """Bring the clips to a device."""
        targets = {
            name: Targets(*(each.to(device, non_blocking=True) for each in made))
            for name, made in self.targets.items()
        }
        return replace(
            self,
            frames=self.frames.to(device, non_blocking=True),
            is_padding=self.is_padding.to(device, non_blocking=True),
            targets=targets,
        )


class Batches(IterableDataset[Batch]):
    """The batches of one process, from `first` on, without end."""

    def __init__(
        self,
        matches: Sequence[StoredMatch],
        labels: tuple[str, ...],
        config: TrainConfig,
        *,
        hard_negatives: Sequence[FalseAlarm] = (),
        curves: Mapping[str, NDArray[np.float32]] | None = None,
        first: int = 0,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        """Take what batches are made of.

        Args:
            matches: to draw clips from.
            labels: in the order of the network's outputs.
            config: of the run.
            hard_negatives: false alarms to draw clips about.
            curves: a teacher's scores of the matches, by name, if there is one.
            first: number of the first batch to give.
            rank: of this process among `world`.
            world: how many processes draw from the same run.
        """
        super().__init__()
        self.clips = RandomClips(
            matches,
            labels,
            config.clips,
            seed=config.run.seed,
            makers=target_makers(
                config, teacher=TeacherTargets(curves) if curves else None
            ),
            frames_per_step=config.frames_per_step,
            hard_negatives=hard_negatives,
        )
        self.config = config
        twins = twin_places(labels)
        self._twins = twins or ()
        self._augment = config.augment
        if twins is None:  # A mirror image would have the label of the wrong side.
            self._augment = replace(config.augment, flip=0.0)
        self.first, self.rank, self.world = first, rank, world

    def __iter__(self) -> Iterator[Batch]:
        """Give batch after batch; loader workers take turns."""
        worker = get_worker_info()
        number = self.first + (worker.id if worker else 0)
        stride = worker.num_workers if worker else 1
        while True:
            yield self.make(number)
            number += stride

    def make(self, number: int) -> Batch:
        """Make one batch."""
        config = self.config
        stage = config.stage_at(number // config.optimiser.accumulate)
        # Room for any stage's batch, so that no clip number is used twice.
        widest = max([config.batch, *(s.batch or 0 for s in config.stages)])
        base = (number * self.world + self.rank) * widest
        clips = [
            self.clips.draw(base + index, steps=stage.clip_steps)
            for index in range(stage.batch or config.batch)
        ]
        shown = [self._augmented(clip, stage) for clip in clips]
        frames = torch.stack([pictures for pictures, _ in shown])
        is_padding = torch.from_numpy(np.stack([clip.is_padding for clip in clips]))
        made = [targets for _, targets in shown]
        targets = {name: stacked([one[name] for one in made]) for name in made[0]}
        names = tuple(f"{clip.name} from step {clip.start}" for clip in clips)
        batch = Batch(frames, is_padding, targets, names, number)
        rng = torch.Generator().manual_seed(config.run.seed * 7_919 + base)
        mix = Mix.draw(len(clips), alpha=config.optimiser.mixup, generator=rng)
        return batch if mix is None else self._mixed(batch, mix)

    def _augmented(
        self, clip: Clip, stage: Stage
    ) -> tuple[Tensor, dict[str, StepTargets]]:
        """Augment a clip: (T, 3, h, w) uint8, and its targets."""
        pictures, is_mirrored = augment_clip(
            torch.from_numpy(clip.frames),
            self.config.input,
            self._augment,
            seed=(self.config.run.seed, clip.number),
            size=stage.size,
        )
        padding = torch.from_numpy(clip.is_padding)
        pictures[padding] = _MEAN_COLOUR.to(torch.uint8).view(3, 1, 1)
        targets = dict(clip.targets)
        if is_mirrored:
            for name, made in targets.items():
                values = self.clips.makers[name].mirrored(made.values)
                if name in _FIRST_LABEL:
                    values = _swapped(values, self._twins, first=_FIRST_LABEL[name])
                targets[name] = StepTargets(values, made.weight)
        return pictures, targets

    def _mixed(self, batch: Batch, mix: Mix) -> Batch:
        targets = {}
        for name, made in batch.targets.items():
            is_blended = self.clips.makers[name].is_blended
            targets[name] = Targets(*mix.targets(*made, is_blended=is_blended))
        return replace(
            batch,
            frames=mix.pictures(batch.frames),
            is_padding=batch.is_padding & batch.is_padding[mix.partner],
            targets=targets,
        )


def stacked(clips: Sequence[StepTargets]) -> Targets:
    """Put the targets of one output of some clips together."""
    values = np.stack([clip.values for clip in clips])
    weight = np.stack([clip.weight for clip in clips])
    return Targets(torch.from_numpy(values), torch.from_numpy(weight))


def _swapped(
    values: NDArray[np.float32], twins: Sequence[int], *, first: int
) -> NDArray[np.float32]:
    """Put the column of each label where its twin's was."""
    return values[:, [*range(first), *(first + twin for twin in twins)]]

"""Batches of augmented clips, each a function of the seed and its number.

A run that was killed asks for batch n again and gets what it would have got.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from model.data.frame_store import StoredMatch
from model.training.augment import augment_clip, mix_clips
from model.training.config import TrainConfig
from model.training.dataset import RandomClips


@dataclass(frozen=True, slots=True)
class Batch:
    """Some clips as the network takes them.

    Attributes:
        frames: (B, T, 3, H, W) uint8.
        targets: (B, T, K) float32, each step's shares adding to one.
        phases: (B, T, C) float32, each step's shares adding to one or to zero.
        names: of each clip, for messages: the match and its first step.
        number: of the batch, from 0.
    """

    frames: Tensor
    targets: Tensor
    phases: Tensor
    names: tuple[str, ...]
    number: int


class Batches(IterableDataset[Batch]):
    """The batches of one process, from `first` on, without end."""

    def __init__(
        self,
        matches: Sequence[StoredMatch],
        labels: tuple[str, ...],
        config: TrainConfig,
        *,
        first: int = 0,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        """Take what batches are made of.

        Args:
            matches: to draw clips from.
            labels: in the order of the network's outputs.
            config: of the run.
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
            frames_per_step=config.frames_per_step,
        )
        self.config = config
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
        count = stage.batch or config.batch
        # Room for any stage's batch, so that no clip number is used twice.
        widest = max([config.batch, *(s.batch or 0 for s in config.stages)])
        base = (number * self.world + self.rank) * widest
        drawn = [
            self.clips.draw(base + index, steps=stage.clip_steps)
            for index in range(count)
        ]
        seed = config.run.seed
        frames = torch.stack(
            [
                augment_clip(
                    torch.from_numpy(clip.frames),
                    config.input,
                    config.augment,
                    seed=(seed, clip.number),
                    size=stage.size,
                )
                for clip in drawn
            ]
        )
        targets = torch.stack([torch.from_numpy(clip.targets) for clip in drawn])
        phases = torch.stack([torch.from_numpy(clip.phases) for clip in drawn])
        rng = torch.Generator().manual_seed(seed * 7_919 + base)
        alpha = config.optimiser.mixup
        both = torch.cat((targets, phases), dim=-1)
        frames, both = mix_clips(frames, both, alpha=alpha, generator=rng)
        classes = targets.shape[-1]
        targets, phases = both[..., :classes], both[..., classes:]
        names = tuple(f"{clip.name} from step {clip.start}" for clip in drawn)
        return Batch(frames, targets, phases, names, number)

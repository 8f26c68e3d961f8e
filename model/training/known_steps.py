"""Where in a match it is known what happens: clips come from there, and only it counts.

In a match of which only stretches are reviewed, what lies outside is neither event nor
background: no clip is drawn there, and a step outside has no weight.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from model.data.frame_store import StoredMatch
from model.training.targets import StepTargets


@dataclass(frozen=True, slots=True)
class KnownSteps:
    """The steps of a match of which it is known what happens.

    Attributes:
        is_known: (T,); None: all are, and so is what lies outside the match.
        count: how many.
        runs: first step and the one after the last of each stretch, in order.
    """

    is_known: NDArray[np.bool_] | None
    count: int
    runs: Sequence[tuple[int, int]] = ()

    @classmethod
    def of(cls, match: StoredMatch) -> Self:
        """Read them off the reviewed stretches."""
        is_known = match.known_steps()
        if is_known is None:
            return cls(None, len(match))
        edges = np.flatnonzero(np.diff(np.pad(is_known, 1).astype(np.int8)))
        pairs = zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
        return cls(is_known, int(is_known.sum()), tuple(pairs))

    @property
    def is_all(self) -> bool:
        """Whether all of the match is known."""
        return self.is_known is None

    def has(self, step: int) -> bool:
        """Whether it is known what happens at a step of the match."""
        return self.is_known is None or bool(self.is_known[step])

    def fit(self, start: int, step: int, span: int) -> int:
        """Move a window of `span` steps about a step into the step's stretch.

        Where the stretch is shorter, the window is moved so as to hold all of it.
        """
        if self.is_known is None:
            return start
        first, until = next(run for run in self.runs if run[0] <= step < run[1])
        low, high = sorted((first, until - span))
        return min(max(start, low), high)

    def choose(self, rng: np.random.Generator, span: int) -> int:
        """Choose the first step of a window: any step is as likely to be in it."""
        lengths = np.array([until - first for first, until in self.runs], np.float64)
        chosen = int(rng.choice(len(self.runs), p=lengths / lengths.sum()))
        first, until = self.runs[chosen]
        low, high = sorted((first, until - span))
        return int(rng.integers(low, high + 1))

    def mask(self, targets: StepTargets, indices: NDArray[np.int64]) -> StepTargets:
        """Take the weight from steps of which it is not known what happens.

        Args:
            targets: of a clip.
            indices: (T,) its steps in the match; some may lie outside.
        """
        if self.is_known is None:
            return targets
        is_inside = (indices >= 0) & (indices < len(self.is_known))
        counts = np.zeros(len(indices), np.float32)
        counts[is_inside] = self.is_known[indices[is_inside]]
        return StepTargets(targets.values, targets.weight * counts)

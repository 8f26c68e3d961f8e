"""Random clips of stored matches, each a function of a seed and its number.

Clip n is the same whenever it is drawn, so a resumed run sees what an unbroken
one would have seen. Frames stay uint8; `augment` turns them into pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.data.frame_store import StoredMatch
from model.training.clip_options import ClipOptions
from model.training.phases import step_phases


@dataclass(frozen=True, slots=True)
class Clip:
    """Some steps of a match, not yet augmented.

    Attributes:
        frames: (T, H, W, 3) uint8; black where the clip leaves the match.
        targets: (T, K) float32, one-hot, background first.
        phases: (T, C) float32, one-hot; zero before the match's first event and
            outside the match (see `phases`).
        name: of the match, and `start`, the first step: to name it by.
        number: of the draw.
    """

    frames: NDArray[np.uint8]
    targets: NDArray[np.float32]
    phases: NDArray[np.float32]
    name: str
    start: int
    number: int


class RandomClips:
    """Draws clip after clip from a set of matches."""

    def __init__(
        self,
        matches: Sequence[StoredMatch],
        labels: Sequence[str],
        options: ClipOptions,
        *,
        seed: int,
        frames_per_step: int = 1,
    ) -> None:
        """Take the matches to draw from.

        Args:
            matches: at least one, each with at least one step.
            labels: the classes, in the order of the network's outputs.
            options: how to draw.
            seed: with the number of a clip it decides the clip.
            frames_per_step: frames of a stored match for each step; clips start
                at any frame.
        """
        self.matches = list(matches)
        self.options = options
        self.seed = seed
        self.frames_per_step = frames_per_step
        # A frame is labelled as the steps of any clip that it is in would be.
        dilation = options.dilation * frames_per_step + frames_per_step // 2
        self.targets = [
            step_labels(match, labels, dilation=dilation) for match in self.matches
        ]
        self.phases = [step_phases(match, labels) for match in self.matches]
        self._classes = len(labels) + 1
        lengths = np.array([len(match) for match in self.matches], dtype=np.float64)
        self._by_length = lengths / lengths.sum()
        self._events = _all_events(self.matches, labels)
        self._event_probabilities = _event_probabilities(self._events, options.balance)

    def draw(self, number: int, *, steps: int | None = None) -> Clip:
        """Draw clip `number`, of `steps` steps if not of the usual length."""
        rng = np.random.default_rng((self.seed, number))
        count = steps or self.options.steps
        speed = float(rng.uniform(*self.options.speed_range)) * self.frames_per_step
        index, start = self._choose_window(rng, span=max(1, round(count * speed)))
        match = self.matches[index]
        indices = start + np.floor(np.arange(count) * speed + 0.5).astype(int)
        is_inside = (indices >= 0) & (indices < len(match))
        frames = np.zeros((count, *match.frames.shape[1:]), dtype=np.uint8)
        frames[is_inside] = match.frames[indices[is_inside]]
        labels = np.zeros(count, dtype=np.int64)
        labels[is_inside] = self.targets[index][indices[is_inside]]
        phases = np.zeros(count, dtype=np.int64)
        phases[is_inside] = self.phases[index][indices[is_inside]]
        one_hot = np.eye(self._classes, dtype=np.float32)
        step = start // self.frames_per_step
        return Clip(
            frames, one_hot[labels], one_hot[phases, 1:], match.name, step, number
        )

    def _choose_window(self, rng: np.random.Generator, *, span: int) -> tuple[int, int]:
        """Choose a match and the first of `span` frames."""
        if len(self._events) and rng.random() < self.options.event_bias:
            event = self._events[
                rng.choice(len(self._events), p=self._event_probabilities)
            ]
            index, step = int(event[0]), int(event[1])
            return index, step - int(rng.integers(0, span))
        index = int(rng.choice(len(self.matches), p=self._by_length))
        padding = self.options.padding * self.frames_per_step
        last = len(self.matches[index]) + padding - span
        return index, int(rng.integers(-padding, max(last, -padding) + 1))


def step_labels(
    match: StoredMatch, labels: Sequence[str], *, dilation: int
) -> NDArray[np.int64]:
    """Give each step its class: (T,), 0 the background.

    An event belongs to the step nearest in time and to `dilation` steps to each
    side. Where two events overlap the nearer one counts, at a tie the later.
    Events of a label that is not in `labels` are left out.
    """
    out = np.zeros(len(match), dtype=np.int64)
    distance = np.full(len(match), dilation + 1)
    for event in match.labels.events:
        if event.label not in labels:
            continue
        centre = nearest_step(match.time_s, event.time_s)
        around = np.arange(
            max(0, centre - dilation), min(len(match), centre + dilation + 1)
        )
        nearer = around[np.abs(around - centre) <= distance[around]]
        out[nearer] = labels.index(event.label) + 1
        distance[nearer] = np.abs(nearer - centre)
    return out


def nearest_step(time_s: NDArray[np.float64], at_s: float) -> int:
    """Find the step nearest to a time; at a tie the earlier."""
    right = int(np.searchsorted(time_s, at_s))
    if right == 0:
        return 0
    if right == len(time_s):
        return right - 1
    is_left = at_s - time_s[right - 1] <= time_s[right] - at_s
    return right - 1 if is_left else right


def _all_events(
    matches: Sequence[StoredMatch], labels: Sequence[str]
) -> NDArray[np.int64]:
    """List match, step and class of every event: (N, 3)."""
    rows = [
        (index, nearest_step(match.time_s, event.time_s), labels.index(event.label))
        for index, match in enumerate(matches)
        for event in match.labels.events
        if event.label in labels
    ]
    return np.array(rows, dtype=np.int64).reshape(-1, 3)


def _event_probabilities(
    events: NDArray[np.int64], balance: float
) -> NDArray[np.float64]:
    if not len(events):
        return np.zeros(0)
    counts = np.bincount(events[:, 2])
    odds: NDArray[np.float64] = counts[events[:, 2]].astype(np.float64) ** -balance
    share: NDArray[np.float64] = odds / odds.sum()
    return share

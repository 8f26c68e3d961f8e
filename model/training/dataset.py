"""Random clips of stored matches, each a function of a seed and its number.

Clip n is the same whenever it is drawn, so a resumed run sees what an unbroken
one would have seen. Frames stay uint8; `augment` turns them into pictures. What a match
stores of each step may as well be features, of any shape and type.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.data.frame_store import StoredMatch
from model.errors import BadAnnotations
from model.training.clip_options import ClipOptions
from model.training.false_alarms import FalseAlarm
from model.training.known_steps import KnownSteps
from model.training.targets import StepTargets, TargetMaker, nearest_step


@dataclass(frozen=True, slots=True)
class Clip:
    """Some steps of a match, not yet augmented.

    Attributes:
        frames: (T, H, W, 3) uint8, or what else the match stores; zero where the clip
            leaves the match.
        targets: of each output, by name.
        is_padding: (T,) bool, the steps outside the match.
        name: of the match, and `start`, the first step: to name it by.
        number: of the draw.
    """

    frames: NDArray[Any]
    targets: Mapping[str, StepTargets]
    is_padding: NDArray[np.bool_]
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
        makers: Mapping[str, TargetMaker],
        frames_per_step: int = 1,
        hard_negatives: Sequence[FalseAlarm] = (),
    ) -> None:
        """Take the matches to draw from.

        Args:
            matches: at least one, each with at least one step.
            labels: the classes, in the order of the network's outputs.
            options: how to draw.
            seed: with the number of a clip it decides the clip.
            makers: of targets, by the name of the output.
            frames_per_step: frames of a stored match for each step; clips start
                at any frame.
            hard_negatives: false alarms in these matches; those of others are left out.
        """
        self.matches = list(matches)
        self.options = options
        self.seed = seed
        self.frames_per_step = frames_per_step
        self.makers = dict(makers)
        self.targets = [
            {name: maker.of_match(match, labels) for name, maker in makers.items()}
            for match in self.matches
        ]
        self._known = [KnownSteps.of(match) for match in self.matches]
        lengths = np.array([known.count for known in self._known], dtype=np.float64)
        if not lengths.sum():
            raise BadAnnotations("No reviewed stretch of the matches has a frame.")
        self._by_length = lengths / lengths.sum()
        self._events = self._where_known(_all_events(self.matches, labels))
        self._event_odds = _event_probabilities(self._events, options.balance)
        self._alarms, scores = _all_alarms(self.matches, hard_negatives)
        scores = scores * np.array([self._is_known(*row) for row in self._alarms])
        self._alarm_odds = scores / max(scores.sum(), 1e-9)

    def draw(self, number: int, *, steps: int | None = None) -> Clip:
        """Draw clip `number`, of `steps` steps if not of the usual length."""
        rng = np.random.default_rng((self.seed, number))
        count = steps or self.options.steps
        speed = float(rng.uniform(*self.options.speed_range))
        stride = speed * self.frames_per_step
        index, start = self._choose_window(rng, span=max(1, round(count * stride)))
        match = self.matches[index]
        indices = start + np.floor(np.arange(count) * stride + 0.5).astype(np.int64)
        is_inside = (indices >= 0) & (indices < len(match))
        frames = np.zeros((count, *match.frames.shape[1:]), match.frames.dtype)
        shown = self._jittered(indices, rng).clip(0, len(match) - 1)
        frames[is_inside] = match.frames[shown[is_inside]]
        known = self._known[index]
        targets = {
            name: known.mask(
                self.makers[name].of_clip(made.at(indices), speed=speed), indices
            )
            for name, made in self.targets[index].items()
        }
        step = start // self.frames_per_step
        return Clip(frames, targets, ~is_inside, match.name, step, number)

    def _choose_window(self, rng: np.random.Generator, *, span: int) -> tuple[int, int]:
        """Choose a match and the first of `span` frames."""
        if len(self._events) and rng.random() < self.options.event_bias:
            event = self._events[rng.choice(len(self._events), p=self._event_odds)]
            index, step = int(event[0]), int(event[1])
            start = step - int(rng.integers(0, span))
            return index, self._known[index].fit(start, step, span)
        # Without hard negatives nothing is drawn: other runs draw what they drew.
        if self._alarm_odds.any() and rng.random() < self.options.hard_negative_share:
            alarm = self._alarms[rng.choice(len(self._alarms), p=self._alarm_odds)]
            index, step = int(alarm[0]), int(alarm[1])
            start = step - int(rng.integers(0, span))
            return index, self._known[index].fit(start, step, span)
        index = int(rng.choice(len(self.matches), p=self._by_length))
        if not self._known[index].is_all:
            return index, self._known[index].choose(rng, span)
        padding = self.options.padding * self.frames_per_step
        last = len(self.matches[index]) + padding - span
        return index, int(rng.integers(-padding, max(last, -padding) + 1))

    def _where_known(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Keep the rows (match, step, ...) of whose step it is known what happens."""
        kept = [row for row in rows if self._is_known(row[0], row[1])]
        return np.array(kept, dtype=rows.dtype).reshape(-1, rows.shape[1])

    def _is_known(self, index: int, step: int) -> bool:
        return self._known[index].has(step)

    def _jittered(
        self, indices: NDArray[np.int64], rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """Let some steps show the stored frame before or after their own."""
        if not self.options.frame_jitter:
            return indices
        is_moved = rng.random(len(indices)) < self.options.frame_jitter
        shift = np.where(is_moved, rng.choice((-1, 1), len(indices)), 0)
        return indices + shift.astype(np.int64)


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


def _all_alarms(
    matches: Sequence[StoredMatch], alarms: Sequence[FalseAlarm]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """List match and step of every false alarm (N, 2), and its score (N,)."""
    places = {match.name: index for index, match in enumerate(matches)}
    known = [alarm for alarm in alarms if alarm.match in places]
    rows = [
        (index, nearest_step(matches[index].time_s, alarm.time_s))
        for alarm in known
        for index in (places[alarm.match],)
    ]
    scores = np.array([alarm.score for alarm in known], dtype=np.float64)
    return np.array(rows, dtype=np.int64).reshape(-1, 2), scores

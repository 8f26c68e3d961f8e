"""What each output is trained on: values and weights for every frame of a match.

NumPy only. A maker knows one output; `make_targets` picks those of a run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from model.data.frame_store import StoredMatch
from model.data.labels import Event

Floats = NDArray[np.float32]

# A step at which the teacher believes in a label counts so much more than one at which
# it believes in none: such steps are few.
FOREGROUND = 9.0


@dataclass(frozen=True, slots=True)
class StepTargets:
    """Targets of one output.

    Attributes:
        values: (T, C) float32, what the output should be.
        weight: (T,) float32, how much a step counts; 0 where nothing is known.
    """

    values: Floats
    weight: Floats

    def at(self, indices: NDArray[np.int64]) -> Self:
        """Pick steps; what lies outside has values and weight 0."""
        is_inside = (indices >= 0) & (indices < len(self.weight))
        values = np.zeros((len(indices), self.values.shape[1]), np.float32)
        weight = np.zeros(len(indices), np.float32)
        values[is_inside] = self.values[indices[is_inside]]
        weight[is_inside] = self.weight[indices[is_inside]]
        return type(self)(values, weight)


class TargetMaker(Protocol):
    """Makes the targets of one output."""

    @property
    def is_blended(self) -> bool:
        """Whether the mean of two targets is a target, as for shares.

        If not, a mixed step keeps the target that counts more.
        """
        ...

    def of_match(self, match: StoredMatch, labels: Sequence[str]) -> StepTargets:
        """Make the targets of every stored frame."""
        ...

    def of_clip(self, targets: StepTargets, *, speed: float) -> StepTargets:
        """Adapt what was picked for a clip that is played at a speed."""
        ...

    def mirrored(self, values: Floats) -> Floats:
        """Give the values of the mirror image; labels that name a side stay."""
        ...


@dataclass(frozen=True, slots=True)
class ScoreTargets:
    """Labels around events; frames outside the match are background.

    Attributes:
        radius: frames to each side of an event's that have its label too.
        is_exclusive: a frame has one label, or the background in column 0; if not,
            it has all labels of events that reach it, and column 0 is unused.
    """

    radius: int
    is_exclusive: bool = True
    is_blended: bool = True

    def of_match(self, match: StoredMatch, labels: Sequence[str]) -> StepTargets:
        """Shapes: values (T, C + 1), every weight 1."""
        weight = np.ones(len(match), np.float32)
        if self.is_exclusive:
            classes = step_labels(match, labels, dilation=self.radius)
            return StepTargets(
                np.eye(len(labels) + 1, dtype=np.float32)[classes], weight
            )
        values = np.zeros((len(match), len(labels) + 1), np.float32)
        for event in _known(match, labels):
            centre = nearest_step(match.time_s, event.time_s)
            first = max(0, centre - self.radius)
            values[first : centre + self.radius + 1, labels.index(event.label) + 1] = 1
        return StepTargets(values, weight)

    def of_clip(self, targets: StepTargets, *, speed: float) -> StepTargets:  # noqa: ARG002 # the same at any speed
        """Teach background outside the match."""
        values = targets.values.copy()
        if self.is_exclusive:
            values[targets.weight == 0, 0] = 1
        return StepTargets(values, np.ones_like(targets.weight))

    def mirrored(self, values: Floats) -> Floats:
        """Give them as they are."""
        return values


@dataclass(frozen=True, slots=True)
class DisplacementTargets:
    """How many steps later than a frame the nearest event is, near events.

    Attributes:
        radius: in steps; further away the weight is 0.
        fps: steps a second.

    Source: T-DEED (Xarles et al., CVPRW 2024).
    """

    radius: float
    fps: float
    is_blended: bool = False

    def of_match(self, match: StoredMatch, labels: Sequence[str]) -> StepTargets:
        """Shapes: values (T, 1) in steps; those of half a step more are near, too."""
        events = _known(match, labels)
        offset_s, _ = _nearest_events(match, events)
        steps = offset_s * self.fps
        is_near = np.abs(steps) <= self.radius + 0.5
        values = np.where(is_near, steps, 0).astype(np.float32)
        return StepTargets(values[:, None], is_near.astype(np.float32))

    def of_clip(self, targets: StepTargets, *, speed: float) -> StepTargets:
        """Count in steps as played: at double speed an event is half as far."""
        return StepTargets(targets.values / np.float32(speed), targets.weight)

    def mirrored(self, values: Floats) -> Floats:
        """Give them as they are."""
        return values


@dataclass(frozen=True, slots=True)
class TeamTargets:
    """The side of the nearest event, near events whose labels name one.

    Attributes:
        sides: names of the two, in the order of the columns.
        radius: in steps; further away the weight is 0.
        fps: steps a second.
    """

    sides: tuple[str, str]
    radius: float
    fps: float
    is_blended: bool = True

    def of_match(self, match: StoredMatch, labels: Sequence[str]) -> StepTargets:
        """Shapes: values (T, 2), one of them 1."""
        events = _known(match, labels)
        offset_s, nearest = _nearest_events(match, events)
        columns = {side: index for index, side in enumerate(self.sides)}
        sides = [columns.get(event.team or "", -1) for event in events]
        side = np.array([*sides, -1])[nearest]
        is_near = (np.abs(offset_s * self.fps) <= self.radius + 0.5) & (side >= 0)
        values = np.zeros((len(match), 2), np.float32)
        values[is_near, side[is_near]] = 1
        return StepTargets(values, is_near.astype(np.float32))

    def of_clip(self, targets: StepTargets, *, speed: float) -> StepTargets:  # noqa: ARG002 # the same at any speed
        """Give them as they are."""
        return targets

    def mirrored(self, values: Floats) -> Floats:
        """Swap the sides: who attacks to the left attacks to the right now."""
        return values[:, ::-1]


@dataclass(frozen=True, slots=True)
class PhaseTargets:
    """The label of the latest event; weight 0 before the first."""

    is_blended: bool = True

    def of_match(self, match: StoredMatch, labels: Sequence[str]) -> StepTargets:
        """Shapes: values (T, C).

        Of two events at one time the later in the list counts. Where nobody has
        looked, what happened is not known, nor after that up to the next event.
        """
        values = np.zeros((len(match), len(labels)), np.float32)
        for event in sorted(_known(match, labels), key=lambda event: event.time_s):
            first = int(np.searchsorted(match.time_s, event.time_s))
            last = _end_of_known(match, event.time_s)
            values[first:] = 0
            values[first:last, labels.index(event.label)] = 1
        return StepTargets(values, values.sum(axis=1))

    def of_clip(self, targets: StepTargets, *, speed: float) -> StepTargets:  # noqa: ARG002 # the same at any speed
        """Give them as they are."""
        return targets

    def mirrored(self, values: Floats) -> Floats:
        """Give them as they are."""
        return values


@dataclass(frozen=True, slots=True)
class TeacherTargets:
    """What a teacher believes of every step.

    Attributes:
        curves: scores (T, C + 1) of each match, by its name.
    """

    curves: Mapping[str, Floats]
    is_blended: bool = True

    def of_match(self, match: StoredMatch, labels: Sequence[str]) -> StepTargets:  # noqa: ARG002 # the teacher's are in this order
        """Shapes: values (T, C + 1)."""
        values = self.curves[match.name]
        return StepTargets(values, 1 + FOREGROUND * (1 - values[:, 0]))

    def of_clip(self, targets: StepTargets, *, speed: float) -> StepTargets:  # noqa: ARG002 # the same at any speed
        """Give them as they are; outside the match nothing is known."""
        return targets

    def mirrored(self, values: Floats) -> Floats:
        """Give them as they are."""
        return values


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
    for event in _known(match, labels):
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


def _end_of_known(match: StoredMatch, time_s: float) -> int:
    """Give the step at which the reviewed stretch about a time ends."""
    spans = match.labels.reviewed
    if spans is None:
        return len(match)
    end_s = next((end for start, end in spans if start <= time_s < end), time_s)
    return int(np.searchsorted(match.time_s, end_s))


def _known(match: StoredMatch, labels: Sequence[str]) -> list[Event]:
    return [event for event in match.labels.events if event.label in labels]


def _nearest_events(
    match: StoredMatch, events: Sequence[Event]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Find each frame's nearest event: how much later it is (T,), and its index (T,).

    Without an event it is infinitely far, and its index is 0. Events are in order.
    """
    time_s = match.time_s
    if not events:
        return np.full(len(time_s), np.inf), np.zeros(len(time_s), np.int64)
    at_s = np.array([event.time_s for event in events])
    right = np.searchsorted(at_s, time_s).clip(0, len(at_s) - 1)
    left = (right - 1).clip(0)
    is_left = np.abs(at_s[left] - time_s) <= np.abs(at_s[right] - time_s)
    nearest = np.where(is_left, left, right)
    return at_s[nearest] - time_s, nearest

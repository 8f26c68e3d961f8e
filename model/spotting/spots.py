"""From a timeline to spots: thresholds, displacement, temporal NMS, teams.

A stream of a timeline's parts gives the spots of the whole, to the bit, each as soon
as nothing to come can change it. NumPy only.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from model.checkpoint.spotting_options import SpottingOptions
from model.spotting.displacement import MAX_MOVE_STEPS, moved
from model.spotting.nms import FloatArray, IntArray, TemporalNms
from model.spotting.timeline import Timeline, join_timelines

# What a spot is known by: its label's column, and the step that it was found at.
SpotKey = tuple[int, int]

# A team is told from so many steps to each side of a spot, too.
TEAM_REACH_STEPS = 2


@dataclass(frozen=True, slots=True)
class Spot:
    """A label at a time, with the network's belief in it.

    Attributes:
        label: name of the class.
        time_s: PTS minus the file's start time.
        score: belief, in [0, 1].
        frame: index of the frame in the source, 0-based.
        pts: of the frame, in units of the stream's time base.
        team: name of the side that did it; None where the network does not tell.
    """

    label: str
    time_s: float
    score: float
    frame: int
    pts: int
    team: str | None = None


def find_spots(
    timeline: Timeline,
    options: SpottingOptions,
    *,
    min_score: float | None = None,
    sides: Sequence[str] = (),
) -> list[Spot]:
    """Find what happens in a video: every peak that survives NMS and threshold.

    Args:
        timeline: scores of every step; not changed.
        options: temperature, and each label's NMS, window and threshold.
        min_score: takes the place of every label's threshold: each spot after NMS
            that scores at least this much.
        sides: names of the columns of the timeline's output `team`; without them no
            spot has a team.

    Returns:
        The spots, earliest first, labels in alphabetical order at equal times.

    Raises:
        ValueError: a label of the timeline has no options, or `min_score` is not
            in [0, 1].
    """
    stream = SpotStream(timeline.labels, options, min_score=min_score, sides=sides)
    return stream.push(timeline) + stream.close()


class SpotStream:
    """Takes a timeline part by part and gives its spots in order of time.

    In constant memory, as long as scores are not at or above the threshold for ever.
    """

    def __init__(
        self,
        labels: Sequence[str],
        options: SpottingOptions,
        *,
        min_score: float | None = None,
        sides: Sequence[str] = (),
    ) -> None:
        """Begin; arguments and errors as of `find_spots`."""
        if min_score is not None and not 0 <= min_score <= 1:
            raise ValueError(f"min_score must be in [0, 1], got {min_score}")
        missing = set(labels) - set(options.labels)
        if missing:
            raise ValueError(f"no spotting options for {', '.join(sorted(missing))}")
        self._temperature = options.temperature
        self._sides = tuple(sides)
        self._choices = [options.labels[label] for label in labels]
        if min_score is not None:
            self._choices = [replace(c, threshold=min_score) for c in self._choices]
        self._nms = [TemporalNms(choice) for choice in self._choices]
        self._buffer: Timeline | None = None  # Scores are at the temperature.
        self._first = 0  # Step of the buffer's first row.
        self._next = 0  # The first step that is no candidate yet.
        self._candidates: _Candidates | None = None
        self._waiting: list[tuple[SpotKey, Spot]] = []

    def push(self, part: Timeline) -> list[Spot]:
        """Take the next steps and give the spots that are final.

        No spot to come is earlier than one that was given.
        """
        return [spot for _, spot in self.push_keyed(part)]

    def close(self) -> list[Spot]:
        """Give the spots that are left: the timeline ends here."""
        return [spot for _, spot in self.close_keyed()]

    def push_keyed(self, part: Timeline) -> list[tuple[SpotKey, Spot]]:
        """Take the next steps; give what `push` gives, each spot with its key."""
        scores = part.at_temperature(self._temperature)
        part = replace(part, scores=scores)
        if self._buffer is not None:
            part = join_timelines([self._buffer, part])
        self._buffer = part
        reach = MAX_MOVE_STEPS if part.outputs else 0
        self._take(self._first + len(part) - reach)
        return self._settle(self._horizon_s())

    def close_keyed(self) -> list[tuple[SpotKey, Spot]]:
        """Give what `close` gives, each spot with its key."""
        if self._buffer is None:
            return []
        self._take(self._first + len(self._buffer))
        return self._settle(np.inf)

    def pending(self) -> dict[SpotKey, Spot]:
        """Say which spots would be left if the timeline ended here.

        Those that `close` would give now. The stream itself stays as it is.
        """
        other = copy.copy(self)
        other._nms = [nms.fork() for nms in self._nms]
        return dict(other.close_keyed())

    def _take(self, end: int) -> None:
        """Make candidates of the steps before `end`."""
        steps = self._buffer
        if steps is None or end <= self._next:
            return
        low, high = self._next - self._first, end - self._first
        new = _candidates_of(steps, low, high, self._next)
        for column, (choice, nms) in enumerate(
            zip(self._choices, self._nms, strict=True)
        ):
            curve = steps.scores[low:high, column + 1]
            above = np.flatnonzero(curve >= np.float32(choice.threshold))
            nms.push(
                new.time_s[above], curve[above].astype(np.float64), above + self._next
            )
        self._candidates = new if self._candidates is None else self._candidates + new
        self._next = end
        drop = max(end - MAX_MOVE_STEPS - 1 - self._first, 0)
        self._buffer, self._first = steps[drop:], self._first + drop

    def _horizon_s(self) -> float:
        """Say before which time no candidate can come any more."""
        if self._buffer is None or self._next == 0:
            return -np.inf
        move = MAX_MOVE_STEPS if "displacement" in self._buffer.outputs else 0
        return float(self._buffer.time_s[max(self._next - 1 - move - self._first, 0)])

    def _settle(self, horizon_s: float) -> list[tuple[SpotKey, Spot]]:
        candidates = self._candidates
        if candidates is None or self._buffer is None:
            return []
        found = list(self._waiting)
        for column, nms in enumerate(self._nms):
            ids, scores = nms.settle(horizon_s)
            label = self._buffer.labels[column]
            for step, score in zip(ids.tolist(), scores.tolist(), strict=True):
                spot = candidates.spot(step, label, score, column, self._sides)
                found.append(((column, step), spot))
        first = min([self._next, *(nms.first_id for nms in self._nms)])
        self._candidates = candidates.since(first)
        safe_s = min([horizon_s, *(nms.earliest_s for nms in self._nms)])
        ready = [keyed for keyed in found if keyed[1].time_s < safe_s]
        self._waiting = [keyed for keyed in found if not keyed[1].time_s < safe_s]
        return sorted(ready, key=lambda keyed: _in_time(keyed[1]))


@dataclass(frozen=True, slots=True)
class _Candidates:
    """What a spot would be at each of some steps in a row.

    Attributes:
        first: the first step.
        time_s, frame, pts: (n,) after displacement.
        side: (n, C) index of the side, by label; (n, 0) if sides are not known.
    """

    first: int
    time_s: FloatArray
    frame: IntArray
    pts: IntArray
    side: IntArray

    def __add__(self, other: "_Candidates") -> "_Candidates":
        return _Candidates(
            self.first,
            np.concatenate((self.time_s, other.time_s)),
            np.concatenate((self.frame, other.frame)),
            np.concatenate((self.pts, other.pts)),
            np.concatenate((self.side, other.side)),
        )

    def since(self, step: int) -> "_Candidates":
        left = slice(max(step - self.first, 0), None)
        return _Candidates(
            max(step, self.first),
            self.time_s[left],
            self.frame[left],
            self.pts[left],
            self.side[left],
        )

    def spot(
        self, step: int, label: str, score: float, column: int, sides: Sequence[str]
    ) -> Spot:
        row = step - self.first
        team = sides[self.side[row, column]] if sides and self.side.size else None
        return Spot(
            label=label,
            time_s=float(self.time_s[row]),
            score=score,
            frame=int(self.frame[row]),
            pts=int(self.pts[row]),
            team=team,
        )


def _candidates_of(steps: Timeline, low: int, high: int, first: int) -> _Candidates:
    """Make candidates of the rows low to high, whose first is step `first`."""
    rows = slice(low, high)
    if "displacement" in steps.outputs:
        time_s, frame, pts = moved(steps, low, high)
    else:
        time_s, frame, pts = steps.time_s[rows], steps.frame[rows], steps.pts[rows]
    sides = _sides_of(steps)[rows] if "team" in steps.outputs else None
    if sides is None:
        sides = np.zeros((high - low, 0), dtype=np.int64)
    return _Candidates(first, time_s, frame, pts, sides)


def _sides_of(steps: Timeline) -> IntArray:
    """Choose each step's side, (T, C): by label, for a step that is a spot of it.

    The steps around it have a say, too, each as much as it believes in the label.
    """
    team = steps.outputs["team"].astype(np.float64)
    curves = steps.scores[:, 1:].astype(np.float64)
    belief = curves[:, :, None] * team[:, None, :]  # (T, C, sides)
    reach = TEAM_REACH_STEPS
    padded = np.pad(belief, ((reach, reach), (0, 0), (0, 0)))
    total = np.zeros_like(belief)
    for shift in range(2 * reach + 1):
        total += padded[shift : shift + len(belief)]
    return np.asarray(total.argmax(axis=2), dtype=np.int64)


def _in_time(spot: Spot) -> tuple[float, str, int, float, str]:
    return spot.time_s, spot.label, spot.frame, -spot.score, spot.team or ""

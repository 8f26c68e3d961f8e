"""Which steps are given to the head at once, and how its answers become one.

The only place that says where windows lie and how their votes count: serving in one
pass and clip by clip, validation in training and evaluation all go through it.

Windows overlap, and a step is best understood from the middle of one. So only the
middle half of a window votes, and a step's row is the mean of the votes on it. A
window that reaches beyond the video is cut at its edge; since there are such windows
at both ends, the first and last steps get as many votes as any other.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from model.engines.runtime import WINDOWS_AT_ONCE

Floats = npt.NDArray[np.float32]

# By output, a row for each step.
Rows = Mapping[str, Floats]

# What somebody in the middle of a video must remember to go on, by name.
Memory = Mapping[str, npt.NDArray[Any]]

_SUMS = "sums_"


@dataclass(frozen=True, slots=True)
class Windows:
    """Where the windows over a video lie, and which of their steps vote.

    With L = `clip_len` and m = `margin`, a window that starts at step s votes on
    steps s + m to s + L - m. That is its middle half, or as much more as windows with
    little overlap need to leave no step out.

    Attributes:
        clip_len: steps of a window, L >= 1.
        overlap: steps that neighbours share, in [0, L).
    """

    clip_len: int
    overlap: int

    def __post_init__(self) -> None:
        if not 0 <= self.overlap < self.clip_len:
            raise ValueError(
                f"overlap must be in [0, {self.clip_len}), got {self.overlap}"
            )

    @classmethod
    def with_share(cls, clip_len: int, overlap: float) -> Self:
        """Make windows whose neighbours share this share of their steps, in [0, 1)."""
        return cls(clip_len, min(int(clip_len * overlap), clip_len - 1))

    @property
    def hop(self) -> int:
        """Steps from one window's start to the next one's."""
        return self.clip_len - self.overlap

    @property
    def margin(self) -> int:
        """Steps at each end of a window that do not vote."""
        return min(self.clip_len // 4, self.overlap // 2)

    def starts(self) -> Iterator[int]:
        """Give the first step of each window, without end.

        The first window is the first one that votes on step 0.
        """
        return count(-self.margin - (self._votes - 1) // self.hop * self.hop, self.hop)

    def is_needed(self, start: int, steps: int) -> bool:
        """Say whether a window at `start` votes in a video of that many steps."""
        return max(start + self.margin, 0) < steps

    @property
    def _votes(self) -> int:
        """How many steps a window votes on."""
        return self.clip_len - 2 * self.margin


class Votes:
    """Adds up the windows' votes and gives a step's mean once all have voted."""

    def __init__(self, windows: Windows) -> None:
        self._windows = windows
        self._first = 0  # The first step that is not final.
        self._sums: dict[str, Floats] = {}
        self._support = np.zeros(0, dtype=np.float32)

    def add(self, start: int, first: int, rows: Rows) -> None:
        """Add one window's answers.

        Args:
            start: the window's first step, which may lie before the video.
            first: the step of the first row, 0 or later.
            rows: by output, (n, C) each.
        """
        windows = self._windows
        rows_end = first + len(next(iter(rows.values())))
        low = max(start + windows.margin, first)
        high = min(start + windows.clip_len - windows.margin, rows_end)
        if high <= low:
            return
        self._grow(high, rows)
        here = slice(low - self._first, high - self._first)
        for name, values in rows.items():
            self._sums[name][here] += values[low - first : high - first]
        self._support[here] += 1

    def take(self, end: int) -> Rows:
        """Give the means of the steps before `end` that were not given yet.

        Raises:
            ValueError: no window has voted on one of them.
        """
        size = max(end - self._first, 0)
        support = self._support[:size, None]
        if len(support) < size or (support == 0).any():
            raise ValueError("no window has voted on one of the steps")
        means = {name: sums[:size] / support for name, sums in self._sums.items()}
        self._sums = {name: sums[size:].copy() for name, sums in self._sums.items()}
        self._support = self._support[size:].copy()
        self._first += size
        return means

    def memory(self) -> Memory:
        """Give what `restore` needs to go on from here."""
        sums = {_SUMS + name: values for name, values in self._sums.items()}
        voted = np.array([self._first], np.int64)
        return {"support": self._support, "voted": voted, **sums}

    def restore(self, memory: Memory) -> None:
        """Go on where others stood that had the same windows.

        Raises:
            KeyError: the memory is of something else.
        """
        self._first = int(memory["voted"][0])
        self._support = np.array(memory["support"], np.float32)
        self._sums = {
            name.removeprefix(_SUMS): np.array(values, np.float32)
            for name, values in memory.items()
            if name.startswith(_SUMS)
        }

    def _grow(self, end: int, rows: Rows) -> None:
        more = end - self._first - len(self._support)
        if more <= 0 and self._sums:
            return
        for name, values in rows.items():
            sums = self._sums.get(name, np.zeros((0, values.shape[1]), np.float32))
            new = np.zeros((more, values.shape[1]), np.float32)
            self._sums[name] = np.concatenate((sums, new))
        self._support = np.concatenate((self._support, np.zeros(more, np.float32)))


class WindowedHead:
    """Runs a head over windows of a stream of features, in constant memory.

    Rows come out as soon as all windows have voted on them. Which windows the head is
    given together does not depend on how the features came: the rows of a stream are
    those of the whole, to the bit.
    """

    def __init__(
        self,
        head: Callable[[Floats], Rows],
        windows: Windows,
        *,
        batch: int = WINDOWS_AT_ONCE,
    ) -> None:
        """Keep what is needed.

        Args:
            head: features (N, L, D), L <= clip_len -> by output, (N, L, C).
            windows: where they lie.
            batch: whole windows that are given to the head at once.
        """
        self._head, self._windows, self._batch = head, windows, batch
        self._starts = windows.starts()
        self._start = next(self._starts)
        self._buffer: list[Floats] = []
        self._first = 0  # Step of the first feature in the buffer.
        self._end = 0  # Step behind the last one.
        self._votes = Votes(windows)

    def push(self, features: Floats) -> Rows:
        """Take the features (n, D) of the next steps; give the rows that are final.

        By output, (m, C) each; no output at all while nothing is final.
        """
        self._buffer.append(np.array(features, dtype=np.float32))
        self._end += len(features)
        given: list[Rows] = []
        while self._start < 0 and self._start + self._windows.clip_len <= self._end:
            given.append(self._run(1))
        span = self._windows.clip_len + (self._batch - 1) * self._windows.hop
        while self._start >= 0 and self._start + span <= self._end:
            given.append(self._run(self._batch))
        return join_rows(given)

    def close(self) -> Rows:
        """Run the windows that are left and give the rows that are."""
        given: list[Rows] = []
        while self._start < 0 and self._windows.is_needed(self._start, self._end):
            given.append(self._run(1))
        room = self._end - self._windows.clip_len - self._start
        if self._start >= 0 and room >= 0:
            given.append(self._run(room // self._windows.hop + 1))
        while self._windows.is_needed(self._start, self._end):
            given.append(self._run(1))
        if self._end:
            given.append(self._votes.take(self._end))
        return join_rows(given)

    def memory(self) -> Memory:
        """Give what `restore` needs to go on from here."""
        features = {"features": self._join()} if self._buffer else {}
        place = np.array([self._start, self._first, self._end], np.int64)
        return {**self._votes.memory(), **features, "place": place}

    def restore(self, memory: Memory) -> None:
        """Go on where another one stood that had the same head and windows.

        Raises:
            KeyError, ValueError: the memory is of something else.
        """
        self._start, self._first, self._end = map(int, memory["place"])
        features = memory.get("features")
        self._buffer = [] if features is None else [np.array(features, np.float32)]
        self._votes.restore(memory)

    def _run(self, windows: int) -> Rows:
        """Run the next windows, which are of one length."""
        features = self._join()
        starts = [self._start + n * self._windows.hop for n in range(windows)]
        spans = [
            (max(start, 0), min(start + self._windows.clip_len, self._end))
            for start in starts
        ]
        stacked = np.stack(
            [features[a - self._first : b - self._first] for a, b in spans]
        )
        answers = self._head(stacked)
        for index, (start, (first, _)) in enumerate(zip(starts, spans, strict=True)):
            rows = {name: values[index] for name, values in answers.items()}
            self._votes.add(start, first, rows)
        self._start = starts[-1] + self._windows.hop
        self._drop(max(self._start, 0))
        return self._votes.take(
            min(max(self._start + self._windows.margin, 0), self._end)
        )

    def _join(self) -> Floats:
        self._buffer = [np.concatenate(self._buffer)]
        return self._buffer[0]

    def _drop(self, step: int) -> None:
        if step > self._first and self._buffer:
            self._buffer = [self._join()[step - self._first :].copy()]
            self._first = step


def join_rows(parts: Sequence[Rows]) -> Rows:
    """Put rows behind each other; parts without any output are passed over."""
    filled = [rows for rows in parts if rows]
    if not filled:
        return {}
    return {name: np.concatenate([rows[name] for rows in filled]) for name in filled[0]}


def count_rows(rows: Rows) -> int:
    """Say how many steps rows are of."""
    return len(next(iter(rows.values()))) if rows else 0

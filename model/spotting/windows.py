"""Which steps are given to the head at once, and how its answers are averaged.

Windows overlap; a step's score is the mean over the windows that saw it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np
import numpy.typing as npt

from model.engines.runtime import WINDOWS_AT_ONCE

Floats = npt.NDArray[np.float32]

# E2E-Spot starts its first clip this many steps before the video.
PAD_STEPS = 5


@dataclass(frozen=True, slots=True)
class Windows:
    """Where the windows over a video lie.

    They start `pad` steps before the video and step by `clip_len - overlap`; every
    step of the video is in one or more of them.

    Attributes:
        clip_len: steps of a window.
        overlap: steps that neighbours share, below clip_len.

    Source: E2E-Spot, dataset/frame.py (ActionSpotVideoDataset).
    """

    clip_len: int
    overlap: int

    def __post_init__(self) -> None:
        if not 0 <= self.overlap < self.clip_len:
            raise ValueError(
                f"overlap must be in [0, {self.clip_len}), got {self.overlap}"
            )

    @property
    def pad(self) -> int:
        """Steps before the video at which the first window starts."""
        return min(PAD_STEPS, self.clip_len // 2)

    def starts(self) -> Iterator[int]:
        """Give the first step of each window, without end."""
        return count(-self.pad, self.clip_len - self.overlap)

    def is_needed(self, start: int, steps: int) -> bool:
        """Say whether a window at `start` adds to a video of that many steps."""
        return start < max(1, steps - self.overlap)


class Average:
    """Sums the scores of windows and divides by how many voted (the support)."""

    def __init__(self, columns: int) -> None:
        self._sums = np.zeros((1024, columns), dtype=np.float32)
        self._support = np.zeros(1024, dtype=np.float32)

    def add(self, first: int, scores: Floats) -> None:
        """Add one window's scores (L, K), whose first row is step `first`."""
        end = first + len(scores)
        while end > len(self._sums):
            self._sums = np.concatenate((self._sums, np.zeros_like(self._sums)))
            self._support = np.concatenate(
                (self._support, np.zeros_like(self._support))
            )
        self._sums[first:end] += scores
        self._support[first:end] += 1

    def mean(self, steps: int) -> Floats:
        """Return the mean scores of the first `steps` steps, (T, K).

        Raises:
            ValueError: no window has voted on one of them.
        """
        support = self._support[:steps, None]
        if len(support) < steps or (support == 0).any():
            raise ValueError("a step was seen by no window")
        return np.asarray(self._sums[:steps] / support, dtype=np.float32)


class WindowedHead:
    """Runs a head over windows of a stream of features, in constant memory.

    A window that reaches beyond the video is cut at its edge, so the head sees
    features of the video and nothing else.
    """

    def __init__(
        self,
        head: Callable[[Floats], Floats],
        windows: Windows,
        *,
        batch: int = WINDOWS_AT_ONCE,
    ) -> None:
        """Keep what is needed.

        Args:
            head: features (N, L, D), L <= clip_len -> scores (N, L, K).
            windows: where they lie.
            batch: whole windows that are given to the head at once.
        """
        self._head, self._windows, self._batch = head, windows, batch
        self._starts = windows.starts()
        self._start = next(self._starts)
        self._buffer: list[Floats] = []
        self._first = 0  # Step of the first feature in the buffer.
        self._end = 0  # Step behind the last one.
        self._average: Average | None = None

    def push(self, features: Floats) -> None:
        """Take the features (n, D) of the next steps."""
        self._buffer.append(np.array(features, dtype=np.float32))
        self._end += len(features)
        stride = self._windows.clip_len - self._windows.overlap
        needed = self._windows.clip_len + (self._batch - 1) * stride
        if self._end >= max(self._start, 0) + needed:
            self._run_whole_windows()

    def finish(self) -> Floats:
        """Run the windows that are left and return all scores, (T, K)."""
        self._run_whole_windows()
        while self._end and self._windows.is_needed(self._start, self._end):
            self._run([self._start])
            self._start = next(self._starts)
        if self._average is None:
            return np.zeros((0, 0), dtype=np.float32)
        return self._average.mean(self._end)

    def _run_whole_windows(self) -> None:
        whole: list[int] = []
        while self._start + self._windows.clip_len <= self._end:
            if self._start < 0:
                self._run([self._start])
            else:
                whole.append(self._start)
            self._start = next(self._starts)
        for first in range(0, len(whole), self._batch):
            self._run(whole[first : first + self._batch])
        self._drop(max(self._start, 0))

    def _run(self, starts: list[int]) -> None:
        """Run windows of one length."""
        features = self._join()
        spans = [
            (max(start, 0), min(start + self._windows.clip_len, self._end))
            for start in starts
        ]
        stacked = np.stack(
            [features[a - self._first : b - self._first] for a, b in spans]
        )
        for (first, _), scores in zip(spans, self._head(stacked), strict=True):
            if self._average is None:
                self._average = Average(scores.shape[1])
            self._average.add(first, scores)

    def _join(self) -> Floats:
        self._buffer = [np.concatenate(self._buffer)]
        return self._buffer[0]

    def _drop(self, step: int) -> None:
        if step > self._first and self._buffer:
            self._buffer = [self._join()[step - self._first :].copy()]
            self._first = step

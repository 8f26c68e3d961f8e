"""When each frame of a file is shown and which frame each step takes, as arrays.

Who has read a file once can tell others what they need to decode a stretch of it: they
need not read the rest. How it is made: `model.video.step_reading`.
"""

import io
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from model.video.frame_times import MAX_FRAMES, UNREADABLE, FrameTimes

Numbers = npt.NDArray[np.int64]

EXACT = 2**53
"""Up to this a whole number is a float as well."""


@dataclass(frozen=True, eq=False)
class Stretch:
    """Steps that follow each other, and the frames that they take. Of F frames:

    Attributes:
        key: PTS of the key frame at which decoding begins.
        is_hidden: it is decoded and not shown, by an edit list.
        first: number of the first frame, in the whole file.
        pts: (F,) int64, in the stream's time base.
        ticks: (F,) int64, exact times from the file's start.
        ticks_per_s: of them.
        frames: (S,) int64, the number of the frame that each step takes.
    """

    key: int
    is_hidden: bool
    first: int
    pts: Numbers
    ticks: Numbers
    ticks_per_s: int
    frames: Numbers

    def to_bytes(self) -> bytes:
        """Return it plainly: whoever reads it can import nothing by then."""
        head = (self.key, self.is_hidden, self.first, self.ticks_per_s, len(self.pts))
        parts = (np.array(head, np.int64), self.pts, self.ticks, self.frames)
        return np.concatenate(parts).tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote."""
        numbers = np.frombuffer(data, np.int64)
        key, is_hidden, first, ticks_per_s, count = map(int, numbers[:5])
        pts, ticks, frames = np.split(numbers[5:], [count, 2 * count])
        return cls(key, bool(is_hidden), first, pts, ticks, ticks_per_s, frames)


@dataclass(frozen=True, eq=False)
class StepIndex:
    """What the packets of a file tell. With N frames, K key frames and S steps:

    Attributes:
        pts: (N,) int64, of each frame, in the stream's time base, rising.
        ticks: (N,) int64, when each frame is shown, from the file's start, rising.
        ticks_per_s: of them.
        keys: (K,) int64, PTS of the key frames, rising; the first is the first frame's,
            or that of the file's first packet, if an edit list hides it.
        frames: (S,) int64, the number of the frame that each step takes.
        until_s: when the last frame ends, as far as that can be known.

    Raises:
        ValueError: they do not fit together.
    """

    pts: Numbers
    ticks: Numbers
    ticks_per_s: int
    keys: Numbers
    frames: Numbers
    until_s: float

    def __post_init__(self) -> None:
        for name in ("pts", "ticks", "keys", "frames"):
            values = getattr(self, name)
            if values.ndim != 1 or values.dtype != np.int64:
                raise ValueError(f"{name} must be (N,) int64, got {values.shape}")
            if not 1 <= len(values) <= MAX_FRAMES:
                raise ValueError(f"{len(values)} {name} are none, or too many")
        if len(self.ticks) != len(self.pts) or self.keys[0] > self.pts[0]:
            raise ValueError("times, or key frames, are not those of the frames")
        for values in (self.pts, self.keys, self.frames):
            if (values[1:] < values[:-1]).any():
                raise ValueError("frames must be in order")
        if self.frames[0] < 0 or self.frames[-1] >= len(self.pts):
            raise ValueError("a step takes a frame that there is not")
        if not 1 <= self.ticks_per_s < EXACT or abs(self.ticks).max() >= EXACT:
            raise ValueError("times are too fine")
        self.frame_times  # noqa: B018 - it says whether times rise

    @property
    def steps(self) -> int:
        """How many steps a network takes."""
        return len(self.frames)

    @property
    def frame_times(self) -> FrameTimes:
        """When each frame is shown.

        Raises:
            ValueError: the times do not rise.
        """
        return FrameTimes(self.ticks / float(self.ticks_per_s), self.until_s)

    @property
    def longest_group_s(self) -> float:
        """Seconds between the two key frames farthest apart; the end counts as one."""
        starts = np.searchsorted(self.pts, self.keys, side="right") - 1
        starts = np.maximum(starts, 0)
        starts_s = self.ticks[starts] / float(self.ticks_per_s)
        return float(np.diff(starts_s, append=self.until_s).max())

    def stretch(self, first: int, end: int) -> Stretch:
        """Give what it takes to decode the steps from one to before another.

        Raises:
            ValueError: the file has no such steps.
        """
        if not 0 <= first < end <= self.steps:
            raise ValueError(f"there are no steps {first} to {end} of {self.steps}")
        frames = self.frames[first:end]
        low, high = int(frames[0]), int(frames[-1]) + 1
        before = np.searchsorted(self.keys, self.pts[low], side="right") - 1
        key = int(self.keys[before])
        return Stretch(
            key=key,
            is_hidden=bool(key < self.pts[0]),
            first=low,
            pts=self.pts[low:high],
            ticks=self.ticks[low:high],
            ticks_per_s=self.ticks_per_s,
            frames=frames,
        )

    def to_bytes(self) -> bytes:
        """Return the index as a compressed `.npz` without pickles, exact to the bit."""
        # Of even times the second differences are nearly all 0.
        bends = {
            name: np.diff(getattr(self, name), n=2, prepend=[0, 0])
            for name in ("pts", "ticks", "frames")
        }
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            **bends,
            keys=self.keys,
            ticks_per_s=np.int64(self.ticks_per_s),
            until_s=np.float64(self.until_s),
        )
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote.

        Raises:
            ValueError: the bytes are no index, or a damaged one.
        """
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                pts, ticks, frames = (
                    np.cumsum(np.cumsum(arrays[name]))
                    for name in ("pts", "ticks", "frames")
                )
                return cls(
                    *(pts, ticks, int(arrays["ticks_per_s"]), arrays["keys"], frames),
                    float(arrays["until_s"]),
                )
        except UNREADABLE as exc:
            raise ValueError(f"not the index of a video's steps: {exc}") from exc

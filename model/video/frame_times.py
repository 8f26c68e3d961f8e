"""The time of every frame of a video, as a player shows it: numpy alone, no decoder.

Where they come from: `model.video.counting` and the decoding that spotting runs.
"""

import io
import struct
import tokenize
import zipfile
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt

TOLD_S = 0.0005
"""Times are told in milliseconds: so much earlier a frame counts as shown already."""

CONSTANT_S = 0.001
"""A rate is constant if no frame is farther from its place than this: Matroska keeps
milliseconds."""

MAX_FRAMES = 10_000_000
"""More than the limits of a video allow; what claims more is damaged."""

_RATES = tuple(
    rate
    for whole in (*range(1, 121), 144, 150, 180, 200, 240)
    for rate in (float(whole), whole * 1000 / 1001)
)
_SNAP = 0.002

UNREADABLE = (
    *(KeyError, ValueError, TypeError, IndexError, OSError, EOFError, RuntimeError),
    *(MemoryError, SyntaxError, struct.error, tokenize.TokenError),
    *(zipfile.BadZipFile, zlib.error),
)
"""What damaged bytes of arrays raise in zipfile, NumPy and our own checks."""


@dataclass(frozen=True, eq=False)
class FrameTimes:
    """When each frame of a video is shown. With N frames:

    Attributes:
        times_s: (N,) float64, each later than the one before; frame k, counted in the
            source from 0 as events do, is shown from `times_s[k]` on, in seconds from
            the file's start.
        until_s: when the last frame ends, as far as that can be known.

    Raises:
        ValueError: there is no frame, or times are not finite or do not rise.
    """

    times_s: npt.NDArray[np.float64]
    until_s: float

    def __post_init__(self) -> None:
        times_s = self.times_s
        if times_s.ndim != 1 or times_s.dtype != np.float64:
            raise ValueError(f"times must be (N,) float64, got {times_s.shape}")
        if not 1 <= len(times_s) <= MAX_FRAMES:
            raise ValueError(f"{len(times_s)} frames are none, or too many")
        if not np.isfinite(times_s).all() or not (np.diff(times_s) > 0).all():
            raise ValueError("the times of frames must be finite and rise")
        if not times_s[-1] <= self.until_s < float("inf"):
            raise ValueError(f"the last frame cannot end at {self.until_s} s")

    @classmethod
    def constant(cls, *, fps: float, frames: int, start_s: float = 0.0) -> Self:
        """Make the times of a constant rate."""
        times_s = start_s + np.arange(frames, dtype=np.float64) / fps
        return cls(times_s, start_s + frames / fps)

    def __len__(self) -> int:
        return len(self.times_s)

    @cached_property
    def fps(self) -> float:
        """Frames a second on average; of one frame, by how long it is shown; else 0."""
        if len(self) == 1:
            shown_s = self.until_s - float(self.times_s[0])
            return 1 / shown_s if shown_s > 0 else 0.0
        measured = (len(self) - 1) / float(self.times_s[-1] - self.times_s[0])
        nearest = min(_RATES, key=lambda rate: abs(rate - measured))
        if abs(nearest - measured) <= _SNAP * measured and self._keeps(nearest):
            return nearest
        return measured

    @cached_property
    def is_constant(self) -> bool:
        """Whether frame k is at `times_s[0] + k / fps`, within a millisecond."""
        return self.fps > 0 and self._keeps(self.fps)

    def time_of(self, frame: int) -> float:
        """Return when a frame begins to be shown.

        Raises:
            IndexError: there is no such frame.
        """
        return float(self.times_s[self._checked(frame)])

    def end_of(self, frame: int) -> float:
        """Return when a frame gives way to the next; of the last one, `until_s`.

        Raises:
            IndexError: there is no such frame.
        """
        after = self._checked(frame) + 1
        return float(self.times_s[after]) if after < len(self) else self.until_s

    def middle_of(self, frame: int) -> float:
        """Return the time to seek to, so that a player shows this frame and no other.

        Raises:
            IndexError: there is no such frame.
        """
        return (self.time_of(frame) + self.end_of(frame)) / 2

    def frame_at(self, time_s: float) -> int:
        """Return the frame that is shown at a time; before the first one, the first.

        A time that was rounded to milliseconds finds the frame whose time it was. At
        and after the end it is the last frame.
        """
        after = np.searchsorted(self.times_s, time_s + 1.001 * TOLD_S, side="right")
        return min(max(int(after) - 1, 0), len(self) - 1)

    def to_bytes(self) -> bytes:
        """Return the times as a compressed `.npz` without pickles, exact to the bit."""
        # Of even times the second differences of their bits are nearly all 0.
        bits = self.times_s.view(np.int64)
        bends = np.diff(np.diff(bits), prepend=np.int64(0))
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            first=bits[:1],
            planes=bends.view(np.uint8).reshape(-1, 8).T,  # byte by byte of all
            until_s=np.float64(self.until_s),
        )
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote.

        Raises:
            ValueError: the bytes are not times of frames, or damaged ones.
        """
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                planes = arrays["planes"].astype(np.uint8, copy=False)
                bends = np.ascontiguousarray(planes.T).reshape(-1).view(np.int64)
                first = arrays["first"].astype(np.int64, copy=False)
                until_s = float(arrays["until_s"])
            bits = np.concatenate([first, first + np.cumsum(np.cumsum(bends))])
            return cls(bits.view(np.float64), until_s)
        except UNREADABLE as exc:
            raise ValueError(f"not the times of frames: {exc}") from exc

    def _keeps(self, fps: float) -> bool:
        places_s = np.arange(len(self)) / fps
        off_s = (self.times_s - self.times_s[0]) - places_s
        return float(np.abs(off_s).max()) <= CONSTANT_S

    def _checked(self, frame: int) -> int:
        if not 0 <= frame < len(self):
            raise IndexError(f"there is no frame {frame}: the video has {len(self)}")
        return frame

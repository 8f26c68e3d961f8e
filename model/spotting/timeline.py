"""The scores of every step of a video, with their times. NumPy only."""

import io
import struct
import tokenize
import zipfile
import zlib
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating]
IntArray = npt.NDArray[np.int64]

# What damaged bytes raise in zipfile, NumPy and in a timeline's own checks.
_UNREADABLE = (
    *(KeyError, ValueError, TypeError, IndexError, OSError, EOFError, RuntimeError),
    *(MemoryError, SyntaxError, struct.error, tokenize.TokenError),
    *(zipfile.BadZipFile, zlib.error),
)


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """What the network believes about every step of one video.

    With T steps and C labels; steps are in time order, and a source slower than
    the network's clock repeats frames, so times never fall but may stand still.

    Attributes:
        labels: the C labels; column `i + 1` of `scores` belongs to `labels[i]`.
        scores: (T, C + 1) float32 in [0, 1], column 0 is the background.
        time_s: (T,) float64, PTS minus the file's start time, what a player shows.
        frame: (T,) int64, index of the frame in the source, 0-based.
        pts: (T,) int64, in units of the stream's time base.
    """

    labels: tuple[str, ...]
    scores: npt.NDArray[np.float32]
    time_s: npt.NDArray[np.float64]
    frame: IntArray
    pts: IntArray

    def __post_init__(self) -> None:
        steps = len(self.scores)
        if self.scores.shape != (steps, len(self.labels) + 1):
            raise ValueError(
                f"scores must be (T, {len(self.labels)} labels + 1),"
                f" got {self.scores.shape}"
            )
        for name in ("time_s", "frame", "pts"):
            shape = getattr(self, name).shape
            if shape != (steps,):
                raise ValueError(f"{name} must be ({steps},), got {shape}")
        if steps and np.any(np.diff(self.time_s) < 0):
            raise ValueError("the steps of a timeline must be in time order")

    def __len__(self) -> int:
        return len(self.scores)

    def of(self, label: str) -> npt.NDArray[np.float32]:
        """Return the curve of one label, (T,).

        Raises:
            ValueError: the timeline has no such label.
        """
        return self.scores[:, self.labels.index(label) + 1]

    def at_temperature(self, temperature: float) -> npt.NDArray[np.float32]:
        """Return the scores as if logits had been divided by `temperature`.

        Shape (T, C + 1). Averaged scores have no logits of their own; their
        logarithm takes that place, which is the same for a single window.
        """
        if temperature == 1:
            return self.scores
        powers = np.power(self.scores.astype(np.float64), 1 / temperature)
        total = np.maximum(powers.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
        return np.asarray(powers / total, dtype=np.float32)

    def to_bytes(self) -> bytes:
        """Return the timeline as a compressed `.npz` without pickles."""
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            labels=np.array(self.labels, dtype=np.str_),
            scores=self.scores,
            time_s=self.time_s,
            frame=self.frame,
            pts=self.pts,
        )
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote.

        Raises:
            ValueError: the bytes are not a timeline, or a damaged one.
        """
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                return cls(
                    labels=tuple(str(label) for label in arrays["labels"]),
                    scores=arrays["scores"].astype(np.float32, copy=False),
                    time_s=arrays["time_s"].astype(np.float64, copy=False),
                    frame=arrays["frame"].astype(np.int64, copy=False),
                    pts=arrays["pts"].astype(np.int64, copy=False),
                )
        except _UNREADABLE as exc:
            raise ValueError(f"not a timeline: {exc}") from exc

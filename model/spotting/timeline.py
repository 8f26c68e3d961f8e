"""The scores of every step of a video, with their times. NumPy only."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from model.network.config import ModelConfig
from model.video.frame_times import UNREADABLE

FloatArray = npt.NDArray[np.floating]
IntArray = npt.NDArray[np.int64]


# Arrays of further outputs in a stored timeline are called so and then by name.
_OUTPUT = "output_"


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
        outputs: what else the network said, by name, float32, T rows each:
            `displacement` (T, 1), from a step to the event it tells of, in steps;
            `team` (T, 2), belief in each side.
        is_multilabel: scores are of labels that do not exclude each other (sigmoid);
            the background is then what the highest of them leaves.
    """

    labels: tuple[str, ...]
    scores: npt.NDArray[np.float32]
    time_s: npt.NDArray[np.float64]
    frame: IntArray
    pts: IntArray
    outputs: Mapping[str, npt.NDArray[np.float32]] = field(default_factory=dict)
    is_multilabel: bool = False

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
        for name, values in self.outputs.items():
            if len(values) != steps:
                raise ValueError(f"output {name} must have {steps} rows")
        if steps and np.any(np.diff(self.time_s) < 0):
            raise ValueError("the steps of a timeline must be in time order")

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, rows: slice) -> Self:
        """Return a stretch of steps."""
        return replace(
            self,
            scores=self.scores[rows],
            time_s=self.time_s[rows],
            frame=self.frame[rows],
            pts=self.pts[rows],
            outputs={name: values[rows] for name, values in self.outputs.items()},
        )

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
        scores = self.scores.astype(np.float64).clip(0, 1)
        powers = np.power(scores, 1 / temperature)
        if self.is_multilabel:
            total = powers + np.power(1 - scores, 1 / temperature)
            flat = powers / np.maximum(total, np.finfo(np.float64).tiny)
            flat[:, 0] = 1 - flat[:, 1:].max(axis=1, initial=0.0)
            return np.asarray(flat, dtype=np.float32)
        total = np.zeros((len(powers), 1))
        for column in range(powers.shape[1]):  # In this order, however many rows.
            total[:, 0] += powers[:, column]
        total = np.maximum(total, np.finfo(np.float64).tiny)
        return np.asarray(powers / total, dtype=np.float32)

    def to_bytes(self) -> bytes:
        """Return the timeline as a compressed `.npz` without pickles."""
        buffer = io.BytesIO()
        arrays: dict[str, Any] = {
            "labels": np.array(self.labels, dtype=np.str_),
            "scores": self.scores,
            "time_s": self.time_s,
            "frame": self.frame,
            "pts": self.pts,
            "is_multilabel": np.array(self.is_multilabel),
        }
        arrays |= {_OUTPUT + name: values for name, values in self.outputs.items()}
        np.savez_compressed(buffer, **arrays)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote; earlier timelines have scores alone.

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
                    outputs={
                        name.removeprefix(_OUTPUT): arrays[name].astype(
                            np.float32, copy=False
                        )
                        for name in arrays.files
                        if name.startswith(_OUTPUT)
                    },
                    is_multilabel=bool(arrays.get("is_multilabel", False)),
                )
        except UNREADABLE as exc:
            raise ValueError(f"not a timeline: {exc}") from exc


def join_timelines(parts: Sequence[Timeline]) -> Timeline:
    """Put parts of one timeline behind each other; one at least."""
    first = parts[0]
    return replace(
        first,
        scores=np.concatenate([part.scores for part in parts]),
        time_s=np.concatenate([part.time_s for part in parts]),
        frame=np.concatenate([part.frame for part in parts]),
        pts=np.concatenate([part.pts for part in parts]),
        outputs={
            name: np.concatenate([part.outputs[name] for part in parts])
            for name in first.outputs
        },
    )


def has_multilabel_scores(config: ModelConfig) -> bool:
    """Say whether a network's labels do not exclude each other."""
    activation: object = config.outputs.get("scores", {}).get("activation")
    return activation == "sigmoid"

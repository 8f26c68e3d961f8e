"""How a timeline is turned into spots: thresholds, windows, NMS, temperature.

These belong to the weights: they are chosen on validation data and travel in the
checkpoint, never in settings.
"""

import logging
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self, get_args

from model.errors import BadCheckpoint

NmsKind = Literal["greedy", "soft"]

log = logging.getLogger(__name__)

# What a label of an older checkpoint may have beside its options.
_GAPS = {"gap_before_s", "gap_after_s"}


@dataclass(frozen=True, slots=True)
class LabelOptions:
    """What makes a spot of one label.

    Attributes:
        threshold: lowest score of a spot, in [0, 1].
        window_s: how far a spot rules to each side, in seconds, >= 0.
        nms: `greedy` silences the neighbours of a spot, `soft` lowers their scores.
    """

    threshold: float = 0.5
    window_s: float = 1.0
    nms: NmsKind = "greedy"

    def __post_init__(self) -> None:
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold must be in [0, 1], got {self.threshold}")
        if not (self.window_s >= 0 and math.isfinite(self.window_s)):
            raise ValueError(f"window_s must be >= 0, got {self.window_s}")
        if self.nms not in get_args(NmsKind):
            raise ValueError(f"nms must be one of {get_args(NmsKind)}, got {self.nms}")


@dataclass(frozen=True, slots=True)
class SpottingOptions:
    """The choices that turn the timeline of one checkpoint into its spots.

    Attributes:
        labels: threshold, window and NMS of every label.
        temperature: logits are divided by it before thresholds are applied; > 1
            flattens overconfident scores. The stored timeline is not changed.
        overlap: share of a head window that its follower sees again, in [0, 1).
    """

    labels: Mapping[str, LabelOptions]
    temperature: float = 1.0
    overlap: float = 0.875

    def __post_init__(self) -> None:
        if not (self.temperature > 0 and math.isfinite(self.temperature)):
            raise ValueError(f"temperature must be > 0, got {self.temperature}")
        if not 0 <= self.overlap < 1:
            raise ValueError(f"overlap must be in [0, 1), got {self.overlap}")

    @classmethod
    def default(cls, labels: Iterable[str]) -> Self:
        """Give every label the same middling options, until data says better."""
        return cls(labels={label: LabelOptions() for label in labels})

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object kept in a checkpoint's manifest."""
        return {
            "labels": {
                label: asdict(options) for label, options in self.labels.items()
            },
            "temperature": self.temperature,
            "overlap": self.overlap,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote.

        Older checkpoints have one `nms` for all labels. Some keep a label away from
        others (`gap_before_s`, `gap_after_s`): that is no longer done, which a warning
        in the log says.

        Raises:
            BadCheckpoint: a key is unknown or missing, or a value out of bounds.
        """
        try:
            fields = dict(data)
            common = LabelOptions(nms=fields.pop("nms", "greedy")).nms
            raw = fields.pop("labels")
            _warn_of_gaps(raw)
            labels = {
                str(label): LabelOptions(**{"nms": common} | _values(options))
                for label, options in raw.items()
            }
            return cls(labels=labels, **fields)
        except (AttributeError, KeyError, TypeError, ValueError) as exc:
            raise BadCheckpoint(f"the spotting options are not valid: {exc}") from exc


def _values(options: Mapping[str, Any]) -> dict[str, Any]:
    """Read a label's values; a threshold is needed, there is no good guess of it."""
    keys = ["threshold", *(key for key in options if key != "threshold")]
    return {
        name: options[name] if name == "nms" else float(options[name])
        for name in keys
        if name not in _GAPS
    }


def _warn_of_gaps(raw: Mapping[str, Mapping[str, Any]]) -> None:
    apart = [label for label, options in raw.items() if _GAPS & set(options)]
    if apart:
        log.warning(
            "The checkpoint keeps %s away from other labels; this is no longer done. "
            "Choose its thresholds anew with `touchline calibrate`.",
            " and ".join(apart),
        )

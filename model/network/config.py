"""What a network is made of: backbone, head, clip length and classes.

Plain data without torch, so that a manifest can be read anywhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from model.errors import BadCheckpoint, UnsupportedCheckpoint

BACKBONES = ("rny002", "rny008", "rn18", "rn50", "convnextt")
SHIFTS = ("", "gsm", "tsm")
HEADS = ("", "gru", "deeper_gru", "transformer", "multiscale", "causal_gru")
HEAD_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "": (),
    "gru": (),
    "deeper_gru": (),
    "transformer": ("layers", "heads", "width", "reach", "dropout"),
    "multiscale": ("spans", "width", "dropout"),
    "causal_gru": ("look_ahead", "layers", "dropout"),
}

_REFUSED_HEADS = ("mstcn", "asformer")
_FIELDS = ("feature_arch", "temporal_arch", "clip_len", "num_classes", "options")


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """All that is needed to build a network, before any weight is known.

    Attributes:
        feature_arch: a backbone, plain or with `_gsm` or `_tsm`: "rny002_gsm".
        temporal_arch: the head's name; the empty string is one linear layer.
        clip_len: steps the network is given at most, >= 1.
        num_classes: labels without the background; logits have one more.
        options: what the head lets one choose (see `HEAD_OPTIONS`), JSON-able.

    Raises:
        UnsupportedCheckpoint: an architecture or option that we do not build.
        BadCheckpoint: a value of the wrong kind or out of range.
    """

    feature_arch: str
    temporal_arch: str
    clip_len: int
    num_classes: int
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what cannot be built, saying what can."""
        split_arch(self.feature_arch)
        _check_head(self.temporal_arch, self.options)
        for name in ("clip_len", "num_classes"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise BadCheckpoint(
                    f"{name} must be a whole number from 1 up, got {value!r}"
                )
        object.__setattr__(self, "options", dict(self.options))

    @property
    def backbone(self) -> str:
        """Name of the backbone alone: "rny002"."""
        return split_arch(self.feature_arch)[0]

    @property
    def shift(self) -> str:
        """How steps see each other inside the backbone: "gsm", "tsm" or ""."""
        return split_arch(self.feature_arch)[1]

    def to_dict(self) -> dict[str, Any]:
        """Give the JSON object that `from_dict` reads."""
        return {
            "feature_arch": self.feature_arch,
            "temporal_arch": self.temporal_arch,
            "clip_len": self.clip_len,
            "num_classes": self.num_classes,
            "options": dict(self.options),
        }

    @classmethod
    def from_dict(cls, raw: object) -> "ModelConfig":
        """Read a config, strictly.

        Raises:
            BadCheckpoint: not an object, or a key is missing or unknown.
            UnsupportedCheckpoint: see the class.
        """
        if not isinstance(raw, Mapping):
            raise BadCheckpoint(f"config must be a JSON object, got {raw!r:.80}")
        missing = [key for key in _FIELDS[:4] if key not in raw]
        unknown = sorted(set(raw) - set(_FIELDS))
        if missing or unknown:
            raise BadCheckpoint(
                f"config: missing keys {missing}, unknown keys {unknown}"
            )
        options = raw.get("options", {})
        if not isinstance(options, Mapping):
            raise BadCheckpoint(f"config.options must be an object, got {options!r}")
        return cls(**{**raw, "options": dict(options)})


def split_arch(feature_arch: str) -> tuple[str, str]:
    """Split "rny002_gsm" into backbone and shift ("rny002", "gsm").

    Raises:
        UnsupportedCheckpoint: one of the two is not ours to build.
    """
    backbone, _, shift = str(feature_arch).partition("_")
    known = backbone in BACKBONES and shift in SHIFTS
    if not known or str(feature_arch).endswith("_"):
        raise UnsupportedCheckpoint(
            f"feature_arch {feature_arch!r} is not supported; known are "
            f"{', '.join(BACKBONES)}, each plain or with _gsm or _tsm"
        )
    return backbone, shift


def _check_head(temporal_arch: str, options: Mapping[str, Any]) -> None:
    if temporal_arch in _REFUSED_HEADS:
        raise UnsupportedCheckpoint(
            f"temporal_arch {temporal_arch!r} is not supported: of E2E-Spot's heads "
            "gru, deeper_gru and the linear one ('') are; train with one of them"
        )
    if temporal_arch not in HEADS:
        raise UnsupportedCheckpoint(
            f"temporal_arch {temporal_arch!r} is not supported; known are "
            + ", ".join(repr(head) for head in HEADS)
        )
    unknown = sorted(set(options) - set(HEAD_OPTIONS[temporal_arch]))
    if unknown:
        raise UnsupportedCheckpoint(
            f"options {unknown} mean nothing to the head {temporal_arch!r}; it knows "
            f"{list(HEAD_OPTIONS[temporal_arch])}"
        )

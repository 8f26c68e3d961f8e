"""What a network is made of: backbone, head, clip length and classes.

Plain data without torch, so that a manifest can be read anywhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from model.errors import BadCheckpoint, UnsupportedCheckpoint
from model.network.outputs import (
    Output,
    OutputOptions,
    read_outputs,
    write_outputs,
)

BACKBONES = ("rny002", "rny008", "rn18", "rn50", "convnextt")
SHIFTS = ("", "gsm", "tsm")

# What each head lets one choose, and what it takes otherwise.
HEAD_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "": {},
    "gru": {},
    "deeper_gru": {},
    "transformer": {"layers": 2, "heads": 4, "width": 256, "reach": 64, "dropout": 0.1},
    "multiscale": {"spans": [8, 16, 32], "width": 256, "dropout": 0.1},
    "causal_gru": {"look_ahead": 8, "layers": 1, "dropout": 0.5},
}

_REFUSED_HEADS = ("mstcn", "asformer")
_FIELDS = (
    "feature_arch",
    "temporal_arch",
    "clip_len",
    "num_classes",
    "options",
    "outputs",
)


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """All that is needed to build a network, before any weight is known.

    Attributes:
        feature_arch: a backbone, plain or with `_gsm` or `_tsm`: "rny002_gsm".
        temporal_arch: the head's name; the empty string is one linear layer.
        clip_len: steps the network is given at most, >= 1.
        num_classes: labels without the background; logits have one more.
        options: what the head lets one choose (see `HEAD_OPTIONS`), JSON-able.
        outputs: options by the name of the output (see `model.network.outputs`),
            JSON-able; scores with softmax alone if empty.

    Raises:
        UnsupportedCheckpoint: an architecture or option that we do not build.
        BadCheckpoint: a value of the wrong kind or out of range.
    """

    feature_arch: str
    temporal_arch: str
    clip_len: int
    num_classes: int
    options: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what cannot be built, saying what can."""
        split_arch(self.feature_arch)
        _check_head(self.temporal_arch, self.options)
        for name in ("clip_len", "num_classes"):
            value = getattr(self, name)
            if not _is_whole(value, 1):
                raise BadCheckpoint(
                    f"{name} must be a whole number from 1 up, got {value!r}"
                )
        object.__setattr__(self, "options", dict(self.options))
        # All options named: equal networks have equal configs.
        outputs = write_outputs(read_outputs(self.outputs))
        object.__setattr__(self, "outputs", outputs)

    @property
    def backbone(self) -> str:
        """Name of the backbone alone: "rny002"."""
        return split_arch(self.feature_arch)[0]

    @property
    def shift(self) -> str:
        """How steps see each other inside the backbone: "gsm", "tsm" or ""."""
        return split_arch(self.feature_arch)[1]

    @property
    def head_options(self) -> dict[str, Any]:
        """What the head is built with: its defaults and what was chosen."""
        return {**HEAD_OPTIONS[self.temporal_arch], **self.options}

    @property
    def output_options(self) -> dict[str, OutputOptions]:
        """Options of every output that the network has, by name, `scores` first."""
        return read_outputs(self.outputs)

    @property
    def declared_outputs(self) -> tuple[Output, ...]:
        """Every output that the network has, `scores` first."""
        return tuple(
            options.declare(self.num_classes)
            for options in self.output_options.values()
        )

    def to_dict(self) -> dict[str, Any]:
        """Give the JSON object that `from_dict` reads."""
        # Without further outputs, earlier releases read it, too.
        outputs = {"outputs": dict(self.outputs)} if self.outputs else {}
        return {
            "feature_arch": self.feature_arch,
            "temporal_arch": self.temporal_arch,
            "clip_len": self.clip_len,
            "num_classes": self.num_classes,
            "options": dict(self.options),
            **outputs,
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
        outputs = raw.get("outputs", {})
        if not isinstance(outputs, Mapping):
            raise BadCheckpoint(f"config.outputs must be an object, got {outputs!r}")
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
    if not isinstance(temporal_arch, str) or temporal_arch not in HEAD_OPTIONS:
        raise UnsupportedCheckpoint(
            f"temporal_arch {temporal_arch!r} is not supported; known are "
            + ", ".join(repr(head) for head in HEAD_OPTIONS)
        )
    known = HEAD_OPTIONS[temporal_arch]
    for name, value in options.items():
        if name not in known:
            raise UnsupportedCheckpoint(
                f"option {name!r} means nothing to the head {temporal_arch!r}; it "
                f"knows {', '.join(known) or 'none'}"
            )
        if not _is_valid(name, value):
            raise BadCheckpoint(
                f"option {name} of the head {temporal_arch!r} cannot be {value!r}; "
                f"the default is {known[name]!r}"
            )
    chosen = {**known, **options}
    if chosen.get("width", 0) % chosen.get("heads", 1):
        raise BadCheckpoint(
            f"width {chosen['width']} cannot be shared by {chosen['heads']} heads; "
            "take a multiple"
        )


def _is_valid(name: str, value: object) -> bool:
    match name:
        case "dropout":
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            return is_number and 0 <= float(value) < 1  # type: ignore[arg-type]
        case "spans":
            return (
                isinstance(value, list)
                and len(value) > 0
                and all(_is_whole(span, 2) and span % 2 == 0 for span in value)
            )
    return _is_whole(value, 0 if name == "look_ahead" else 1)


def _is_whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least

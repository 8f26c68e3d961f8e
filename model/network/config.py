"""What a network is made of: backbone, head, clip length, classes and outputs.

Plain data without torch, so that a manifest can be read anywhere.
"""

import re
from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Any, Self

from pydantic import (
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic.dataclasses import dataclass

from model.errors import BadCheckpoint, UnsupportedCheckpoint
from model.network.outputs import (
    Output,
    OutputOptions,
    read_outputs,
    write_outputs,
)
from model.network.problems import problems_of
from model.network.registries import BACKBONES, HEADS, read_head_options

SHIFTS = ("gsm", "tsm")

# Steps that one shift looks ahead: the gate shift's gate sees one, the shift another.
SITE_LOOK_AHEAD = {"gsm": 2, "tsm": 1}

# Heads that carry one state through a stream (see `model.network.causal`).
STREAMED_HEADS = ("causal_gru",)
TIMM = "timm:"

_REFUSED_HEADS = ("mstcn", "asformer")
_TIMM_NAME = re.compile(r"timm:[a-z0-9][a-z0-9_.]*")

_Positive = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, slots=True, config=ConfigDict(strict=True, extra="forbid"))
class ModelConfig:
    """All that is needed to build a network, before any weight is known.

    Attributes:
        feature_arch: a backbone, plain or with `_gsm` or `_tsm`: "rny002_gsm"; or
            any network of timm's: "timm:resnet18_gsm".
        temporal_arch: the head's name; the empty string is one linear layer.
        clip_len: steps the network is given at most, >= 1.
        num_classes: labels without the background; logits have one more.
        options: what the head lets one choose (see `model.network.registries`),
            JSON-able.
        outputs: options by the name of the output (see `model.network.outputs`),
            JSON-able; scores with softmax alone if empty.
        look_ahead_sites: how many of the backbone's shifts, counted from the last,
            see later steps, too; the others are causal. None is all of them, as in
            E2E-Spot; 0 makes the backbone causal.

    Raises:
        UnsupportedCheckpoint: an architecture or option that we do not build.
        BadCheckpoint: a value of the wrong kind or out of range; it is named.
    """

    feature_arch: str
    temporal_arch: str
    clip_len: _Positive
    num_classes: _Positive
    options: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    look_ahead_sites: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="wrap")
    @classmethod
    def _name_problems(
        cls, values: Any, handler: ModelWrapValidatorHandler[Self]
    ) -> Self:
        try:
            return handler(values)
        except ValidationError as exc:
            raise BadCheckpoint(problems_of(exc, "config")) from exc

    def __post_init__(self) -> None:
        """Refuse what cannot be built, saying what can."""
        _, shift = split_arch(self.feature_arch)
        if self.look_ahead_sites and not shift:
            raise UnsupportedCheckpoint(
                f"look_ahead_sites is {self.look_ahead_sites}, but {self.feature_arch} "
                "has no shift: leave it out, or add _gsm or _tsm"
            )
        _check_head(self.temporal_arch)
        read_head_options(self.temporal_arch, self.options)
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
    def head_options(self) -> Any:
        """What the head is built with, as the head's own dataclass."""
        return read_head_options(self.temporal_arch, self.options)

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

    @property
    def trunk_look_ahead(self) -> int | None:
        """Steps after its own that a step's feature depends on.

        None where every shift looks ahead: then it depends on how many there are.
        """
        if not self.shift:
            return 0
        if self.look_ahead_sites is None:
            return None
        return self.look_ahead_sites * SITE_LOOK_AHEAD[self.shift]

    @property
    def look_ahead(self) -> int | None:
        """Steps after its own that a step's outputs depend on, backbone and head.

        None where the network cannot run as a stream: some head other than
        `causal_gru`, or a backbone that looks ahead at every shift.
        """
        trunk = self.trunk_look_ahead
        if trunk is None or self.temporal_arch not in STREAMED_HEADS:
            return None
        return trunk + int(self.head_options.look_ahead)

    def to_dict(self) -> dict[str, Any]:
        """Give the JSON object that `from_dict` reads."""
        # What is not there, earlier releases need not know.
        outputs: dict[str, Any] = (
            {"outputs": dict(self.outputs)} if self.outputs else {}
        )
        if self.look_ahead_sites is not None:
            outputs["look_ahead_sites"] = self.look_ahead_sites
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
            BadCheckpoint: not an object, or a key is missing, unknown or wrong.
            UnsupportedCheckpoint: see the class.
        """
        if not isinstance(raw, Mapping):
            raise BadCheckpoint(f"config must be a JSON object, got {raw!r:.80}")
        return cls(**{str(key): value for key, value in raw.items()})


def split_arch(feature_arch: str) -> tuple[str, str]:
    """Split "rny002_gsm" into backbone and shift ("rny002", "gsm").

    Raises:
        UnsupportedCheckpoint: one of the two is not ours to build.
    """
    backbone, _, shift = feature_arch.rpartition("_")
    if shift not in SHIFTS:
        backbone, shift = feature_arch, ""
    if backbone not in BACKBONES and not _TIMM_NAME.fullmatch(backbone):
        raise UnsupportedCheckpoint(
            f"feature_arch {feature_arch!r} is not supported; known are "
            f"{', '.join(BACKBONES)} and timm:NAME for a network of timm's, each "
            "plain or with _gsm or _tsm"
        )
    return backbone, shift


def _check_head(temporal_arch: str) -> None:
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

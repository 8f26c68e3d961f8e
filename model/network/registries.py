"""Which heads and backbones there are, and what each head lets one choose.

Plain data without torch, so that a manifest can be read anywhere. Adding one is a
module with the network's part and one call of `register_head` or
`register_backbone`; those of Touchline stand at the end of this file.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any

from pydantic import ConfigDict, Field, ValidationError, model_validator
from pydantic.dataclasses import dataclass as checked_dataclass

from model.errors import BadCheckpoint, UnsupportedCheckpoint
from model.network.problems import problems_of

STRICT = ConfigDict(strict=True)

# Either the thing itself, or "package.module:name", which is imported to build it.
Build = str | Callable[..., Any]

Dropout = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, slots=True)
class HeadKind:
    """A kind of temporal head.

    Attributes:
        options: a frozen dataclass of pydantic, every field with a default.
        build: called with D, the number of logits and the options; gives a
            `model.network.temporal_head.TemporalHead`.
    """

    options: type[Any]
    build: Build


HEADS: dict[str, HeadKind] = {}
BACKBONES: dict[str, Build] = {}


def register_head(name: str, options: type[Any], build: Build) -> None:
    """Add a head under the name that configs have as `temporal_arch`."""
    HEADS[name] = HeadKind(options, build)


def register_backbone(name: str, build: Build) -> None:
    """Add a backbone under the name that configs have as `feature_arch`.

    Args:
        name: without underscore; `_gsm` and `_tsm` are added to it by the config.
        build: called with `is_pretrained`; gives a `model.network.backbone.Backbone`.
    """
    BACKBONES[name] = build


def load_build(build: Build) -> Callable[..., Any]:
    """Give what builds; imports it where only its place is registered."""
    if not isinstance(build, str):
        return build
    module, _, name = build.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found


def read_head_options(name: str, raw: Mapping[str, Any]) -> Any:
    """Read the options of a head, as its own dataclass.

    Raises:
        UnsupportedCheckpoint: an option that the head does not have.
        BadCheckpoint: a value of the wrong kind or out of range; it is named.
    """
    kind = HEADS[name].options
    known = tuple(kind.__dataclass_fields__)
    for key in raw:
        if key not in known:
            raise UnsupportedCheckpoint(
                f"option {key!r} means nothing to the head {name!r}; it knows "
                f"{', '.join(known) or 'none'}"
            )
    try:
        return kind(**raw)
    except ValidationError as exc:
        raise BadCheckpoint(problems_of(exc, f"options of the head {name!r}")) from exc


@checked_dataclass(frozen=True, slots=True, config=STRICT)
class NoOptions:
    """A head with nothing to choose."""


@checked_dataclass(frozen=True, slots=True, config=STRICT)
class TransformerOptions:
    """Options of `model.network.transformer.TransformerHead`.

    Attributes:
        layers: of the encoder.
        heads: of attention, a divisor of `width`.
        width: of a step's vector inside.
        reach: steps to each side that a layer sees.
        dropout: share of values that training drops.
    """

    layers: Count = 2
    heads: Count = 4
    width: Count = 256
    reach: Count = 64
    dropout: Dropout = 0.1

    @model_validator(mode="after")
    def _check_width(self) -> "TransformerOptions":
        if self.width % self.heads:
            raise ValueError(
                f"width {self.width} cannot be shared by {self.heads} heads; take a "
                "multiple"
            )
        return self


@checked_dataclass(frozen=True, slots=True, config=STRICT)
class MultiscaleOptions:
    """Options of `model.network.multiscale.MultiscaleHead`.

    Attributes:
        spans: steps that each branch sees, even.
        width: of a step's vector inside.
        dropout: share of values that training drops.
    """

    spans: Annotated[
        list[Annotated[int, Field(ge=2, multiple_of=2)]], Field(min_length=1)
    ] = Field(default_factory=lambda: [8, 16, 32])
    width: Count = 256
    dropout: Dropout = 0.1


@checked_dataclass(frozen=True, slots=True, config=STRICT)
class CausalOptions:
    """Options of `model.network.causal.CausalHead`.

    Attributes:
        look_ahead: steps after a step that its answer may depend on.
        layers: of the recurrent network.
        dropout: share of values that training drops.
    """

    look_ahead: Annotated[int, Field(ge=0)] = 8
    layers: Count = 1
    dropout: Dropout = 0.5


register_head("", NoOptions, "model.network.heads:LinearHead")
register_head("gru", NoOptions, "model.network.heads:GruHead")
register_head("deeper_gru", NoOptions, "model.network.heads:DeeperGruHead")
register_head(
    "transformer", TransformerOptions, "model.network.transformer:TransformerHead"
)
register_head(
    "multiscale", MultiscaleOptions, "model.network.multiscale:MultiscaleHead"
)
register_head("causal_gru", CausalOptions, "model.network.causal:CausalHead")

for _name in ("rny002", "rny008", "rn18", "rn50", "convnextt"):
    register_backbone(_name, f"model.network.backbone:{_name}")

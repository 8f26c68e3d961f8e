"""What a network gives for every step besides its scores, each under its name.

Plain data without torch. Adding an output is one class here and its line in
`OUTPUTS`; engines, exports and inference map over what a config declares.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from model.errors import BadCheckpoint, UnsupportedCheckpoint
from model.network.problems import problems_of

Activation = Literal["softmax", "sigmoid", "identity"]

SCORES = "scores"
STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class Output:
    """One output of a network.

    Attributes:
        name: key of the output in everything that a network returns.
        columns: values a step.
        activation: what is applied to the raw values.
        has_background: column 0 stands for "none of the others".
    """

    name: str
    columns: int
    activation: Activation
    has_background: bool = False


class OutputOptions(Protocol):
    """What can be chosen for one kind of output."""

    def declare(self, num_classes: int) -> Output:
        """Give the output of a network of so many labels."""
        ...


@checked_dataclass(frozen=True, slots=True, config=STRICT)
class Scores:
    """How likely each label has an event at the step; column 0 is the background.

    Attributes:
        activation: `softmax` makes labels exclude each other, with `sigmoid` two of
            them may share a step; the background is then 1 - the highest of them.
    """

    activation: Literal["softmax", "sigmoid"] = "softmax"

    def declare(self, num_classes: int) -> Output:
        """Give the output of a network of so many labels."""
        return Output(SCORES, num_classes + 1, self.activation, has_background=True)


@checked_dataclass(frozen=True, slots=True, config=STRICT)
class Displacement:
    """How many steps after this one the event lies: event = step + displacement.

    Attributes:
        radius: steps around an event at which its displacement is taught, >= 1.

    Source: T-DEED (Xarles et al., CVPRW 2024).
    """

    radius: int = Field(default=2, ge=1, strict=True)

    def declare(self, num_classes: int) -> Output:  # noqa: ARG002 # the same for all
        """Give the output: one column, in steps."""
        return Output("displacement", 1, "identity")


@checked_dataclass(frozen=True, slots=True, config=STRICT)
class Team:
    """Which of two teams an event belongs to.

    Attributes:
        sides: what labels call them, in the order of the columns.
    """

    sides: tuple[str, str] = ("left", "right")

    def declare(self, num_classes: int) -> Output:  # noqa: ARG002 # the same for all
        """Give the output: a share for each side, together 1."""
        return Output("team", len(self.sides), "softmax")


OUTPUTS: dict[str, type[OutputOptions]] = {
    SCORES: Scores,
    "displacement": Displacement,
    "team": Team,
}


def read_outputs(raw: Mapping[str, Any]) -> dict[str, OutputOptions]:
    """Read what a config says of outputs; `scores` is there always, and first.

    Raises:
        UnsupportedCheckpoint: an output that is not in `OUTPUTS`.
        BadCheckpoint: an option is unknown or out of range; the message names it.
    """
    unknown = sorted(set(raw) - set(OUTPUTS))
    if unknown:
        raise UnsupportedCheckpoint(
            f"config.outputs: unknown {', '.join(unknown)}; this version knows "
            f"{', '.join(OUTPUTS)}. Update Touchline, or leave the output out."
        )
    chosen = {SCORES: raw.get(SCORES, {}), **raw}
    return {name: _read(name, chosen[name]) for name in OUTPUTS if name in chosen}


def write_outputs(outputs: Mapping[str, OutputOptions]) -> dict[str, dict[str, Any]]:
    """Give the JSON object that `read_outputs` reads, all options named.

    Scores with softmax go without saying: a network that has nothing else gives {}.
    """
    written = {
        name: TypeAdapter(type(options)).dump_python(options, mode="json")
        for name, options in outputs.items()
    }
    if outputs.get(SCORES) == Scores():
        del written[SCORES]
    return written


def _read(name: str, options: object) -> OutputOptions:
    try:
        return TypeAdapter(OUTPUTS[name]).validate_python(options)
    except ValidationError as exc:
        raise BadCheckpoint(problems_of(exc, f"config.outputs.{name}")) from exc

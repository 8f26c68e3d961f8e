"""What is to be taught, as a caller says it. Without torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from model.errors import BadAnnotations

Start = Literal["base", "trunk", "imagenet", "noise"]
Device = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True, slots=True)
class TeachOptions:
    """What is to be taught, and for how long.

    Attributes:
        name: of the checkpoint that is made.
        base: a checkpoint to start from; None begins with a small network of our own
            choice.
        start: what of the base is kept: all (`base`), all but the head (`trunk`), or
            its architecture alone, with ImageNet's weights where they can be had
            (`imagenet`) or from noise (`noise`).
        types: what the network is to tell; None: the base's and the data's.
        mapping: a type of the base or a label of the data to the type that it becomes
            part of, or to None, which removes it.
        minutes: how long it may take in all, > 0.
        seed: decides clips, augmentation and dropout.
        device: what computes; `auto` takes a GPU where there is one.

    Raises:
        BadAnnotations: the options contradict each other; the message says how.
    """

    name: str
    base: Path | None
    start: Start = "base"
    types: tuple[str, ...] | None = None
    mapping: Mapping[str, str | None] = field(default_factory=dict)
    minutes: float = 45
    seed: int = 0
    device: Device = "auto"

    def __post_init__(self) -> None:
        if self.start not in get_args(Start):
            known = ", ".join(get_args(Start))
            raise BadAnnotations(f"start is {self.start!r}: must be one of {known}.")
        if self.base is None and self.start in ("base", "trunk"):
            raise BadAnnotations(
                f"start is {self.start}, and no base is named: name one, or start from "
                "imagenet or noise."
            )
        if not self.minutes > 0:
            raise BadAnnotations(f"minutes is {self.minutes}: must be above 0.")
        if self.types is not None and (
            not self.types or len(set(self.types)) < len(self.types)
        ):
            raise BadAnnotations("types must be named, each once; or none at all.")
        _refuse_chains(self.mapping)


def _refuse_chains(mapping: Mapping[str, str | None]) -> None:
    for source, target in mapping.items():
        if target is not None and target != source and target in mapping:
            raise BadAnnotations(
                f"{source} is mapped to {target}, which is itself mapped: name what "
                f"{source} is to become in the end."
            )

"""Sections of a config: frozen dataclasses, validated by pydantic. Without torch."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Annotated, Any, TypeVar, dataclass_transform, get_args

from pydantic import AfterValidator, ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass
from pydantic_core import ErrorDetails

T = TypeVar("T")

_UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")
_MISSING = ("missing", "missing_argument")


@dataclass_transform(frozen_default=True, field_specifiers=(Field,))
def section(cls: type[T]) -> type[T]:
    """Make a class a section: frozen, no unknown keys, no NaN or infinity."""
    config = ConfigDict(extra="forbid", allow_inf_nan=False)
    made: type[Any] = dataclass(frozen=True, slots=True, config=config)(cls)
    return made


def _rising(span: tuple[float, float]) -> tuple[float, float]:
    if span[0] > span[1]:
        raise ValueError("the first number must not be above the second")
    return span


Share = Annotated[float, Field(ge=0, le=1)]
Whole = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Factors = Annotated[tuple[Positive, Positive], AfterValidator(_rising)]


def describe_errors(error: ValidationError, kind: type) -> str:
    """Put all that is wrong with a config into words.

    Each fault names its key and what is allowed there.

    Args:
        error: of pydantic.
        kind: the section that was validated.
    """
    return "; ".join(_describe(one, kind) for one in error.errors(include_url=False))


def _describe(fault: ErrorDetails, kind: type) -> str:
    key = ".".join(map(str, fault["loc"]))
    if fault["type"] in _UNKNOWN:
        inner = _section_at(kind, fault["loc"][:-1])
        return f"{key} is unknown, allowed there: {', '.join(_keys(inner))}"
    if fault["type"] in _MISSING:
        return f"{key} is missing"
    text = fault["msg"].removeprefix("Value error, ")
    text = text.replace("Input should be", "must be")
    if not key or isinstance(fault["input"], Mapping):
        return f"{key}: {text}" if key else text
    return f"{key} {text}, got {fault['input']!r:.60}".replace(" must be", ": must be")


def _section_at(kind: type, path: tuple[str | int, ...]) -> type:
    """Follow keys into nested sections."""
    for key in path:
        if isinstance(key, str):
            types = {item.name: item.type for item in fields(kind)}
            kind = _section_in(types[key])
    return kind


def _section_in(annotation: Any) -> type:
    if isinstance(annotation, type) and is_dataclass(annotation):
        return annotation
    return next(filter(None, map(_section_in, get_args(annotation))))


def _keys(kind: type) -> list[str]:
    return [item.name for item in fields(kind)]

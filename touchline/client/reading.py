"""Answers become frozen objects: members are checked, those not known are left out.

So a newer service may add members, and one that lacks a member is told by its name.
"""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime
from functools import cache
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from touchline.client.errors import BadAnswer

T = TypeVar("T")


def read(kind: type[T], value: object, where: str = "the answer") -> T:
    """Make a record of what JSON holds.

    Args:
        kind: a frozen dataclass.
        where: what is read, for messages.

    Raises:
        BadAnswer: a member is missing or of another type.
    """
    if not isinstance(value, Mapping):
        raise BadAnswer(f"{where} is no JSON object, but {value!r:.80}")
    found: dict[str, Any] = {}
    members: Any = _members  # mypy takes a type[T] for not hashable
    for name, (hint, has_default) in members(kind).items():
        if name in value:
            found[name] = _convert(hint, value[name], f"{where}.{name}")
        elif not has_default:
            raise BadAnswer(f"{where} has no member {name!r}: is this Touchline?")
    return kind(**found)


@cache
def _members(kind: type) -> Mapping[str, tuple[Any, bool]]:
    if not is_dataclass(kind):
        raise TypeError(f"{kind} is no dataclass")
    hints = get_type_hints(kind)
    return {
        one.name: (
            hints[one.name],
            one.default is not MISSING or one.default_factory is not MISSING,
        )
        for one in fields(kind)
    }


def _convert(hint: Any, value: object, where: str) -> Any:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return _convert_union(args, value, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise _other(where, "a list", value)
        return tuple(
            _convert(args[0], one, f"{where}[{n}]") for n, one in enumerate(value)
        )
    if origin is Mapping:
        if not isinstance(value, Mapping):
            raise _other(where, "an object", value)
        return MappingProxyType(
            {str(k): _convert(args[1], one, f"{where}.{k}") for k, one in value.items()}
        )
    if hint is Any or hint is object:
        return value
    if origin is Literal or hint is str:  # A newer service may have more values.
        return _of_type(value, str, "text", where)
    if is_dataclass(hint) and isinstance(hint, type):
        return read(hint, value, where)
    return _convert_scalar(hint, value, where)


def _convert_union(args: tuple[Any, ...], value: object, where: str) -> Any:
    if value is None and NoneType in args:
        return None
    kinds = [one for one in args if one is not NoneType]
    if len(kinds) == 1:
        return _convert(kinds[0], value, where)
    if not any(type(value) is one for one in kinds):
        raise _other(where, "a text, a number, true or false", value)
    return value


def _convert_scalar(hint: Any, value: object, where: str) -> Any:
    if hint is bool:
        return _of_type(value, bool, "true or false", where)
    if hint is int and not isinstance(value, bool):
        return _of_type(value, int, "a whole number", where)
    if hint is float and not isinstance(value, bool):
        return float(_of_type(value, (int, float), "a number", where))
    if hint in (datetime, date):
        text = _of_type(value, str, "a time", where)
        try:
            return hint.fromisoformat(text)
        except ValueError:
            raise _other(where, "a time", value) from None
    raise _other(where, getattr(hint, "__name__", str(hint)), value)


def _of_type(value: Any, kind: Any, words: str, where: str) -> Any:
    if not isinstance(value, kind):
        raise _other(where, words, value)
    return value


def _other(where: str, words: str, value: object) -> BadAnswer:
    return BadAnswer(f"{where} should be {words}, but is {value!r:.80}")

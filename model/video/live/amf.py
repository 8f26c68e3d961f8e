"""AMF0, the values that RTMP's commands are made of.

Source: Action Message Format, AMF 0 (Adobe, 2007).
"""

import struct
from collections.abc import Mapping
from typing import Any

_MAX_DEPTH = 8
_NUMBER, _BOOLEAN, _STRING, _OBJECT, _NULL, _ARRAY, _END = 0, 1, 2, 3, 5, 8, 9


def write_values(*values: Any) -> bytes:
    """Write strings, numbers, booleans, None and mappings of them."""
    return b"".join(map(_write, values))


def read_values(data: bytes) -> list[Any]:
    """Read all values.

    Raises:
        ValueError: it is no AMF0, or of a kind that no command has.
    """
    values, at = [], 0
    while at < len(data):
        value, at = _read(data, at, depth=0)
        values.append(value)
    return values


def _write(value: Any) -> bytes:
    if value is None:
        return bytes([_NULL])
    if isinstance(value, bool):
        return bytes([_BOOLEAN, value])
    if isinstance(value, int | float):
        return struct.pack(">Bd", _NUMBER, value)
    if isinstance(value, str):
        return bytes([_STRING]) + _name(value)
    if isinstance(value, Mapping):
        pairs = b"".join(_name(name) + _write(one) for name, one in value.items())
        return bytes([_OBJECT]) + pairs + b"\0\0" + bytes([_END])
    raise TypeError(f"AMF0 has no {type(value).__name__} here")


def _name(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def _read(data: bytes, at: int, *, depth: int) -> tuple[Any, int]:
    if depth > _MAX_DEPTH:
        raise ValueError("values lie too deep in one another")
    kind = data[at]
    at += 1
    try:
        match kind:
            case 0:
                return struct.unpack_from(">d", data, at)[0], at + 8
            case 1:
                return bool(data[at]), at + 1
            case 2 | 12:
                return _text(data, at, ">H" if kind == _STRING else ">I")
            case 3 | 8:
                return _pairs(data, at + (4 if kind == _ARRAY else 0), depth)
            case 5 | 6:
                return None, at
            case 10:
                return _items(data, at, depth)
            case 11:
                return struct.unpack_from(">d", data, at)[0], at + 10
    except (struct.error, IndexError) as exc:
        raise ValueError("a value is cut off") from exc
    raise ValueError(f"values of kind {kind} are not read")


def _text(data: bytes, at: int, length: str) -> tuple[str, int]:
    (size,) = struct.unpack_from(length, data, at)
    at += struct.calcsize(length)
    if at + size > len(data):
        raise ValueError("a text is cut off")
    return data[at : at + size].decode(errors="replace"), at + size


def _pairs(data: bytes, at: int, depth: int) -> tuple[dict[str, Any], int]:
    pairs: dict[str, Any] = {}
    while True:
        name, at = _text(data, at, ">H")
        if not name and data[at] == _END:
            return pairs, at + 1
        pairs[name], at = _read(data, at, depth=depth + 1)


def _items(data: bytes, at: int, depth: int) -> tuple[list[Any], int]:
    (count,) = struct.unpack_from(">I", data, at)
    at += 4
    items = []
    for _ in range(min(count, len(data))):
        item, at = _read(data, at, depth=depth + 1)
        items.append(item)
    return items, at

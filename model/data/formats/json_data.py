"""JSON in any of its encodings, with or without a byte order mark."""

import json
from typing import Any

from model.errors import BadAnnotations

MOST_FPS = 1e5
"""No video has so many frames a second."""

MALFORMED = (KeyError, TypeError, ValueError, AttributeError, OverflowError)
"""What a value of another kind than is expected raises."""


def parse_json(data: bytes) -> Any:
    """Read JSON.

    Raises:
        BadAnnotations: it is none.
    """
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as exc:
        raise BadAnnotations(f"cannot be read as JSON: {exc}") from exc


def text_of(value: Any) -> str | None:
    """Give what a JSON value says; None for null and for nothing but space."""
    text = "" if value is None else str(value).strip()
    return text or None


def attributes_of(row: Any, known: frozenset[str]) -> dict[str, str]:
    """Give the plain members of an object that a format does not know."""
    return {
        str(key): text
        for key, value in row.items()
        if key not in known
        and not isinstance(value, dict | list)
        and (text := text_of(value)) is not None
    }

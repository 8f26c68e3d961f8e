"""Rules between the fields of a body, as its JSON schema says them.

Pydantic checks them in a validator, which no schema shows: a model names both. A field
that is null counts as left out.
"""

from typing import Any


def at_most_one(*names: str) -> dict[str, Any]:
    """Say that no two of these fields go together; of two names."""
    return {"not": _all_of(names)}


def at_least_one(*names: str) -> dict[str, Any]:
    """Say that one of these fields must be there."""
    return {"anyOf": [_all_of([name]) for name in names]}


def exactly_one(*names: str) -> dict[str, Any]:
    """Say that one of these fields must be there, and no other of them."""
    return {"oneOf": [_all_of([name]) for name in names]}


def both(*rules: dict[str, Any]) -> dict[str, Any]:
    """Say that all these rules hold."""
    return {"allOf": list(rules)}


def _all_of(names: list[str] | tuple[str, ...]) -> dict[str, Any]:
    told = {name: {"not": {"type": "null"}} for name in names}
    return {"required": list(names), "properties": told}

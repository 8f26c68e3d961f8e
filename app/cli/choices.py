"""Options whose choices are known only when the command runs."""

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any

import typer


def one_of(choices: Iterable[str], text: str) -> Any:
    """Make an option that takes one of these names.

    Args:
        choices: the names.
        text: of the help, to which they are added.
    """
    names = tuple(choices)
    return {
        "callback": _checker(names),
        "metavar": "NAME",
        "help": f"{text} One of: {', '.join(names)}.",
    }


def _checker(names: tuple[str, ...]) -> Callable[[str | None], str | None]:
    def check(value: str | None) -> str | None:
        if value is None or value in names:
            return value
        near = get_close_matches(value, names, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise typer.BadParameter(f"{value!r} is not one of {', '.join(names)}{hint}")

    return check

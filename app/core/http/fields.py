"""Kinds of fields that several features take: one line of text, a colour, a day."""

import re
from datetime import date
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

# Beside ASCII's, those that some programs break lines at.
CONTROL_CHARS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def one_line(text: str) -> str:
    """Strip a text that must be one line.

    Raises:
        ValueError: it holds line breaks or other control characters.
    """
    stripped = text.strip()
    if CONTROL_CHARS.search(stripped):
        raise PydanticCustomError("one_line", "must be one line of text")
    return stripped


def read_day(text: object) -> date:
    """Read a day, `2026-05-31`; numbers and times of day are none.

    Raises:
        ValueError: it is no such day.
    """
    if type(text) is date:
        return text
    try:
        if isinstance(text, str) and DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise PydanticCustomError("day", "must be a day such as 2026-05-31")


Line = Annotated[str, AfterValidator(one_line)]
Day = Annotated[date, BeforeValidator(read_day)]
Colour = Annotated[
    str,
    Field(
        pattern="^#[0-9a-fA-F]{6}$",
        description="`#rrggbb`; told in lower case.",
        examples=["#d62728"],
    ),
    AfterValidator(str.lower),
]

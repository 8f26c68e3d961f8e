"""Texts in tables that people open in a spreadsheet."""

import re

_QUOTE = "'"
_FORMULA = re.compile(r"'*[=+\-@\t\r]")  # what a spreadsheet would compute
_NUMBER = re.compile(r"'*[-+]?\d+([.,]\d+)?")


def safe_text(text: str) -> str:
    """Keep a spreadsheet from computing a text: an apostrophe before it.

    Plain numbers stay; `plain_text` gives the text back.
    Source: OWASP, CSV Injection.
    """
    return f"{_QUOTE}{text}" if _is_formula(text) else text


def plain_text(text: str) -> str:
    """Give back what `safe_text` was given."""
    if text.startswith(_QUOTE) and _is_formula(text):
        return text.removeprefix(_QUOTE)
    return text


def _is_formula(text: str) -> bool:
    return bool(_FORMULA.match(text)) and not _NUMBER.fullmatch(text)

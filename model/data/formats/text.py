"""Text files of other programs: their encodings, and how they write times."""

import codecs
import math
import re
from typing import Literal

from model.data.formats.events import NeedsOption
from model.errors import BadAnnotations

TimeFormat = Literal[
    "s", "ms", "frames", "mm:ss", "hh:mm:ss", "mm:ss:ff", "hh:mm:ss:ff"
]
TIME_FORMATS: tuple[TimeFormat, ...] = (
    "s",
    "ms",
    "frames",
    "mm:ss",
    "hh:mm:ss",
    "mm:ss:ff",
    "hh:mm:ss:ff",
)

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What is UTF-16 in truth has a mark, or NUL bytes.
_STATED = re.compile(
    rb"""<\?xml\s[^>]{0,200}?\bencoding\s*=\s*["'](?!utf-?16)([A-Za-z][\w.-]*)""",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?")
_PARTS = re.compile(r"-?\d+(:\d+){1,3}([.,]\d+)?")


def decode_text(data: bytes, encoding: str | None = None) -> tuple[str, str | None]:
    """Decode a text file.

    A byte order mark decides, else NUL bytes tell UTF-16, or XML says it; else it is
    UTF-8, or, where it is not, Windows' cp1252.

    Returns:
        The text, and a note where the encoding was assumed.

    Raises:
        BadAnnotations: it is not of the encoding named, or of none.
    """
    marked = (name for mark, name in _MARKS if data.startswith(mark))
    named = encoding or next(marked, None)
    if named is None and b"\0" in data[:200]:
        named = "utf-16-le" if data[1:2] == b"\0" else "utf-16-be"
    if named is None and (stated := _STATED.match(data)):
        named = stated[1].decode("ascii")
    try:
        # Where an encoding is named, its mark may be there all the same.
        return data.decode(named or "utf-8").removeprefix("\ufeff"), None
    except LookupError as exc:
        raise BadAnnotations(f"there is no encoding {named!r:.80}") from exc
    except ValueError as exc:  # some encodings raise others than UnicodeDecodeError
        if named is not None:
            why = getattr(exc, "reason", exc)
            raise BadAnnotations(f"is not {named!r:.80} text: {why}") from exc
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError as exc:
        raise BadAnnotations(
            "is text neither in UTF-8 nor in cp1252: name its encoding"
        ) from exc
    return text, "read as cp1252, for it is not UTF-8: check names with accents"


def parse_number(cell: str) -> float:
    """Read a number with a decimal point or comma.

    Raises:
        ValueError: it is none, has both, or is too large.
    """
    if not _NUMBER.fullmatch(cell):
        raise ValueError(f"is not a number: {cell!r:.80}")
    number = float(cell.replace(",", "."))
    if not math.isfinite(number):
        raise ValueError(f"is too large: {cell!r:.80}")
    return number


def parse_time(cell: str, form: TimeFormat | None) -> float:
    """Read a time in seconds: `83.4`, `1:23.4` (minutes), `0:01:23.4` (hours).

    Args:
        cell: what is written.
        form: what it is meant as; None tells by the colons. `ms` is not asked here.

    Raises:
        ValueError: it is no time of that form; the message says why.
        NeedsOption: it could be read in two ways.
    """
    if _NUMBER.fullmatch(cell) and form not in ("mm:ss", "hh:mm:ss"):
        return parse_number(cell)
    if not _PARTS.fullmatch(cell):
        raise ValueError(f"is not a time: {cell!r}")
    parts = cell.split(":")
    if len(parts) == 4:
        raise NeedsOption(
            "time_format",
            f"{cell} looks like a timecode, whose last part counts frames: read it as "
            "hh:mm:ss:ff, with the video's frames per second",
            TIME_FORMATS,
        )
    wanted = {"mm:ss": 2, "hh:mm:ss": 3}.get(form or "", len(parts))
    if len(parts) != wanted:
        raise ValueError(f"is not {form}: {cell!r}")
    return _seconds(cell, parts)


def _seconds(cell: str, parts: list[str]) -> float:
    last = parse_number(parts[-1])
    small = [*map(float, parts[1:-1]), last]
    if any(part >= 60 for part in small):
        raise NeedsOption(
            "time_format",
            f"{cell} has a part of 60 or more after a colon: frames? Say which parts "
            "these are",
            TIME_FORMATS,
        )
    sign = -1 if cell.startswith("-") else 1
    total = 0.0
    for part in parts[:-1]:
        total = total * 60 + abs(float(part))
    return sign * (total * 60 + last)

"""Tables as spreadsheets write them: which character stands between cells."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from model.data.formats.base import ReadOptions
from model.data.formats.events import NeedsOption
from model.data.formats.text import decode_text
from model.errors import BadAnnotations

LABEL_COLUMNS = ("label", "type")
TIME_COLUMNS = ("time_s", "time_ms", "frame", "time")
DELIMITERS = (",", ";", "\t")
MAX_CELL = 1_000_000
_NEVER_BETWEEN = '"\r\n\0 '


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose header is known.

    Attributes:
        columns: names, small letters, without space about them.
        titles: the same as the file has them.
        rows: line number and cells, as many as there are columns; empty rows are
            left out.
        delimiter: between the cells.
        notes: what the user should know.
    """

    columns: tuple[str, ...]
    titles: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    delimiter: str
    notes: tuple[str, ...] = ()


def open_table(
    data: bytes,
    options: ReadOptions,
    *,
    needed: tuple[tuple[str, ...], ...] = (LABEL_COLUMNS, TIME_COLUMNS),
    header_may_follow: bool = False,
) -> Table:
    """Decode a table and find its delimiter by its header.

    Args:
        data: of the file.
        options: its encoding and delimiter, where they are told.
        needed: of each of these groups the header must have a column.
        header_may_follow: other lines may come before the header.

    Raises:
        BadAnnotations: there is no such header, a column twice, or a row with more
            cells than columns.
    """
    text, note = decode_text(data, options.encoding)
    # Only line feeds and carriage returns end a line; a cell may have other breaks.
    lines = list(io.StringIO(text, newline=""))
    first, told = _told_delimiter(lines)
    wanted = options.delimiter or told
    if wanted is not None and (len(wanted) != 1 or wanted in _NEVER_BETWEEN):
        raise BadAnnotations(
            f"cannot have {wanted!r:.40} between its cells: it is one character, most "
            "often one of , ; or a tab"
        )
    found = _find_header(
        lines[first:],
        (wanted,) if wanted else DELIMITERS,
        needed,
        header_may_follow=header_may_follow,
    )
    if found is None:
        raise BadAnnotations(_no_header(lines[first:], needed))
    skipped, delimiter, titles = found
    columns = tuple(title.lower() for title in titles)
    known = {column for group in needed for column in group}
    names = [
        column if column in known else title
        for title, column in zip(titles, columns, strict=True)
    ]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise BadAnnotations(f"has the column {twice[0]!r} twice")
    start = first + skipped + 1
    rows = tuple(_rows(lines[start:], delimiter, columns, start + 1))
    notes = () if note is None else (note,)
    return Table(columns, titles, rows, delimiter, notes)


def _told_delimiter(lines: list[str]) -> tuple[int, str | None]:
    """Read the line `sep=;` by which Excel is told the delimiter."""
    head = lines[0].strip() if lines else ""
    if head.lower().startswith("sep=") and len(head) == 5:
        return 1, head[4]
    return 0, None


def _find_header(
    lines: list[str],
    delimiters: tuple[str, ...],
    needed: tuple[tuple[str, ...], ...],
    *,
    header_may_follow: bool,
) -> tuple[int, str, tuple[str, ...]] | None:
    for index, line in enumerate(lines[:200]):
        if not line.strip(" \t\r\n,;"):
            continue
        for delimiter in delimiters:
            titles = _header(line, delimiter)
            columns = {title.lower() for title in titles}
            if all(columns & set(group) for group in needed):
                return index, delimiter, titles
        if not header_may_follow:
            return None
    return None


def _header(line: str, delimiter: str) -> tuple[str, ...]:
    try:
        cells = next(_parse([line], delimiter), [])
    except csv.Error:  # a cell without an end
        return ()
    names = [cell.strip() for cell in cells]
    while names and not names[-1]:
        names.pop()
    return tuple(names)


def _rows(
    lines: list[str], delimiter: str, columns: tuple[str, ...], first: int
) -> Iterator[tuple[int, tuple[str, ...]]]:
    reader = _parse(lines, delimiter)
    number = first
    for number, cells in _numbered(reader, first):
        kept = [cell.strip() for cell in cells]
        while len(kept) > len(columns) and not kept[-1]:
            kept.pop()
        if not any(kept):
            continue
        if len(kept) > len(columns):
            raise NeedsOption(
                "delimiter",
                f"row {number} has {len(kept)} cells, the header {len(columns)}: put "
                "numbers with a decimal comma in quotation marks, or have ; between "
                "cells",
                DELIMITERS,
            )
        kept += [""] * (len(columns) - len(kept))
        yield number, tuple(kept)


def _numbered(
    reader: Iterator[list[str]], first: int
) -> Iterator[tuple[int, list[str]]]:
    number = first
    try:
        for cells in reader:
            yield number, cells
            number = first + int(getattr(reader, "line_num", number - first + 1))
    except csv.Error as exc:
        raise BadAnnotations(f"row {number} cannot be read: {exc}") from exc


def _parse(lines: list[str], delimiter: str) -> Iterator[list[str]]:
    csv.field_size_limit(MAX_CELL)
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=True)


def _no_header(lines: list[str], needed: tuple[tuple[str, ...], ...]) -> str:
    head = next((line.strip() for line in lines if line.strip()), "")
    groups = " and ".join(
        f"`{group[0]}`"
        + (f" (or {', '.join(f'`{n}`' for n in group[1:])})" if group[1:] else "")
        for group in needed
    )
    return (
        f"needs a header with {groups}, with one of , ; or a tab between the columns; "
        f"its first line is {head!r:.120}"
    )

"""The cells of a table of events: labels, times, scores."""

import re
from collections.abc import Iterable, Iterator, Mapping

from model.data.formats.base import ReadOptions
from model.data.formats.csv_table import LABEL_COLUMNS, TIME_COLUMNS, Table
from model.data.formats.events import NeedsOption, Problem, ReadEvent, read_name
from model.data.formats.provenance import KEY, read_line
from model.data.formats.spreadsheets import plain_text
from model.data.formats.text import (
    TIME_FORMATS,
    TimeFormat,
    parse_number,
    parse_time,
)
from model.data.formats.timecode import parse_timecode, rate_of
from model.errors import BadAnnotations

SCORE_COLUMNS = ("score", "confidence")
_OWN_COLUMNS = frozenset({*LABEL_COLUMNS, *TIME_COLUMNS, *SCORE_COLUMNS, "id", "team"})
KNOWN_COLUMNS = _OWN_COLUMNS | {KEY}
_WHOLE = ("ms", "frames")  # units that are counted: commas may part thousands
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(,\d{3})+")
_UNIT_OF: Mapping[str, TimeFormat] = {"time_s": "s", "time_ms": "ms", "frame": "frames"}


def read_cells(
    table: Table, options: ReadOptions, problems: list[Problem]
) -> Iterator[ReadEvent]:
    """Read the events of a table; rows that cannot be read become problems.

    Raises:
        NeedsOption: times could be read in two ways.
        BadAnnotations: a comma may part thousands, or decimals.
    """
    label = next(name for name in LABEL_COLUMNS if name in table.columns)
    times = next(name for name in TIME_COLUMNS if name in table.columns)
    score = next((name for name in SCORE_COLUMNS if name in table.columns), None)
    at = table.columns.index(times)
    others = [
        (read_name(plain_text(title)), index)
        for index, title in enumerate(table.titles)
        if title and title.lower() not in _OWN_COLUMNS
    ]
    if (options.time_format or _UNIT_OF.get(times)) in _WHOLE:
        _refuse_thousands(times, (cells[at] for _, cells in table.rows))
    for number, cells in table.rows:
        row = dict(zip(table.columns, cells, strict=True))
        where = f"row {number}"
        try:
            time_s, frame = _when(times, row[times], options)
            if times != "frame" and row.get("frame"):
                frame = _frame(row["frame"])
            yield ReadEvent(
                where,
                plain_text(row[label]),
                time_s,
                frame,
                score=parse_number(row[score]) if score and row[score] else None,
                team=plain_text(row.get("team", "")) or None,
                attributes={
                    name: plain_text(cells[place])
                    for name, place in others
                    if cells[place] and not (name == KEY and read_line(cells[place]))
                },
            )
        except NeedsOption:
            raise
        except ValueError as exc:
            problems.append(Problem(where, f"{times} {exc}"))


def _refuse_thousands(column: str, cells: Iterable[str]) -> None:
    """Refuse 83,400 where it may be 83400 as well as 83.4, by all of the column.

    Raises:
        BadAnnotations: no cell shows that the comma is a decimal one.
    """
    with_comma = [cell for cell in cells if "," in cell]
    if with_comma and all(_THOUSANDS.fullmatch(cell) for cell in with_comma):
        cell = with_comma[0]
        raise BadAnnotations(
            f"has {cell} in the column {column!r}: that may be "
            f"{cell.replace(',', '')} or {cell.replace(',', '.', 1)}. Write such "
            "numbers without a separator of thousands"
        )


def _when(
    column: str, cell: str, options: ReadOptions
) -> tuple[float | None, int | None]:
    """Read a time, as its column or an option says: seconds, or a frame."""
    form = options.time_format or _UNIT_OF.get(column)
    if not cell:
        raise ValueError("is empty")
    if column == "time" and form is None and ":" not in cell:
        raise NeedsOption(
            "time_format",
            f"the column `time` does not say what {cell} counts: seconds, "
            "milliseconds or frames?",
            TIME_FORMATS,
        )
    if form == "frames":
        return None, _frame(cell)
    if form == "ms":
        return parse_number(cell) / 1000, None
    if form in ("mm:ss:ff", "hh:mm:ss:ff"):
        whole = cell if form == "hh:mm:ss:ff" else f"00:{cell}"
        return None, parse_timecode(whole, rate_of(options.clock))
    # A column of seconds may have 1:23.4 as well.
    return parse_time(cell, None if form == "s" else form), None


def _frame(cell: str) -> int:
    frame = parse_number(cell)
    if frame != int(frame):
        raise ValueError(f"is no whole number of frames: {cell!r}")
    return int(frame)

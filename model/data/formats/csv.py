"""CSV with a header: a label and a time for each event."""

import csv
import io
import re
from collections.abc import Iterable

from model.data.formats.base import EventFormat, Holds, ReadOptions, Sample
from model.data.formats.csv_cells import KNOWN_COLUMNS, read_cells
from model.data.formats.csv_table import LABEL_COLUMNS, TIME_COLUMNS, Table, open_table
from model.data.formats.events import (
    EventFacts,
    ReadFile,
    ReadVideo,
    written_name,
)
from model.data.formats.provenance import KEY, Provenance, cell_of, read_line
from model.data.formats.spreadsheets import safe_text
from model.errors import CannotWrite

CSV_COLUMNS = ("id", "type", "time_s", "frame", "score", "team")


def to_csv(events: Iterable[EventFacts], provenance: Provenance | None = None) -> str:
    """Write a table with a header line, one event a line (RFC 4180).

    Attributes, where there are any, follow as columns of their own. What a spreadsheet
    would compute has an apostrophe before it, which reading takes away. A provenance
    stands in a last column, in the first row: lines of comment would be taken for
    events by most readers.

    Raises:
        CannotWrite: the provenance does not fit, or there is no row for it.
    """
    events = list(events)
    extra = sorted({name for event in events for name in event.attributes})
    table = io.StringIO(newline="")
    writer = csv.writer(table)
    told = "" if provenance is None else cell_of(provenance)
    if told and not events:
        raise CannotWrite("the provenance stands in the row of an event: there is none")
    last = (KEY,) if told else ()
    writer.writerow((*CSV_COLUMNS, *map(_column_of, extra), *last))
    for number, event in enumerate(events):
        writer.writerow(
            (
                safe_text(event.id),
                safe_text(event.label),
                f"{event.time_ms / 1000:.3f}",
                "" if event.frame is None else event.frame,
                "" if event.score is None else f"{event.score:.4f}",
                safe_text(event.team or ""),
                *(safe_text(event.attributes.get(name, "")) for name in extra),
                *((told if not number else "",) if told else ()),
            )
        )
    return table.getvalue()


def _column_of(attribute: str) -> str:
    """Name the column of an attribute, so that it is taken for nothing else."""
    is_taken = attribute.strip().lower() in KNOWN_COLUMNS
    return safe_text(written_name(attribute, is_taken=is_taken))


def read_csv(data: bytes, options: ReadOptions) -> ReadFile:
    """Read a table with a header: `label` (or `type`), and when each event is.

    That is `time_s`, `time_ms`, `frame` or `time`; of `time` the cells must tell what
    they are (`1:23.4`), or an option. `team` and `score` are read where they are; other
    columns become attributes.

    Raises:
        BadAnnotations: a column is missing, or the text cannot be decoded.
        NeedsOption: the table can be read in two ways.
    """
    table = open_table(data, options)
    file = ReadFile(notes=list(table.notes))
    events = read_cells(table, options, file.problems)
    provenance = _provenance_in(table)
    file.videos.append(ReadVideo(tuple(events), provenance=provenance))
    return file


def _provenance_in(table: Table) -> Provenance | None:
    if KEY not in table.columns:
        return None
    at = table.columns.index(KEY)
    told = (read_line(cells[at]) for _, cells in table.rows if cells[at])
    return next(told, None)


def _is_like(sample: Sample) -> bool:
    if sample.suffix in (".csv", ".tsv"):
        return True
    cells = re.split("[,;\t]", sample.lines[0]) if sample.lines else []
    columns = {cell.strip(' "').lower() for cell in cells}
    return bool(columns & set(LABEL_COLUMNS) and columns & set(TIME_COLUMNS))


CSV = EventFormat(
    name="csv",
    title="a table (CSV)",
    suffix="csv",
    media_type="text/csv",
    is_like=_is_like,
    holds=Holds(
        "all",
        score=True,
        team=True,
        attributes=True,
        provenance="summary",
        loses="scores beyond 4 places",
    ),
    read=read_csv,
    write=lambda events, video: to_csv(events, video.provenance),
    has_time_formats=True,
)

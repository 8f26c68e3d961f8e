"""A batch's events as CSV and as JSON lines, with the columns of the Parquet table."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from app.batches.event_columns import COLUMNS, NAMES
from app.batches.event_rows import BatchEvents, Row
from model.data.formats.spreadsheets import safe_text

TEXTS = frozenset(one.name for one in COLUMNS if one.type == "text")


def write_csv(events: BatchEvents) -> Iterator[bytes]:
    """Write a table with a head; an empty field is null.

    What a spreadsheet would compute has an apostrophe before it.
    """
    yield _csv_lines([dict(zip(NAMES, NAMES, strict=True))])
    for rows in events.by_video():
        if rows:
            yield _csv_lines(rows)


def write_jsonl(events: BatchEvents) -> Iterator[bytes]:
    """Write an object a line."""
    for rows in events.by_video():
        lines = (json.dumps(_readable(row), ensure_ascii=False) for row in rows)
        text = "".join(f"{line}\n" for line in lines)
        if text:
            yield text.encode()


def _csv_lines(rows: list[Row]) -> bytes:
    written = io.StringIO()
    writer = csv.DictWriter(written, NAMES, lineterminator="\n")
    for row in rows:
        cells = _readable(row).items()
        writer.writerow({name: _cell(name, value) for name, value in cells})
    return written.getvalue().encode()


def _readable(row: Row) -> Row:
    return {name: _told(row[name]) for name in NAMES}


def _cell(name: str, value: Any) -> Any:
    return safe_text(value) if name in TEXTS and value is not None else value


def _told(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value

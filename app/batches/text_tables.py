"""A batch's events as CSV and as JSON lines, with the columns of the Parquet table."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from app.batches.event_columns import NAMES
from app.batches.event_rows import BatchEvents, Row


def write_csv(events: BatchEvents) -> Iterator[bytes]:
    """Write a table with a head; an empty field is null."""
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
    writer.writerows(_readable(row) for row in rows)
    return written.getvalue().encode()


def _readable(row: Row) -> Row:
    return {name: _told(row[name]) for name in NAMES}


def _told(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value

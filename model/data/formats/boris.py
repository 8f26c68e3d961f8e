"""BORIS' tabular events: behaviours with a time, in a TSV or CSV.

Written as point events; read from tabular and aggregated exports, the older ones with
lines before their header, too.
Source: BORIS 9's `export_events` (GPL; its column names only).
"""

import csv
import io
import math
import re
from collections.abc import Sequence

from model.data.formats.base import EventFormat, Holds, ReadOptions, Sample
from model.data.formats.clock import position_ms
from model.data.formats.csv_table import Table, open_table
from model.data.formats.events import (
    EventFacts,
    ExportedVideo,
    Problem,
    ReadEvent,
    ReadFile,
    ReadVideo,
)
from model.data.formats.text import parse_number

_WRITTEN = (
    "Observation id",
    "Observation date",
    "Description",
    "Observation duration",
    "Observation type",
    "Source",
    "Time offset (s)",
    "Coding duration",
    "Subject",
    "Observation duration by subject by observation",
    "Behavior",
    "Behavioral category",
    "Behavior type",
    "Time",
    "Media file name",
    "Image index",
    "Image file path",
    "Comment",
)
_TIMES = ("time", "start (s)")
_STOP = "stop (s)"
_SKIPPED = frozenset({"stop"})


def to_boris(events: Sequence[EventFacts], video: ExportedVideo) -> str:
    """Write a TSV of point events; the team is the subject."""
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, _WRITTEN, restval="", delimiter="\t")
    writer.writeheader()
    duration = "" if video.duration_s is None else f"{video.duration_s:.3f}"
    for event in events:
        writer.writerow(
            {
                "Observation id": video.name,
                "Observation duration": duration,
                "Observation type": "Media file",
                "Source": f"player #1:{video.name}",
                "Time offset (s)": "0.000",
                "Subject": event.team or "No focal subject",
                "Behavior": event.label,
                "Behavior type": "POINT",
                "Time": f"{position_ms(event, video.grid_fps) / 1000:.3f}",
                "Media file name": video.name,
                "Image index": "" if event.frame is None else event.frame,
                "Comment": event.attributes.get("comment", ""),
            }
        )
    return table.getvalue()


def read_boris(data: bytes, options: ReadOptions) -> ReadFile:
    """Read behaviours: points, and states by their start.

    Times decide, not the image index, which players report a frame off.

    Raises:
        BadAnnotations: there is no header with Behavior and Time (or Start (s)).
    """
    table = open_table(
        data, options, needed=(("behavior",), _TIMES), header_may_follow=True
    )
    file = ReadFile(notes=list(table.notes))
    by_video: dict[str, list[ReadEvent]] = {}
    for number, cells in table.rows:
        row = dict(zip(table.columns, cells, strict=True))
        if row.get("behavior type", row.get("status", "")).lower() in _SKIPPED:
            continue
        name = row.get("observation id", "")
        try:
            event = _read_row(f"row {number}", row)
        except ValueError as exc:
            file.problems.append(Problem(f"row {number}", str(exc)))
            continue
        by_video.setdefault(name, []).append(event)
    skipped = _count_stops(table)
    if skipped:
        file.notes.append(f"{skipped} ends of states are left out: the start is taken")
    for name, events in by_video.items() or {"": list[ReadEvent]()}.items():
        file.videos.append(ReadVideo(tuple(events), name or None))
    return file


def _read_row(where: str, row: dict[str, str]) -> ReadEvent:
    time = next(row[name] for name in _TIMES if name in row)
    start_s = parse_number(time)
    if row.get(_STOP) and (stop_s := _stop_of(row[_STOP])) < start_s:
        raise ValueError(f"ends at {stop_s:g} s, before it starts at {start_s:g} s")
    subject = row.get("subject", "")
    comment = row.get("comment") or row.get("comment start") or ""
    return ReadEvent(
        where,
        row["behavior"],
        start_s,
        team=None if subject.lower() in ("", "no focal subject") else subject,
        attributes={"comment": comment} if comment else {},
    )


def _stop_of(cell: str) -> float:
    """Read the end of a state; BORIS writes NA or nan where there is none."""
    return math.inf if cell.lower() in ("na", "nan") else parse_number(cell)


def _count_stops(table: Table) -> int:
    column = next((n for n in ("behavior type", "status") if n in table.columns), None)
    if column is None:
        return 0
    index = table.columns.index(column)
    return sum(cells[index].lower() in _SKIPPED for _, cells in table.rows)


def _is_like(sample: Sample) -> bool:
    for line in sample.lines:
        cells = {cell.strip(' "').lower() for cell in re.split("[,;\t]", line)}
        if "behavior" in cells and cells & set(_TIMES):
            return True
    return False


BORIS = EventFormat(
    name="boris",
    title="BORIS' tabular events",
    suffix="tsv",
    media_type="text/tab-separated-values",
    is_like=_is_like,
    holds=Holds("all", team=True, loses="scores; what else is known, but a comment"),
    read=read_boris,
    write=to_boris,
)

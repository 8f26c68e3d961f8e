"""Hits as a table for spreadsheets, line by line."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from uuid import UUID

from app.search.hits import Hit
from app.search.tables import SearchedEvent
from app.videos.tables import Video
from model.data.formats.provenance import KEY
from model.data.formats.spreadsheets import safe_text

COLUMNS = (
    *("hit", "video_id", "match", "date", "competition", "id", "type", "time_s"),
    *("frame", "score", "state", "team", "team_name", "player", "attributes"),
)


def to_lines(
    hits: Iterable[Hit], provenance: Callable[[Video], str] | None = None
) -> Iterator[str]:
    """Write a header line, then a line an event (RFC 4180).

    `hit` counts the hits from 1: the events of a sequence share it.

    Args:
        provenance: tells where the events of a match come from; that stands in a last
            column, in the first row of each match.
    """
    last = () if provenance is None else (KEY,)
    yield _line((*COLUMNS, *last))
    told: UUID | None = None
    for number, hit in enumerate(hits, start=1):
        for event in hit.events:
            cells = [number, *_match(hit), *_event(event)]
            if provenance is not None:
                # Pages come match by match.
                cells.append(provenance(hit.video) if hit.video.id != told else "")
                told = hit.video.id
            yield _line(cells)


def _match(hit: Hit) -> list[object]:
    video = hit.video
    return [
        video.id,
        video.title or video.filename or "",
        video.played_on or "",
        video.competition or "",
    ]


def _event(event: SearchedEvent) -> list[object]:
    score = "" if event.score is None else f"{event.score:.4f}"
    return [
        *(event.event_id, event.label, f"{event.time_ms / 1000:.3f}", event.frame),
        *(score, event.state, event.team or "", event.team_name or ""),
        event.player or "",
        json.dumps(event.attributes, ensure_ascii=False) if event.attributes else "",
    ]


def _line(cells: Iterable[object]) -> str:
    line = io.StringIO(newline="")
    csv.writer(line).writerow(
        safe_text(cell) if isinstance(cell, str) else cell for cell in cells
    )
    return line.getvalue()

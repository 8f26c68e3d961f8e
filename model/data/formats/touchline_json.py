"""Our own JSON: what `touchline spot --format json` and `GET .../events` write."""

import json
from collections.abc import Sequence
from typing import Any

from model.data.formats.base import EventFormat, Holds, ReadOptions, Sample
from model.data.formats.events import (
    EventFacts,
    ExportedVideo,
    Problem,
    ReadEvent,
    ReadFile,
    ReadVideo,
)
from model.data.formats.json_data import MALFORMED, parse_json, text_of
from model.data.formats.provenance import KEY, read_provenance
from model.errors import BadAnnotations

_LISTS = ("events", "items")


def event_object(event: EventFacts) -> dict[str, object]:
    """Give the JSON object of an event, as integrators rely on it."""
    found: dict[str, object] = {
        "id": event.id,
        "type": event.label,
        "time_s": event.time_ms / 1000,
        "frame": event.frame,
        "score": None if event.score is None else round(event.score, 4),
        "team": event.team,
    }
    if event.attributes:
        found["attributes"] = dict(event.attributes)
    return found


def to_json(events: Sequence[EventFacts], video: ExportedVideo) -> str:
    """Write the name of the video and its events."""
    document: dict[str, Any] = {"video": video.name}
    if video.provenance is not None:
        document[KEY] = video.provenance.to_dict()
    document["events"] = [event_object(event) for event in events]
    return json.dumps(document, indent=2) + "\n"


def read_touchline(data: bytes, _options: ReadOptions) -> ReadFile:
    """Read what `to_json` wrote, or a page of `GET /videos/{id}/events`.

    Raises:
        BadAnnotations: not of that form.
    """
    raw = parse_json(data)
    key = next((name for name in _LISTS if isinstance(raw, dict) and name in raw), None)
    rows = raw[key] if key is not None else None
    if not isinstance(rows, list):
        raise BadAnnotations("has no list `events`: not our own JSON.")
    file, events = ReadFile(), []
    if raw.get("next_cursor"):
        file.notes.append("is one page of several: the others are not in it")
    unconfirmed = 0
    for number, row in enumerate(rows):
        where = f"event {number}"
        try:
            if row.get("state") == "rejected" or row.get("is_ghost"):
                unconfirmed += 1
                continue
            events.append(_read_row(where, row))
        except MALFORMED:
            text = f"needs `type` and `time_s`: {row!r:.120}"
            file.problems.append(Problem(where, text))
    if unconfirmed:
        file.notes.append(f"{unconfirmed} events are rejected or ghosts: left out")
    name, provenance = text_of(raw.get("video")), read_provenance(raw.get(KEY))
    file.videos.append(ReadVideo(tuple(events), name, provenance=provenance))
    return file


def _read_row(where: str, row: Any) -> ReadEvent:
    score, frame = row.get("score"), row.get("frame")
    return ReadEvent(
        where,
        str(row["type"]),
        float(row["time_s"]),
        None if frame is None else int(frame),
        score=None if score is None else float(score),
        team=text_of(row.get("team")),
        attributes={
            str(key): str(value)
            for key, value in (row.get("attributes") or {}).items()
            if key != "team"
        },
    )


def _is_like(sample: Sample) -> bool:
    return isinstance(sample.json, dict) and any(
        isinstance(sample.json.get(key), list) for key in _LISTS
    )


TOUCHLINE_JSON = EventFormat(
    name="json",
    title="JSON",
    suffix="json",
    media_type="application/json",
    is_like=_is_like,
    holds=Holds(
        "all",
        score=True,
        team=True,
        attributes=True,
        provenance="all",
        loses="scores beyond 4 places",
    ),
    read=read_touchline,
    write=to_json,
)

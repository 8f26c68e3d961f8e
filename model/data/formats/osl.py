"""OpenSportsLab's JSON, version 2: data sets of videos with their events."""

import datetime
import json
from collections.abc import Mapping, Sequence
from typing import Any

from model.data.formats.base import EventFormat, Holds, ReadOptions, Sample
from model.data.formats.clock import position_ms
from model.data.formats.events import (
    EventFacts,
    ExportedVideo,
    NeedsOption,
    Problem,
    ReadEvent,
    ReadFile,
    ReadVideo,
    read_name,
    written_name,
)
from model.data.formats.json_data import (
    MALFORMED,
    MOST_FPS,
    attributes_of,
    parse_json,
    text_of,
)
from model.data.formats.provenance import KEY, read_provenance
from model.errors import BadAnnotations

HEAD = "ball_action"
_KNOWN = frozenset({"head", "label", "position_ms", "confidence_score", "team"})


def to_osl(events: Sequence[EventFacts], video: ExportedVideo) -> str:
    """Write a data set of one video."""
    source: dict[str, Any] = {"type": "video", "path": video.name}
    if video.fps:
        source["fps"] = video.fps
    labels = list(dict.fromkeys(event.label for event in events))
    item: dict[str, Any] = {
        "id": video.name,
        "inputs": [source],
        "events": [_event(event, video.grid_fps) for event in events],
    }
    if video.provenance is not None:
        item["metadata"] = {KEY: video.provenance.to_dict()}
    document = {
        "version": "2.0",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "dataset_name": video.name,
        "modalities": ["video"],
        "metadata": {},
        "labels": {HEAD: {"type": "single_label", "labels": labels}},
        "data": [item],
    }
    return json.dumps(document, indent=2) + "\n"


def read_osl(data: bytes, options: ReadOptions) -> ReadFile:
    """Read every video of a data set.

    Raises:
        BadAnnotations: not of that form.
        NeedsOption: events are of several heads (lists of labels).
    """
    raw = parse_json(data)
    items = raw.get("data") if isinstance(raw, dict) else None
    if not isinstance(items, list):
        raise BadAnnotations("has no list `data`: not OSL JSON")
    version = str(raw.get("version", "2.0"))
    if not version.startswith("2"):
        raise BadAnnotations(f"is OSL JSON {version}; version 2 can be read")
    file = ReadFile()
    head = options.head or _only_head(items)
    file.videos += [_read_item(item, head, file) for item in items]
    return file


def _only_head(items: Sequence[Any]) -> str | None:
    heads = {
        str(row["head"])
        for item in items
        if isinstance(item, Mapping)
        for row in item.get("events") or ()
        if isinstance(row, Mapping) and "head" in row
    }
    if len(heads) > 1:
        raise NeedsOption(
            "head", "has several heads, lists of labels: name one", tuple(sorted(heads))
        )
    return next(iter(heads), None)


def _read_item(item: Any, head: str | None, file: ReadFile) -> ReadVideo:
    try:
        inputs = [one for one in item["inputs"] if one.get("type", "video") == "video"]
        name = text_of(inputs[0].get("path")) if inputs else None
        name = name or text_of(item.get("id"))
        fps = float(inputs[0]["fps"]) if inputs and inputs[0].get("fps") else None
        if fps is not None and not 0 < fps < MOST_FPS:
            raise ValueError("no rate")
        rows = list(item.get("events") or ())
        metadata = item.get("metadata")
    except MALFORMED as exc:
        raise BadAnnotations(
            f"each of `data` needs `inputs` and `events`: {item!r:.120}"
        ) from exc
    told = metadata.get(KEY) if isinstance(metadata, Mapping) else None
    provenance = read_provenance(told)
    events = []
    for number, row in enumerate(rows):
        where = f"{name or 'video'}: event {number}"
        try:
            if head is not None and str(row.get("head", head)) != head:
                continue
            events.append(_read_event(where, row))
        except MALFORMED:
            text = f"needs `label` and `position_ms`: {row!r:.120}"
            file.problems.append(Problem(where, text))
    return ReadVideo(tuple(events), name, fps=fps, provenance=provenance)


def _read_event(where: str, row: Mapping[str, Any]) -> ReadEvent:
    score = row.get("confidence_score")
    return ReadEvent(
        where,
        str(row["label"]),
        float(row["position_ms"]) / 1000,
        score=None if score is None else float(score),
        team=text_of(row.get("team")),
        attributes={
            read_name(name): text for name, text in attributes_of(row, _KNOWN).items()
        },
    )


def _event(event: EventFacts, fps: float | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        written_name(name, is_taken=name in _KNOWN): value
        for name, value in event.attributes.items()
    }
    row |= {
        "head": HEAD,
        "label": event.label,
        "position_ms": position_ms(event, fps),
    }
    if event.team is not None:
        row["team"] = event.team
    if event.score is not None:
        row["confidence_score"] = event.score
    return row


def _is_like(sample: Sample) -> bool:
    return isinstance(sample.json, dict) and isinstance(sample.json.get("data"), list)


OSL = EventFormat(
    name="osl",
    title="OpenSportsLab's JSON (version 2)",
    suffix="json",
    media_type="application/json",
    is_like=_is_like,
    holds=Holds("all", score=True, team=True, attributes=True, provenance="all"),
    read=read_osl,
    write=to_osl,
)

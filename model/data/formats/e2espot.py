"""E2E-Spot's files: a list of videos, events by frame at a stated rate.

An event may have a `team`, which E2E-Spot itself does not read; predictions have a
`score`.
"""

import json
from collections.abc import Sequence
from typing import Any

from model.data.formats.base import EventFormat, Holds, ReadOptions, Sample
from model.data.formats.clock import frame_of
from model.data.formats.events import (
    EventFacts,
    ExportedVideo,
    Problem,
    ReadEvent,
    ReadFile,
    ReadVideo,
)
from model.data.formats.json_data import (
    MALFORMED,
    MOST_FPS,
    attributes_of,
    parse_json,
    text_of,
)
from model.data.formats.provenance import KEY, read_provenance
from model.errors import BadAnnotations, CannotWrite

_KNOWN = frozenset({"frame", "label", "team", "score"})


def read_e2espot(data: bytes, _options: ReadOptions) -> ReadFile:
    """Read an E2E-Spot list: one entry a video, events by frame.

    Raises:
        BadAnnotations: not of that form.
    """
    raw = parse_json(data)
    if not isinstance(raw, list):
        raise BadAnnotations("is not a list of videos: not E2E-Spot's form.")
    file = ReadFile()
    file.videos += [_read_entry(entry, file) for entry in raw]
    return file


def to_e2espot(events: Sequence[EventFacts], video: ExportedVideo) -> str:
    """Write a list of one video; events with a score are predictions.

    Raises:
        CannotWrite: the frame rate is unknown.
    """
    if not video.fps:
        raise CannotWrite("E2E-Spot's list states a frame rate, which is unknown")
    last = max((frame_of(event) for event in events), default=-1) + 1
    by_length = round((video.duration_s or 0) * video.fps)
    entry: dict[str, Any] = {
        "video": video.name,
        "num_frames": max(video.frame_count or by_length, last),
        "num_events": len(events),
        "fps": video.fps,
        "events": [_event(event) for event in events],
    }
    if video.provenance is not None:
        entry[KEY] = video.provenance.to_dict()
    return json.dumps([entry], indent=2) + "\n"


def _event(event: EventFacts) -> dict[str, Any]:
    row: dict[str, Any] = {"frame": frame_of(event), "label": event.label}
    row["comment"] = event.attributes.get("comment", "")
    if event.team is not None:
        row["team"] = event.team
    if event.score is not None:
        row["score"] = event.score
    return row


def _read_entry(entry: Any, file: ReadFile) -> ReadVideo:
    try:
        name, fps = str(entry["video"]), float(entry["fps"])
        rows, count = list(entry["events"]), int(entry["num_frames"])
        if not 0 < fps < MOST_FPS:
            raise ValueError("no rate")
        told = entry.get(KEY)
    except MALFORMED as exc:
        raise BadAnnotations(
            f"each video needs `video`, `fps`, `num_frames` and `events` with "
            f"`frame` and `label`: {entry!r:.120}"
        ) from exc
    events = []
    for number, row in enumerate(rows):
        where = f"{name}: event {number}"
        try:
            score = row.get("score")
            events.append(
                ReadEvent(
                    where,
                    str(row["label"]),
                    frame=int(row["frame"]),
                    score=None if score is None else float(score),
                    team=text_of(row.get("team")),
                    attributes=attributes_of(row, _KNOWN),
                )
            )
        except MALFORMED:
            text = f"needs `frame` and `label`: {row!r:.120}"
            file.problems.append(Problem(where, text))
    return ReadVideo(
        *(tuple(events), name),
        fps=fps,
        frame_count=count,
        provenance=read_provenance(told),
    )


def _is_like(sample: Sample) -> bool:
    return isinstance(sample.json, list)


E2ESPOT = EventFormat(
    name="e2espot",
    title="E2E-Spot's list of videos",
    suffix="json",
    media_type="application/json",
    is_like=_is_like,
    holds=Holds(
        "all",
        score=True,
        team=True,
        provenance="all",
        loses="what else is known, but a comment",
    ),
    read=read_e2espot,
    write=to_e2espot,
)

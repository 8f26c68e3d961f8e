"""SoccerNet's files: labels (`Labels-ball.json`, `Labels-v2.json`) and predictions."""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from model.data.formats.base import EventFormat, Holds, ReadOptions, Sample
from model.data.formats.clock import position_ms
from model.data.formats.events import (
    EventFacts,
    ExportedVideo,
    Problem,
    ReadEvent,
    ReadFile,
    ReadVideo,
)
from model.data.formats.json_data import MALFORMED, attributes_of, parse_json, text_of
from model.data.formats.provenance import KEY, Provenance, read_provenance
from model.data.formats.soccernet_units import Position, check_positions
from model.errors import BadAnnotations, CannotWrite

SOCCERNET_NAMES = ("Labels-ball.json", "Labels-v2.json")
MINUTE_S = 60

_GAME_TIME = re.compile(r"\s*(\d+)\s*-\s*(\d+):(\d\d)(?::(\d\d))?\s*")
_KNOWN = frozenset({"gameTime", "label", "position", "team", "half", "confidence"})
_LISTS = ("annotations", "predictions")


def to_soccernet(
    events: Iterable[EventFacts],
    *,
    name: str,
    fps: float | None,
    half_starts_s: Sequence[float] = (),
    provenance: Provenance | None = None,
) -> str:
    """Write SoccerNet's `results_spotting.json`: all values are strings.

    `team` is there for events that have one, as in SoccerNet's Labels-ball.json. What
    a person said has the confidence 1.

    Args:
        events: in time order.
        name: what stands in `UrlLocal`, the name of the match.
        fps: frames per second of the source; None if unknown.
        half_starts_s: when each half starts in the video; none: all is in half 1,
            which starts with it.
        provenance: where the events come from; None: nothing is told.

    Raises:
        CannotWrite: an event is before the first half.
    """
    predictions = []
    for event in events:
        half, told = _when(event, fps, half_starts_s)
        confidence = 1.0 if event.score is None else event.score
        row = {**told, "half": str(half), "confidence": f"{confidence:.6f}"}
        if event.team is not None:
            row["team"] = event.team
        predictions.append(row)
    told = _told(provenance, half_starts_s)
    return json.dumps({"UrlLocal": name, **told, "predictions": predictions}, indent=2)


def to_soccernet_labels(events: Sequence[EventFacts], video: ExportedVideo) -> str:
    """Write SoccerNet's `Labels-ball.json`, or `Labels-v2.json` with halves.

    Raises:
        CannotWrite: an event is before the first half.
    """
    annotations = [
        {
            **_when(event, video.grid_fps, video.half_starts_s)[1],
            "team": event.team or "not applicable",
            "visibility": event.attributes.get("visibility", "visible"),
        }
        for event in events
    ]
    told = _told(video.provenance, video.half_starts_s)
    document = {"UrlLocal": video.name, **told, "annotations": annotations}
    return json.dumps(document, indent=2) + "\n"


def _told(
    provenance: Provenance | None, half_starts_s: Sequence[float]
) -> dict[str, Any]:
    """Give the member that says where events come from, and from where halves count."""
    if provenance is None:
        return {}
    starts_s = tuple(half_starts_s)
    return {KEY: replace(provenance, half_starts_s=starts_s).to_dict()}


def read_soccernet(data: bytes, _options: ReadOptions) -> ReadFile:
    """Read labels or predictions; `position` is in milliseconds from the half's start.

    Raises:
        BadAnnotations: not of that form, or positions that are not milliseconds.
    """
    raw = parse_json(data)
    key = next((name for name in _LISTS if isinstance(raw, dict) and name in raw), None)
    rows = raw[key] if key is not None else None
    if not isinstance(rows, list):
        raise BadAnnotations("has no list `annotations`: not SoccerNet's form.")
    is_predicted = key == "predictions"
    what = "prediction" if is_predicted else "annotation"
    file = ReadFile()
    halves: dict[int, list[ReadEvent]] = {}
    positions: list[Position] = []
    for number, row in enumerate(rows):
        where = f"{what} {number}"
        try:
            event, half, clock_s = _read_row(where, row, is_predicted=is_predicted)
        except MALFORMED:
            text = f"needs `label` and `position` (ms): {row!r:.120}"
            file.problems.append(Problem(where, text))
            continue
        if clock_s is not None:
            positions.append(Position(where, half, event.time_s or 0.0, clock_s))
        halves.setdefault(half, []).append(event)
    file.notes += check_positions(positions)
    name, provenance = text_of(raw.get("UrlLocal")), read_provenance(raw.get(KEY))
    for half in sorted(halves) or [1]:
        of_half = None if provenance is None else _of_half(provenance, half)
        events = tuple(halves.get(half, ()))
        file.videos.append(ReadVideo(events, name, half, provenance=of_half))
    return file


def _of_half(provenance: Provenance, half: int) -> Provenance:
    """Tell what was reviewed of a half, from its start on, as its events are told."""
    starts_s = provenance.half_starts_s
    if not starts_s:
        return provenance
    if half > len(starts_s):
        return replace(provenance, reviewed=())
    start_s, *later = starts_s[half - 1 :]
    return provenance.within((start_s, later[0] if later else math.inf), -start_s)


def _read_row(
    where: str, row: Mapping[str, Any], *, is_predicted: bool
) -> tuple[ReadEvent, int, float | None]:
    """Read an event, its half, and the seconds of its `gameTime`."""
    game = _GAME_TIME.fullmatch(str(row.get("gameTime", "")))
    half = int(row.get("half") or (game[1] if game else 1))
    clock_s = None
    if game is not None:
        parts = [int(part) for part in game.groups()[1:] if part is not None]
        clock_s = float(sum(n * 60**i for i, n in enumerate(reversed(parts))))
    confidence = row.get("confidence")
    if is_predicted and confidence is None:
        raise ValueError("no confidence")
    team = text_of(row.get("team"))
    return (
        ReadEvent(
            where,
            str(row["label"]),
            float(row["position"]) / 1000,
            score=None if confidence is None else float(confidence),
            team=None if team == "not applicable" else team,
            attributes=attributes_of(row, _KNOWN),
        ),
        half,
        clock_s,
    )


def _when(
    event: EventFacts, fps: float | None, half_starts_s: Sequence[float]
) -> tuple[int, dict[str, str]]:
    """Give the half, and what every row has."""
    starts_ms = [round(start_s * 1000) for start_s in half_starts_s] or [0]
    at_ms = position_ms(event, fps)
    half = sum(start_ms <= at_ms for start_ms in starts_ms)
    if not half:
        raise CannotWrite(
            f"{event.label} at {at_ms / 1000:.3f} s is before the first half, which "
            f"starts at {starts_ms[0] / 1000:.3f} s: leave it out, or count from the "
            "video's start (API: halves=none)"
        )
    position = at_ms - starts_ms[half - 1]
    minutes, seconds = divmod(position // 1000, MINUTE_S)
    return half, {
        "gameTime": f"{half} - {minutes:02d}:{seconds:02d}",
        "label": event.label,
        "position": str(position),
    }


def _is_labels(sample: Sample) -> bool:
    return isinstance(sample.json, dict) and "annotations" in sample.json


def _is_predictions(sample: Sample) -> bool:
    return isinstance(sample.json, dict) and "predictions" in sample.json


SOCCERNET = EventFormat(
    name="soccernet",
    title="SoccerNet's results_spotting.json",
    suffix="json",
    media_type="application/json",
    is_like=_is_predictions,
    holds=Holds(
        "all",
        score=True,
        team=True,
        provenance="all",
        loses="what else is known of an event; that a person said it (confidence 1)",
    ),
    read=read_soccernet,
    write=lambda events, video: to_soccernet(
        events,
        name=video.name,
        fps=video.grid_fps,
        half_starts_s=video.half_starts_s,
        provenance=video.provenance,
    ),
)

SOCCERNET_LABELS = EventFormat(
    name="soccernet-labels",
    title="SoccerNet's Labels-ball.json",
    suffix="json",
    media_type="application/json",
    is_like=_is_labels,
    holds=Holds(
        "all", team=True, provenance="all", loses="what else is known of an event"
    ),
    read=read_soccernet,
    write=to_soccernet_labels,
)

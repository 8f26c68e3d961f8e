"""Predictions as they lie on disk: what `to_csv` and `to_soccernet` write."""

import csv
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from model.errors import BadAnnotations
from touchline.results import Event


def read_predictions(path: Path) -> list[Event]:
    """Read predicted events, earliest first: CSV or SoccerNet's results_spotting.json.

    Raises:
        BadAnnotations: the file is not there or not of that form.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        raise BadAnnotations(f"{path} cannot be read: {exc}") from exc
    is_csv = path.suffix.lower() == ".csv"
    rows = csv.DictReader(text.splitlines()) if is_csv else _soccernet_rows(path, text)
    read = _csv_event if is_csv else _soccernet_event
    events = []
    for number, row in enumerate(rows, start=1):
        try:
            event = read(row)
            if not (math.isfinite(event.time_s) and 0 <= event.score <= 1):
                raise ValueError("a time or score out of range")
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            needed = (
                "type, time_s and score"
                if is_csv
                else ("label, position (ms) and confidence")
            )
            raise BadAnnotations(
                f"{path}: prediction {number} needs {needed}: {row!r:.120}"
            ) from exc
        events.append(event)
    return sorted(events, key=lambda event: (event.time_s, event.label))


def _soccernet_rows(path: Path, text: str) -> list[Any]:
    try:
        raw = json.loads(text)
    except ValueError as exc:
        raise BadAnnotations(f"{path} cannot be read as JSON: {exc}") from exc
    rows = raw.get("predictions") if isinstance(raw, Mapping) else None
    if not isinstance(rows, list):
        raise BadAnnotations(f"{path} has no list `predictions`: not SoccerNet's form.")
    return rows


def _csv_event(row: Mapping[str, Any]) -> Event:
    return Event(
        label=_label(row["type"]),
        time_s=float(row["time_s"]),
        frame=int(row.get("frame") or 0),
        score=float(row["score"]),
        team=row.get("team") or None,
    )


def _soccernet_event(row: Mapping[str, Any]) -> Event:
    return Event(
        label=_label(row["label"]),
        time_s=int(row["position"]) / 1000,
        frame=0,
        score=float(row["confidence"]),
        team=row.get("team") or None,
    )


def _label(raw: Any) -> str:
    if not isinstance(raw, str) or not raw:
        raise ValueError("no label")
    return raw

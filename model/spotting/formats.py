"""Events in the forms other programs read: CSV and SoccerNet.

Plain tuples in, text out; `touchline spot`, `import touchline` and the API write the
very same.
"""

import csv
import io
import json
import math
from collections.abc import Iterable
from typing import NamedTuple

from model.spotting.spots import Spot

CSV_COLUMNS = ("id", "type", "time_s", "frame", "score", "team")
MINUTE_S = 60


class EventFacts(NamedTuple):
    """What every form tells of an event."""

    id: str
    label: str
    time_ms: int  # from the start, as players show
    frame: int  # 0-based in the source
    score: float
    team: str | None = None  # the side that did it, if the model tells


def number_spots(spots: Iterable[Spot]) -> list[EventFacts]:
    """Number spots from 1 in the order given; no database has given them ids."""
    return [
        EventFacts(
            id=str(number),
            label=spot.label,
            time_ms=round(spot.time_s * 1000),
            frame=spot.frame,
            score=spot.score,
            team=spot.team,
        )
        for number, spot in enumerate(spots, start=1)
    ]


def event_object(event: EventFacts) -> dict[str, object]:
    """Give the JSON object of an event, as integrators rely on it."""
    return {
        "id": event.id,
        "type": event.label,
        "time_s": event.time_ms / 1000,
        "frame": event.frame,
        "score": round(event.score, 4),
        "team": event.team,
    }


def to_csv(events: Iterable[EventFacts]) -> str:
    """Write a table with a header line, one event a line (RFC 4180)."""
    table = io.StringIO(newline="")
    writer = csv.writer(table)
    writer.writerow(CSV_COLUMNS)
    for event in events:
        writer.writerow(
            (
                event.id,
                event.label,
                f"{event.time_ms / 1000:.3f}",
                event.frame,
                f"{event.score:.4f}",
                event.team or "",
            )
        )
    return table.getvalue()


def to_soccernet(events: Iterable[EventFacts], *, name: str, fps: float | None) -> str:
    """Write SoccerNet's `results_spotting.json`: all values strings, all in half 1.

    `team` is there for events that have one, as in SoccerNet's Labels-ball.json.

    Args:
        events: in time order.
        name: what stands in `UrlLocal`, the name of the match.
        fps: frames per second of the source; None if unknown.
    """
    predictions: list[dict[str, str]] = []
    for event in events:
        position = _position_ms(event, fps)
        minutes, seconds = divmod(position // 1000, MINUTE_S)
        predictions.append(
            {
                "gameTime": f"1 - {minutes:02d}:{seconds:02d}",
                "label": event.label,
                "position": str(position),
                "half": "1",
                "confidence": f"{event.score:.6f}",
                **({} if event.team is None else {"team": event.team}),
            }
        )
    return json.dumps({"UrlLocal": name, "predictions": predictions}, indent=2)


def _position_ms(event: EventFacts, fps: float | None) -> int:
    """Choose the milliseconds that come back to the same frame.

    The field's programs read them as `int(fps * ms / 1000)`, which truncates: at 30
    fps two of three rounded times would come back one frame early. Of the moments at
    which the frame is shown the one nearest to the event's own time is taken; where
    frame and time are further apart (a variable rate), the time stands.
    """
    if not fps or not math.isfinite(fps):
        return event.time_ms
    first = math.ceil(event.frame * 1000 / fps)
    if int(fps * first / 1000) < event.frame:  # floating point fell just short
        first += 1
    last = max(first, math.ceil((event.frame + 1) * 1000 / fps) - 1)
    nearest = min(max(event.time_ms, first), last)
    return nearest if abs(nearest - event.time_ms) <= 1000 / fps else event.time_ms

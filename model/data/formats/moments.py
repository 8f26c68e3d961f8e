"""Put a file's events in time: seconds for frames, frames for seconds."""

import math
import re
from collections.abc import Iterable

from model.data.formats.clock import Clock
from model.data.formats.events import (
    ImportedEvent,
    NeedsOption,
    Problem,
    ReadEvent,
)

EDGE_S = 0.002
MOST_S = 2_000_000  # 23 days: no video is so long, and its milliseconds fit 32 bits
MOST_MS, MOST_FRAMES = 1000 * MOST_S, 2**31 - 1
# A frame that other programs round may be the one beside.
NEAR_FRAMES = 1
_BROKEN = re.compile("[\0\ud800-\udfff]")


def locate(
    events: Iterable[ReadEvent],
    clock: Clock | None,
    *,
    offset_s: float = 0.0,
    duration_s: float | None = None,
) -> tuple[list[ImportedEvent], list[Problem]]:
    """Give every event a time, and a frame where the clock is known.

    Args:
        events: as read; labels are stripped of space.
        clock: of the video.
        offset_s: is added to all times.
        duration_s: of the video; None if unknown.

    Returns:
        The events, and what is wrong with those that are left out.

    Raises:
        NeedsOption: frames are counted, and no rate is known.
    """
    found, problems = [], []
    for event in events:
        try:
            found.append(_located(event, clock, offset_s, duration_s))
        except (ValueError, IndexError) as exc:
            is_outside = isinstance(exc, _Outside | IndexError)
            problems.append(Problem(event.where, str(exc), is_outside=is_outside))
    return found, problems


class _Outside(ValueError):
    """An event lies before the video's start or beyond its end."""


def _located(
    event: ReadEvent, clock: Clock | None, offset_s: float, duration_s: float | None
) -> ImportedEvent:
    label = event.label.strip()
    if not label:
        raise ValueError("has no label.")
    if event.score is not None and not 0 <= event.score <= 1:
        raise ValueError(f"has the score {event.score}, which is not from 0 to 1.")
    time_s = _time_of(event, clock) + offset_s
    if time_s > MOST_S:
        raise _Outside(f"is at {time_s:g} s: no video is so long.")
    if time_s < 0:
        raise _Outside(f"is at {time_s:g} s, before the video.")
    if duration_s is not None and time_s > duration_s + EDGE_S:
        raise _Outside(f"is at {time_s:.3f} s, the video lasts {duration_s:.3f} s.")
    frame = None if offset_s else event.frame
    if frame is None and clock is not None:
        frame = clock.frame_at(time_s)
    team = (event.team or "").strip() or None
    attributes = {name.strip(): text for name, text in event.attributes.items()}
    _check_characters(label, team or "", *attributes, *attributes.values())
    return ImportedEvent(
        event.where, label, time_s, frame, event.score, team, attributes
    )


def _check_characters(*texts: str) -> None:
    """Refuse what no file and no database holds: NUL, and half of a character.

    Raises:
        ValueError: there is one.
    """
    for text in texts:
        if broken := _BROKEN.search(text):
            code = f"U+{ord(broken[0]):04X}"
            raise ValueError(f"has a character that is none, {code}: {text!a:.80}")


def _time_of(event: ReadEvent, clock: Clock | None) -> float:
    if event.frame is not None and event.frame < 0:
        raise _Outside(f"is at frame {event.frame!s:.40}.")
    if event.frame is not None and event.frame > MOST_FRAMES:
        raise _Outside("is at a frame that no video has.")
    if event.time_s is not None:
        if not math.isfinite(event.time_s):
            raise ValueError(f"is at {event.time_s} s.")
        if abs(event.time_s) > MOST_S:
            raise _Outside(f"is at {event.time_s:g} s: no video is so long.")
        if clock is not None and event.frame is not None:
            _check_agreement(event.frame, event.time_s, clock)
        return event.time_s
    if event.frame is None:
        raise ValueError("has no time.")
    if clock is None:
        raise NeedsOption(
            "fps",
            "counts frames: say the video's frames per second, or name the video",
        )
    return clock.time_of(event.frame)


def _check_agreement(frame: int, time_s: float, clock: Clock) -> None:
    shown = clock.frame_at(time_s)
    if abs(shown - frame) > NEAR_FRAMES:
        raise ValueError(
            f"is at frame {frame}, but at {time_s:.3f} s the video shows frame "
            f"{shown}: other labels, or another rate."
        )

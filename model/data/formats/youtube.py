"""YouTube's chapters: lines of a video's description.

YouTube shows them only if the first is at 0:00, there are at least three, in order,
and each lasts 10 seconds at least.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

from model.data.formats.base import EventFormat, Holds, ReadOptions, Sample
from model.data.formats.events import (
    EventFacts,
    ExportedVideo,
    ReadEvent,
    ReadFile,
    ReadVideo,
    by_time,
)
from model.data.formats.text import decode_text
from model.errors import BadAnnotations, CannotWrite

FEWEST, SHORTEST_S = 3, 10
START = "Start of the video"
_LINE = re.compile(r"\s*(?:[-*•]\s*)?((?:\d{1,4}:)?\d?\d:\d\d)(?:\s*[-–—:|])?\s+(\S.*)")


def to_youtube(events: Sequence[EventFacts], video: ExportedVideo) -> str:
    """Write a chapter for each event, and one for what comes before the first.

    Raises:
        CannotWrite: YouTube would show no chapters; the message says which rule.
    """
    chapters = [(event.time_ms // 1000, event.label) for event in by_time(events)]
    if not chapters or chapters[0][0] > 0:
        chapters.insert(0, (0, START))
    if len(chapters) < FEWEST:
        raise CannotWrite(
            f"YouTube wants at least {FEWEST} chapters, these would be {len(chapters)}"
        )
    pairs = pairwise(chapters)
    short = [pair for pair in pairs if pair[1][0] - pair[0][0] < SHORTEST_S]
    if short:
        (first_s, first), (next_s, second) = short[0]
        raise CannotWrite(
            f"YouTube wants each chapter to last {SHORTEST_S} s at least; {len(short)} "
            f"would be shorter, the first from {first} at {_stamp(first_s)} to "
            f"{second} at {_stamp(next_s)}. Choose fewer types, or a higher score"
        )
    if video.duration_s is not None and video.duration_s - chapters[-1][0] < SHORTEST_S:
        raise CannotWrite(
            f"YouTube wants each chapter to last {SHORTEST_S} s at least; the last, "
            f"{chapters[-1][1]} at {_stamp(chapters[-1][0])}, is too near to the end"
        )
    lines = (f"{_stamp(at)} {' '.join(label.split())}" for at, label in chapters)
    return "\n".join(lines) + "\n"


def read_youtube(data: bytes, options: ReadOptions) -> ReadFile:
    """Read the chapters of a description; its other lines are skipped.

    Raises:
        BadAnnotations: there is no chapter in it.
    """
    text, note = decode_text(data, options.encoding)
    events = []
    for number, line in enumerate(text.splitlines(), start=1):
        match = _LINE.fullmatch(line)
        if match is None or (match[2].strip() == START and not _seconds(match[1])):
            continue
        events.append(ReadEvent(f"line {number}", match[2], float(_seconds(match[1]))))
    if not events:
        raise BadAnnotations("has no line `0:00 NAME`: no YouTube chapters")
    return ReadFile([ReadVideo(tuple(events))], notes=[note] if note else [])


def _stamp(seconds: int) -> str:
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


def _seconds(stamp: str) -> int:
    total = 0
    for piece in stamp.split(":"):
        total = total * 60 + int(piece)
    return total


def _is_like(sample: Sample) -> bool:
    return any(_LINE.fullmatch(line) for line in sample.lines)


YOUTUBE = EventFormat(
    name="youtube",
    title="YouTube's chapters",
    suffix="txt",
    media_type="text/plain",
    is_like=_is_like,
    holds=Holds(
        "none",
        loses="everything but types and whole seconds; chapters under 10 s, fewer than "
        "three",
    ),
    read=read_youtube,
    write=to_youtube,
)

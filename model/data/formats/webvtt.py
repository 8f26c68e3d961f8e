"""WebVTT chapters: what players show on their seek bar."""

import html
import re
from collections.abc import Sequence

from model.data.formats.base import EventFormat, Holds, ReadOptions, Sample
from model.data.formats.clock import position_ms
from model.data.formats.events import (
    EventFacts,
    ExportedVideo,
    Problem,
    ReadEvent,
    ReadFile,
    ReadVideo,
    by_time,
)
from model.data.formats.provenance import Provenance, read_line
from model.data.formats.text import decode_text
from model.errors import BadAnnotations

LAST_MS = 1000
NOTE = "NOTE touchline-provenance"
_CUE = re.compile(
    r"((?:\d{1,4}:)?\d\d:\d\d\.\d{3})\s+-->\s+((?:\d{1,4}:)?\d\d:\d\d\.\d{3})"
)


def to_webvtt(events: Sequence[EventFacts], video: ExportedVideo) -> str:
    """Write a cue for each event, up to the next one."""
    events = by_time(events)
    starts = [position_ms(event, video.grid_fps) for event in events]
    ends = _ends(starts, video)
    lines = ["WEBVTT", ""]
    if video.provenance is not None:
        lines += [f"{NOTE} {video.provenance.to_line()}", ""]
    for index, (event, start, end) in enumerate(zip(events, starts, ends, strict=True)):
        text = html.escape(" ".join(event.label.split()), quote=False)
        lines += [str(index + 1), f"{_stamp(start)} --> {_stamp(end)}", text, ""]
    return "\n".join(lines)


def _ends(starts: Sequence[int], video: ExportedVideo) -> list[int]:
    """Give each start the next later one; the last ends with the video."""
    ends: list[int] = []
    for index in range(len(starts) - 1, -1, -1):
        if index + 1 == len(starts):
            length_ms = round((video.duration_s or 0) * 1000)
            ends.append(max(starts[index] + LAST_MS, length_ms))
        else:
            is_later = starts[index + 1] > starts[index]
            ends.append(starts[index + 1] if is_later else ends[-1])
    return ends[::-1]


def read_webvtt(data: bytes, options: ReadOptions) -> ReadFile:
    """Read cues: an event at the start of each, its type what the cue says.

    Raises:
        BadAnnotations: not WebVTT.
    """
    text, note = decode_text(data, options.encoding)
    if not text.lstrip("\ufeff").startswith("WEBVTT"):
        raise BadAnnotations("does not begin with WEBVTT")
    file, events = ReadFile(notes=[note] if note else []), []
    provenance: Provenance | None = None
    blocks = re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n").replace("\r", "\n"))
    for block in blocks[1:]:
        lines = [line for line in block.split("\n") if line.strip()]
        at = next((i for i, line in enumerate(lines) if "-->" in line), None)
        if at is None:  # a note, a style, a region
            if lines and lines[0].startswith(NOTE):
                provenance = read_line(lines[0].removeprefix(NOTE))
            continue
        where = f"cue {lines[0].strip()}"
        cue = _CUE.match(lines[at].strip())
        if cue is None:
            file.problems.append(Problem(where, f"has no times: {lines[at]!r:.120}"))
            continue
        start_s, end_s = _seconds(cue[1]), _seconds(cue[2])
        if end_s < start_s:
            file.problems.append(Problem(where, "ends before it starts"))
            continue
        words = re.sub(r"<[^<>]*>", "", " ".join(lines[at + 1 :]))
        events.append(ReadEvent(where, html.unescape(words), start_s))
    file.videos.append(ReadVideo(tuple(events), provenance=provenance))
    return file


def _stamp(ms: int) -> str:
    seconds, part = divmod(ms, 1000)
    minutes, second = divmod(seconds, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}.{part:03d}"


def _seconds(stamp: str) -> float:
    clock, part = stamp.split(".")
    total = 0
    for piece in clock.split(":"):
        total = total * 60 + int(piece)
    return (total * 1000 + int(part)) / 1000


def _is_like(sample: Sample) -> bool:
    return sample.text.lstrip("\ufeff").startswith("WEBVTT")


WEBVTT = EventFormat(
    name="vtt",
    title="WebVTT chapters",
    suffix="vtt",
    media_type="text/vtt",
    is_like=_is_like,
    holds=Holds(
        "all",
        provenance="all",
        loses="scores; teams; what else is known of an event",
    ),
    read=read_webvtt,
    write=to_webvtt,
)

"""EDL (CMX3600): a cut of the video for each event, with a marker at its frame.

Written and read here, for no maintained library does. A cut goes from `lead_s` before
an event to `lag_s` after it; cuts stand one after another, so that the list is a reel
as well. The marker is Avid's `* LOC:`, at its place in the reel.
Source: SMPTE 258M and what Resolve, Premiere and Avid write.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from model.data.formats.base import EventFormat, Holds, ReadOptions, Sample
from model.data.formats.clock import exact_rate, frame_of
from model.data.formats.events import (
    EventFacts,
    ExportedVideo,
    NeedsOption,
    Problem,
    ReadEvent,
    ReadFile,
    ReadVideo,
)
from model.data.formats.provenance import Provenance, read_line
from model.data.formats.text import decode_text
from model.data.formats.timecode import (
    format_timecode,
    has_drop_frame,
    nominal_rate,
    parse_timecode,
    rate_of,
)
from model.errors import BadAnnotations, CannotWrite

_CODE = r"(\d\d?:\d\d:\d\d[:;.,]\d\d\d?)"
_CUT = re.compile(
    rf"(\d+)\s+(\S+)\s+(\S+)\s+(\S+)(?:\s+\S+)*?\s+"
    rf"{_CODE}\s+{_CODE}\s+{_CODE}\s+{_CODE}"
)
_MARKER = re.compile(rf"\*\s*LOC:\s*{_CODE}\s+(\S+)\s*(.*)")
_MODE = re.compile(r"FCM:\s*(NON[ -]?)?DROP FRAME")
_COLONS = re.compile(r"\b(\d\d?:\d\d:\d\d):(\d\d\d?)\b")
REMARK, PIECE = "* TOUCHLINE:", 60
_TEAM = re.compile(r"\*\s*COMMENT:\s*TEAM\s+(.+)")


def to_edl(events: Sequence[EventFacts], video: ExportedVideo) -> str:
    """Write a reel of the events, whose markers carry their types.

    Raises:
        CannotWrite: the rate is unknown, varies, or has no timecode.
    """
    if not video.fps or not video.is_constant:
        raise CannotWrite(
            "an EDL counts frames at a constant rate; the video's "
            + ("is unknown" if not video.fps else "varies")
        )
    fps = exact_rate(video.fps)
    _, dropped = nominal_rate(fps)
    name = _line(video.name)
    lines = [f"TITLE: {name}", f"FCM: {'' if dropped else 'NON-'}DROP FRAME", ""]
    if video.provenance is not None:
        lines += [*_remarks_on(video.provenance), ""]
    record = 0
    for number, event in enumerate(events, start=1):
        first = max(0, frame_of(event) - round(video.lead_s * fps))
        last = frame_of(event) + max(1, round(video.lag_s * fps))
        if video.frame_count:
            last = max(frame_of(event) + 1, min(last, video.frame_count))
        edges = (first, last, record, record + last - first)
        codes = " ".join(format_timecode(frame, fps) for frame in edges)
        marker = format_timecode(record + frame_of(event) - first, fps)
        lines += [
            f"{number:03d}  AX       V     C        {codes}",
            f"* FROM CLIP NAME: {name}",
            f"* LOC: {marker} RED     {_line(event.label)}",
        ]
        if event.team is not None:
            lines.append(f"* COMMENT: TEAM {_line(event.team)}")
        record += last - first
    return "\n".join(lines) + "\n"


def read_edl(data: bytes, options: ReadOptions) -> ReadFile:
    """Read the markers of an EDL, or its cuts where there is no marker.

    A cut without a marker has its clip's name as type, and needs `lead_s` to tell
    where in it the event is.

    Raises:
        BadAnnotations: it has no cut, or is no text.
        NeedsOption: the frames per second are not known, or where events are.
    """
    text, note = decode_text(data, options.encoding)
    fps = exact_rate(rate_of(options.clock))
    cuts: list[tuple[str, re.Match[str], list[str]]] = []
    lines = _with_marks(map(str.strip, text.splitlines()), fps)
    for number, line in enumerate(lines, start=1):
        if match := _CUT.match(line):
            cuts.append((f"line {number}", match, []))
        elif line.startswith("*") and cuts:
            cuts[-1][2].append(line)
    if not cuts and not text.lstrip("\ufeff").startswith("TITLE:"):
        raise BadAnnotations("has no cut `001  AX  V  C  00:00:05:00 ...`: not an EDL")
    file, events = ReadFile(notes=[note] if note else []), []
    for where, match, remarks in cuts:
        try:
            events += _read_cut(where, match, remarks, fps, options)
        except NeedsOption:
            raise
        except ValueError as exc:
            file.problems.append(Problem(where, str(exc)))
    file.videos.append(ReadVideo(tuple(events), provenance=_provenance_in(text)))
    return file


def _with_marks(lines: Iterable[str], fps: float) -> Iterator[str]:
    """Mark drop-frame timecodes by `;` where only a line FCM says that they are."""
    is_dropped = False
    for line in lines:
        if mode := _MODE.match(line):
            is_dropped = mode[1] is None and has_drop_frame(fps)
        if is_dropped and (_CUT.match(line) or _MARKER.match(line)):
            count = 4 if _CUT.match(line) else 1  # A marker's name may have one, too.
            codes = re.findall(_CODE, line)[:count]
            if all(set(code) <= set("0123456789:") for code in codes):
                line = _COLONS.sub(r"\1;\2", line, count=count)
        yield line


def _read_cut(
    where: str,
    match: re.Match[str],
    remarks: Sequence[str],
    fps: float,
    options: ReadOptions,
) -> list[ReadEvent]:
    first, last, record = (parse_timecode(match[group], fps) for group in (5, 6, 7))
    if last < first:
        raise ValueError(f"ends at {match[6]}, before it starts at {match[5]}")
    markers = [found for remark in remarks if (found := _MARKER.match(remark))]
    team = next((m[1].strip() for one in remarks if (m := _TEAM.match(one))), None)
    if markers:
        frames = [first + parse_timecode(marker[1], fps) - record for marker in markers]
        return [
            _event(where, marker[3], frame, fps, options, team)
            for marker, frame in zip(markers, frames, strict=True)
        ]
    if options.lead_s is None:
        raise NeedsOption(
            "lead_s",
            "cuts have a length and no marker: say how many seconds after its start "
            "the event is (0: at the start)",
        )
    names = (one.partition("NAME:")[2].strip() for one in remarks if "NAME:" in one)
    label = next(names, match[2])
    frame = first + round(options.lead_s * fps)
    return [_event(where, label, frame, fps, options, team)]


def _event(
    where: str,
    label: str,
    frame: int,
    fps: float,
    options: ReadOptions,
    team: str | None,
) -> ReadEvent:
    """Take the frame for the video's own, but where its rate varies: there the time.

    Editing programs bring a video of a variable rate to a constant one.
    """
    if options.clock is not None and not options.clock.is_constant:
        return ReadEvent(where, label, frame / fps, team=team)
    return ReadEvent(where, label, frame=frame, team=team)


def _remarks_on(provenance: Provenance) -> list[str]:
    """Give the remarks that tell it, without the history, a short line each."""
    text = provenance.without_history().to_line()
    pieces = [text[at : at + PIECE] for at in range(0, len(text), PIECE)]
    return [f"{REMARK} {piece}" for piece in pieces]


def _provenance_in(text: str) -> Provenance | None:
    lines = (line.strip() for line in text.splitlines())
    pieces = [line[len(REMARK) + 1 :] for line in lines if line.startswith(REMARK)]
    return read_line("".join(_padded(pieces)))


def _padded(pieces: Sequence[str]) -> list[str]:
    """Give back the spaces at the end of a piece that stripping took."""
    return [*(piece.ljust(PIECE) for piece in pieces[:-1]), *pieces[-1:]]


def _line(text: str) -> str:
    """Give a text that stays on one line."""
    return " ".join(text.split())


def _is_like(sample: Sample) -> bool:
    heads = sample.lines[:2]
    is_headed = bool(heads) and heads[0].startswith("TITLE:")
    return is_headed or any(_CUT.match(line) for line in sample.lines)


EDL = EventFormat(
    name="edl",
    title="an edit decision list (CMX3600)",
    suffix="edl",
    media_type="text/plain",
    is_like=_is_like,
    holds=Holds(
        "constant",
        team=True,
        provenance="summary",
        loses="scores; what else is known; rates without a timecode; past 24 hours; "
        "some programs take 999 events at most",
    ),
    read=read_edl,
    write=to_edl,
)

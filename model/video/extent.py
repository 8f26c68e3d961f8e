"""How long a video is, how many frames it has and how fast: frames decide, not headers.

A header is believed where the frames near its end agree; else the file is read through.
Nothing is decoded here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
import av.error
from av.packet import Packet
from av.video.stream import VideoStream

from model.video.opening import rewind
from model.video.source import VideoSource

_SMALL_BYTES = 32 << 20
"""Up to this size a file is read through: it takes less than a second."""

_TAIL_S = 10
_NEAR_S = 1.0
_NEAR_SHARE = 0.01
_MAX_LEAD_S = 600


@dataclass(frozen=True, slots=True)
class Extent:
    """What was found.

    Attributes:
        duration_s: from the file's start to the end of the last frame shown.
        frames: shown; None if they were not counted.
        fps: frames a second on average; 0 if it cannot be told.
    """

    duration_s: float
    frames: int | None
    fps: float


def measure_extent(source: VideoSource, *, size_bytes: int) -> Extent:
    """Measure a source of which nothing else will be read but by seeking."""
    stated_s = _stated_duration(source)
    if stated_s is not None:
        index = _Index.of(source)
        if index is not None and _is_near(stated_s, index.duration_s):
            return _extent(source, stated_s, index.frames, index.duration_s)
        if size_bytes > _SMALL_BYTES and _ends_near(source, stated_s):
            return _extent(source, stated_s, None, stated_s)
    return _scan(source)


@dataclass(frozen=True, slots=True)
class _Index:
    """The frames that an MP4's index lists, less those that its edit list hides."""

    frames: int
    duration_s: float

    @classmethod
    def of(cls, source: VideoSource) -> "_Index | None":
        entries = source.stream.index_entries
        is_whole = 2 <= source.stream.frames <= len(entries)
        if "mp4" not in source.container.format.name or not is_whole:
            return None
        times = [entry.timestamp for entry in entries if not entry.is_discard]
        if len(times) < 2:
            return None
        span = Fraction(times[-1] - times[0]) * source.time_base
        return cls(len(times), float(span * len(times) / (len(times) - 1)))


def _stated_duration(source: VideoSource) -> float | None:
    stream = source.stream
    if stream.duration:
        start = stream.start_time or 0
        return float((start + stream.duration) * source.time_base - source.start_s)
    if source.container.duration:
        return source.container.duration / av.time_base
    return None


def _is_near(one_s: float, other_s: float) -> bool:
    return abs(one_s - other_s) <= max(_NEAR_S, _NEAR_SHARE * one_s)


def _ends_near(source: VideoSource, stated_s: float) -> bool:
    """Tell if the last packets are where the header says that the video ends."""
    at_s = source.start_s + Fraction(max(0.0, stated_s - _TAIL_S))
    try:
        source.container.seek(round(at_s / source.time_base), stream=source.stream)
    except av.error.FFmpegError:
        return False
    last_s: float | None = None
    for packet in _packets(source):
        at = packet.pts if packet.pts is not None else packet.dts
        if at is not None:
            last_s = float(at * source.time_base - source.start_s)
    return last_s is not None and _is_near(stated_s, last_s)


def _scan(source: VideoSource) -> Extent:
    """Read the file through; its clock is corrected as that of the frames is.

    Packets come in decoding order, as far apart as their frames are shown.
    """
    clock = source.clock()
    first: Packet[VideoStream] | None = None
    first_s = last_s = Fraction(0)
    count = 0
    rewind(source.container)
    packets = _packets(source)
    while True:
        packet = next(packets, None)
        if packet is None:
            times = clock.close()
        else:
            first = first or packet
            dts = packet.pts if packet.dts is None else packet.dts
            times = clock.push(None, dts)
        for timed in times:
            count += 1
            if timed.index == 0:
                first_s = timed.time_s
            last_s = timed.time_s
        source.limits.check_duration(float(last_s - first_s))
        if packet is None:
            break
    if first is None:
        return Extent(0.0, 0, 0.0)
    shown_s = last_s - first_s + clock.gap_s
    return _extent(
        source, float(_lead_s(source, first) + shown_s), count, float(shown_s)
    )


def _lead_s(source: VideoSource, first: "Packet[VideoStream]") -> Fraction:
    """Return how long the file runs before its first frame; 0 where that is absurd."""
    if first.pts is None:
        return Fraction(0)
    lead_s = first.pts * source.time_base - source.start_s
    return lead_s if 0 <= lead_s <= _MAX_LEAD_S else Fraction(0)


def _extent(
    source: VideoSource, duration_s: float, frames: int | None, shown_s: float
) -> Extent:
    """Add the rate: the header's unless the frames that were counted say otherwise."""
    stream, limits = source.stream, source.limits
    measured = frames / shown_s if frames and frames > 1 and shown_s > 0 else 0.0
    for rate in (stream.average_rate, stream.guessed_rate):
        stated = float(rate or 0)
        is_near = not measured or abs(stated - measured) <= measured / 10
        if 0 < stated <= limits.max_fps and is_near:
            return Extent(duration_s, frames, stated)
    return Extent(duration_s, frames, measured or _measure_rate(source))


def _measure_rate(source: VideoSource) -> float:
    """Return frames a second over the first packets; 0 if there is but one."""
    rewind(source.container)
    times = []
    for packet in _packets(source):
        if packet.dts is not None:
            times.append(packet.dts)
        if len(times) == 500:
            break
    if len(times) < 2 or times[-1] <= times[0]:
        return 0.0
    return float((len(times) - 1) / ((times[-1] - times[0]) * source.time_base))


def _packets(source: VideoSource) -> "Iterator[Packet[VideoStream]]":
    """Read the packets of frames that are shown, from where the file stands."""
    for packet in source.packets():
        if packet is not None and not packet.is_discard:
            yield packet

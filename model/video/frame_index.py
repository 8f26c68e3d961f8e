"""When each frame of a file is shown and which can be begun at, without decoding.

The container is read once; a file whose times must be repaired as it is decoded, or
that cannot be entered at a key frame, has no such index.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import count, groupby

import av.error
from av.packet import Packet
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from model.errors import CannotSplit
from model.video.decode import choose_frames
from model.video.input_file import InputFile
from model.video.limits import DEFAULT_LIMITS, MediaLimits
from model.video.pictures import Pictures
from model.video.source import SourceFrame, Tally, VideoSource, open_video
from model.video.step_index import Stretch

_SEEK_BACK_S = (0, 2, 10, 60)


@dataclass(frozen=True, slots=True)
class FrameIndex:
    """All frames of a file, in order of time.

    Attributes:
        pts: of each frame, in the stream's time base, rising.
        time_s: of each frame, exact seconds from the file's start.
        keys: PTS of the key frames, rising; where an edit list hides what the file
            begins with, the first one is its first packet's, before all frames.
        until_s: when the last frame ends, as far as that can be known.
    """

    pts: tuple[int, ...]
    time_s: tuple[Fraction, ...]
    keys: tuple[int, ...]
    until_s: Fraction


def index_frames(
    file: InputFile,
    *,
    limits: MediaLimits = DEFAULT_LIMITS,
    tally: Tally | None = None,
) -> FrameIndex:
    """Read a file's packets, and decode none.

    Raises:
        CannotSplit: times are missing or wrong, packets are damaged, or the file does
            not begin with a key frame.
        UnreadableVideo, UnsupportedMedia, NoVideoStream, VideoLimitExceeded: see
            `model.video.source`.
    """
    with open_video(file, limits=limits, tally=tally) as source:
        if source.has_decoding_times_only:
            raise CannotSplit("the file does not say when frames are shown")
        shown: list[tuple[int, int | None]] = []
        keys: list[int] = []
        seen = 0
        for packet in source.packets():
            if packet is None:
                break
            source.check(packet)
            if packet.pts is None:
                raise CannotSplit(f"packet {seen} has no presentation time")
            seen += 1
            limits.check_frames(seen, within_s=float("inf"))
            if packet.is_discard:  # An edit list hides it.
                if seen == 1 and packet.is_keyframe:
                    keys.append(packet.pts)
                continue
            shown.append((packet.pts, packet.dts))
            if packet.is_keyframe:
                keys.append(packet.pts)
        if source.tally.corrupt_packets:
            raise CannotSplit("packets of the file are damaged")
        shown.sort(key=lambda times: times[0])
        keys.sort()
        if not shown or not keys or keys[0] > shown[0][0]:
            raise CannotSplit("the file does not begin with a key frame")
        times_s, until_s = _times_of(source, shown)
        every = tuple(pts for pts, _ in shown)
        return FrameIndex(every, times_s, tuple(keys), until_s)


def _times_of(
    source: VideoSource, shown: list[tuple[int, int | None]]
) -> tuple[tuple[Fraction, ...], Fraction]:
    clock = source.clock()
    timed = [given for pts, dts in shown for given in clock.push(None, pts, dts)]
    timed += clock.close()
    if clock.outliers or clock.restarts:
        raise CannotSplit("times of frames must be repaired from the file's beginning")
    if timed:
        source.limits.check_duration(float(timed[-1].time_s))
    until_s = timed[-1].time_s + clock.gap_s if timed else Fraction(0)
    return tuple(one.time_s for one in timed), until_s


def decode_stretch(
    file: InputFile,
    stretch: Stretch,
    *,
    limits: MediaLimits = DEFAULT_LIMITS,
    tally: Tally | None = None,
) -> Iterator[SourceFrame]:
    """Decode the frames of a stretch, from the key frame before them.

    Raises:
        CannotSplit: what comes out is not what the index says, or the file cannot be
            entered there.
        UnreadableVideo, UnsupportedMedia, NoVideoStream, VideoLimitExceeded: see
            `model.video.source`.
    """
    left = zip(
        *(count(stretch.first), stretch.pts.tolist(), stretch.ticks.tolist()),
        strict=False,
    )
    with open_video(file, limits=limits, tally=tally) as source:
        frame, pts, ticks = next(left)
        for picture in _pictures_from(source, stretch.key, is_hidden=stretch.is_hidden):
            if picture.pts is None:
                raise CannotSplit("a decoded frame has no time")
            if picture.pts < stretch.pts[0]:
                continue
            if picture.pts != pts:
                raise CannotSplit(f"frame {frame} is not the one that the index names")
            if picture.is_corrupt:
                raise CannotSplit(f"frame {frame} is damaged")
            limits.check_size(picture.width, picture.height)
            source.tally.frames += 1
            time_s = Fraction(ticks, stretch.ticks_per_s)
            yield SourceFrame(frame, pts, time_s, picture)
            following = next(left, None)
            if following is None:
                return
            frame, pts, ticks = following
    raise CannotSplit(f"frame {frame} could not be decoded")


def _pictures_from(
    source: VideoSource, key_pts: int, *, is_hidden: bool
) -> Iterator[VideoFrame]:
    decoder = Pictures(source.stream, source.limits)
    is_entered = is_hidden  # The file begins there, and its picture is not given.
    for packet in _packets_from(source, key_pts):
        if packet is not None:
            source.check(packet)
        given = decoder.flush() if packet is None else decoder.decode(packet)
        for picture in given:
            if decoder.refused:
                raise CannotSplit("packets of the file are damaged")
            if not is_entered and picture.pts is not None and picture.pts >= key_pts:
                is_entered = True
                if picture.pts != key_pts or picture.pict_type != PictureType.I:
                    raise CannotSplit("a key frame is not whole by itself")
            yield picture


def _packets_from(
    source: VideoSource, key_pts: int
) -> "Iterator[Packet[VideoStream] | None]":
    """Give the packets from a key frame on; seeks may miss it at first."""
    for back_s in _SEEK_BACK_S:
        wanted = key_pts - round(back_s / source.time_base)
        try:
            source.container.seek(wanted, stream=source.stream)
        except av.error.FFmpegError:
            continue
        packets = source.packets()
        for packet in packets:
            if packet is None or (packet.dts is not None and packet.dts > key_pts):
                break
            if packet.is_keyframe and packet.pts == key_pts:
                yield packet
                yield from packets
                return
    raise CannotSplit("a key frame could not be sought")


def frames_of_steps(index: FrameIndex, fps: float) -> list[int]:
    """Tell which frame of a file each step takes (see `choose_frames`)."""
    blank: Iterator[SourceFrame] = (
        SourceFrame(frame, pts, time_s, None)  # type: ignore[arg-type] # no picture is looked at
        for frame, (pts, time_s) in enumerate(zip(index.pts, index.time_s, strict=True))
    )
    return [chosen.frame for chosen in choose_frames(blank, fps=fps)]


def iter_stretch(
    file: InputFile, stretch: Stretch, *, limits: MediaLimits, tally: Tally
) -> Iterator[SourceFrame]:
    """Give the frames that the steps of a stretch take, not yet converted.

    Args:
        file: what is read, from the key frame before the stretch.
        stretch: of the file's index.
        limits: what is allowed.
        tally: is kept up to date.

    Raises:
        CannotSplit, VideoError: see `decode_stretch`.
    """
    decoded = decode_stretch(file, stretch, limits=limits, tally=tally)
    for frame, repeats in groupby(stretch.frames.tolist()):
        source = next(one for one in decoded if one.frame == frame)
        for _ in repeats:
            yield source

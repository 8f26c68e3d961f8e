"""When each frame of a file is shown and which can be begun at, without decoding.

The container is read once; a file whose times must be repaired as it is decoded, or
that cannot be entered at a key frame, has no such index.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby, pairwise

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

_SEEK_BACK_S = (0, 2, 10, 60)


@dataclass(frozen=True, slots=True)
class FrameIndex:
    """All frames of a file, in order of time.

    Attributes:
        pts: of each frame, in the stream's time base, rising.
        time_s: of each frame, exact seconds from the file's start.
        keys: PTS of the key frames, rising.
        until_s: when the last frame ends, as far as that can be known.
    """

    pts: tuple[int, ...]
    time_s: tuple[Fraction, ...]
    keys: tuple[int, ...]
    until_s: Fraction

    @property
    def longest_group_s(self) -> float:
        """Seconds between the two key frames farthest apart; the end counts as one."""
        starts = [self.time_s[bisect_right(self.pts, key) - 1] for key in self.keys]
        groups = pairwise([*starts, self.until_s])
        return float(max(end - start for start, end in groups))

    def key_before(self, frame: int) -> int:
        """Give the PTS of the last key frame that is shown no later than a frame."""
        return self.keys[bisect_right(self.keys, self.pts[frame]) - 1]


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
        for packet in source.packets():
            if packet is None:
                break
            source.check(packet)
            if packet.pts is None:
                raise CannotSplit(f"packet {len(shown)} has no presentation time")
            limits.check_frames(len(shown) + 1, within_s=float("inf"))
            shown.append((packet.pts, packet.dts))
            if packet.is_keyframe:
                keys.append(packet.pts)
        if source.tally.corrupt_packets:
            raise CannotSplit("packets of the file are damaged")
        shown.sort(key=lambda times: times[0])
        keys.sort()
        if not keys or keys[0] != shown[0][0]:
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
    index: FrameIndex,
    first: int,
    end: int,
    *,
    limits: MediaLimits = DEFAULT_LIMITS,
    tally: Tally | None = None,
) -> Iterator[SourceFrame]:
    """Decode the frames from `first` to before `end`, from the key frame before them.

    Raises:
        CannotSplit: what comes out is not what the index says, or the file cannot be
            entered there.
        UnreadableVideo, UnsupportedMedia, NoVideoStream, VideoLimitExceeded: see
            `model.video.source`.
    """
    with open_video(file, limits=limits, tally=tally) as source:
        at = first
        for picture in _pictures_from(source, index.key_before(first)):
            if picture.pts is None:
                raise CannotSplit("a decoded frame has no time")
            if picture.pts < index.pts[first]:
                continue
            if at >= len(index.pts) or picture.pts != index.pts[at]:
                raise CannotSplit(f"frame {at} is not the one that the index names")
            if picture.is_corrupt:
                raise CannotSplit(f"frame {at} is damaged")
            limits.check_size(picture.width, picture.height)
            source.tally.frames += 1
            yield SourceFrame(at, index.pts[at], index.time_s[at], picture)
            at += 1
            if at == end:
                return
    raise CannotSplit(f"frame {at} could not be decoded")


def _pictures_from(source: VideoSource, key_pts: int) -> Iterator[VideoFrame]:
    decoder = Pictures(source.stream, source.limits)
    is_entered = False
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
    file: InputFile,
    fps: float,
    steps: tuple[int, int],
    *,
    limits: MediaLimits,
    tally: Tally,
) -> Iterator[SourceFrame]:
    """Give the frames that the steps of a stretch take, not yet converted.

    Args:
        file: what is read.
        fps: steps a second.
        steps: the first one, and the one behind the last.
        limits: what is allowed.
        tally: is kept up to date.

    Raises:
        CannotSplit, VideoError: see `index_frames` and `decode_stretch`.
    """
    index = index_frames(file, limits=limits, tally=tally)
    wanted = frames_of_steps(index, fps)[slice(*steps)]
    if len(wanted) != steps[1] - steps[0] or not wanted:
        raise CannotSplit("the video has not the steps that were planned")
    decoded = decode_stretch(
        file, index, wanted[0], wanted[-1] + 1, limits=limits, tally=tally
    )
    for frame, repeats in groupby(wanted):
        source = next(one for one in decoded if one.frame == frame)
        for _ in repeats:
            yield source

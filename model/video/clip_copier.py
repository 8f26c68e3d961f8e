"""Copies cuts of a video into MP4 without encoding: from the key frame before each.

Each cut begins with that key frame and ends with the first frame, from its last one
on, that no earlier frame waits for. Only what MP4 takes as it is, and frames whose
packets tell their times: `CannotCopy` says that it is not so.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from typing import IO, Any, cast

import av
import av.error
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from model.video.clip_job import ClipJob, DecodingTimes, Part
from model.video.copied_stream import add_copy
from model.video.cut_sound import BEFORE_S, seek_sound
from model.video.cuts import Cut
from model.video.limits import CODECS, MediaLimits
from model.video.opening import open_container
from model.video.packet_reader import CannotCopy, NumberedPacket, PacketReader
from model.video.proxy_sound import CODECS as SOUND_CODECS
from model.video.proxy_writer import choose_time_scale
from model.video.source import Tally, VideoSource, open_video

PICTURES = ("h264", "hevc", "av1", "libdav1d", "vp9", "mpeg4")
SOUNDS = ("aac", "mp3", "mp3float", "ac3", "eac3", "opus", "libopus", "flac", "alac")
_REORDER = 4
"""Frames that a decoder may hold back; more is not copied."""

_BUFFER_BYTES = 1 << 20


def copy_clips(
    target: IO[bytes],
    job: ClipJob,
    *,
    limits: MediaLimits,
    tally: Tally,
    tell: Callable[[int], None],
) -> dict[str, Any]:
    """Copy the files one behind the other; returns the message, see `write_clips`.

    The message has `cuts`, too: the frames that are there, file by file.

    Raises:
        CannotCopy: not this file.
        ModelError: see `model.video.source`.
        OSError: the target cannot be written.
    """
    if len(job.sources) > 1 or job.size or job.has_captions:
        raise CannotCopy
    file, again = job.sources[0].file, job.sources[0].again
    with ExitStack() as cleanup:
        source = cleanup.enter_context(open_video(file, limits=limits, tally=tally))
        # Else what its sound is would not be known of every MPEG-TS.
        container = cleanup.enter_context(
            open_container(again, codecs=f"{CODECS},{SOUND_CODECS}")
        )
        copier = _Copier(source, container, target, job, tell)
        try:
            return copier.all()
        except (av.error.ArgumentError, av.error.InvalidDataError) as exc:
            raise CannotCopy from exc  # MP4 does not take it: sound that goes back.


class _Copier:
    def __init__(
        self,
        source: VideoSource,
        container: InputContainer,
        target: IO[bytes],
        job: ClipJob,
        tell: Callable[[int], None],
    ) -> None:
        self._packets = PacketReader(source, job.times)
        if source.stream.codec_context.name not in PICTURES:
            raise CannotCopy
        self._source, self._container, self._job = source, container, job
        self._target, self._end, self._tell = target, target.tell(), tell
        self._sound = _sound(container)
        self._scale = choose_time_scale(source.time_base, source.start_s)
        self._frames = 0
        has_later = source.stream.codec_context.has_b_frames
        self._late = _REORDER if has_later else 0
        self._frame = round(self._scale / (job.times.fps or 25))

    def all(self) -> dict[str, Any]:
        places, cuts = [], []
        for wanted in self._job.files:
            place, copied = self._file(wanted)
            places.append(place)
            cuts.append(copied)
        context = self._source.stream.codec_context
        return {
            "mode": "copy",
            "files": places,
            "cuts": cuts,
            "frames": self._frames,
            "width": context.width,
            "height": context.height,
            "has_sound": self._sound is not None,
        }

    def _file(
        self, cuts: Sequence[Cut]
    ) -> tuple[tuple[int, int], list[tuple[int, int]]]:
        start, part = self._end, Part(self._target, self._end)
        muxer = {"video_track_timescale": str(self._scale)}
        copied = []
        try:
            with av.open(
                cast("IO[bytes]", part),
                "w",
                format="mp4",
                options=muxer,
                buffer_size=_BUFFER_BYTES,
            ) as output:
                output.metadata.update(self._job.metadata)
                pictures = add_copy(output, self._source.stream)
                sound = None
                if self._sound is not None:
                    sound = add_copy(output, self._sound)
                decoding = DecodingTimes(self._late, frame=self._frame)
                end = 0
                for cut in cuts:
                    bounds, end = self._cut(output, pictures, sound, cut, decoding, end)
                    copied.append(bounds)
                    self._tell(self._frames)
        finally:
            self._end = start + part.size
        return (start, self._end), copied

    def _cut(
        self,
        output: Any,
        pictures: VideoStream,
        sound: AudioStream | None,
        cut: Cut,
        decoding: DecodingTimes,
        begin: int,
    ) -> tuple[tuple[int, int], int]:
        """Copy a cut to a moment of the file; tells its frames, and when it ends."""
        first, numbered = self._packets.from_key_frame(cut)
        numbered = self._whole(numbered)
        begins, count = self._ticks(first), 0
        until = first
        for number, packet in numbered:
            if until >= cut.until and number >= until and count == until - first:
                break  # Nothing that is shown before the cut's end is missing.
            count += 1
            until = max(until, number + 1)
            place = begin + self._ticks(number) - begins
            decoded = first + count - 1
            if decoded >= len(self._job.times):
                raise CannotCopy
            packet.pts = place
            packet.dts = decoding.next(begin + self._ticks(decoded) - begins)
            if packet.dts > packet.pts:
                raise CannotCopy
            packet.time_base = Fraction(1, self._scale)
            packet.duration = self._ends(number) - self._ticks(number)
            packet.stream = pictures
            output.mux(packet)
            self._frames += 1
        if count != until - first or until < cut.until:
            raise CannotCopy
        if sound is not None:
            self._copy_sound(output, sound, first, until, begin)
        return (first, until), begin + self._ends(until - 1) - begins

    def _whole(self, numbered: Iterator[NumberedPacket]) -> Iterator[NumberedPacket]:
        """Give the packets, if the first can be decoded without those before it.

        Where pictures are refreshed bit by bit, "key frames" are where that begins.
        """
        number, packet = next(numbered)
        stream = self._source.stream
        try:
            pictures = [*stream.decode(packet), *stream.decode(None)]
        except av.error.FFmpegError as exc:
            if isinstance(exc, MemoryError):
                raise
            raise CannotCopy from exc
        stream.codec_context.flush_buffers()
        if not any(one.pts == packet.pts and not one.is_corrupt for one in pictures):
            raise CannotCopy
        yield number, packet
        yield from numbered

    def _copy_sound(
        self, output: Any, sound: AudioStream, first: int, until: int, begin: int
    ) -> None:
        """Copy the packets of sound that begin while these frames are shown."""
        if self._sound is None:
            return
        times, source = self._job.times, self._source
        start_s, end_s = times.time_of(first), times.end_of(until - 1)
        base = self._sound.time_base or Fraction(1, 48_000)
        offset_s = float(source.start_s)
        before_s = max(Fraction(0), Fraction(start_s) - BEFORE_S)
        try:
            seek_sound(self._container, self._sound, source.start_s + before_s)
        except av.error.FFmpegError as exc:
            raise CannotCopy from exc
        shift = round((Fraction(begin, self._scale) - Fraction(start_s)) / base)
        for packet in self._container.demux(self._sound):
            if packet.pts is None:
                continue
            at_s = float(packet.pts * base) - offset_s
            if at_s >= end_s:
                return
            if at_s < start_s:
                continue
            packet.pts = packet.dts = packet.pts - round(source.start_s / base) + shift
            packet.stream = sound
            output.mux(packet)

    def _ticks(self, number: int) -> int:
        return round(self._job.times.time_of(number) * self._scale)

    def _ends(self, number: int) -> int:
        return round(self._job.times.end_of(number) * self._scale)


def _sound(container: InputContainer) -> AudioStream | None:
    """Find the sound that is played; CannotCopy if MP4 does not take it."""
    streams = list(container.streams.audio)
    if not streams:
        return None
    chosen = max(streams, key=lambda s: (s.disposition & Disposition.default, -s.index))
    if chosen.codec_context is None or chosen.codec_context.name not in SOUNDS:
        raise CannotCopy
    if not chosen.codec_context.sample_rate:
        raise CannotCopy
    return chosen

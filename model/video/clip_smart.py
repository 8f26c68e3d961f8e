"""Cuts a video to the frame, and encodes only the borders of each cut anew.

Between them its own packets are copied: from the first IDR picture in the cut to the
last frame that no earlier one waits for. H.264 of 8 bits, 4:2:0 and no fields, whose
packets tell their times; sound is encoded as `clip_writer` does it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import IO, Any, NamedTuple, cast

import av
from av.packet import Packet
from av.video.stream import VideoStream

from model.video.border_encoder import BorderEncoder
from model.video.clip_job import ClipJob, Part
from model.video.clip_sources import open_sound
from model.video.cut_reader import SeekingReader, TimesNotKept
from model.video.cut_sound import CutSound
from model.video.cuts import Cut
from model.video.h264 import (
    IDR,
    UnsupportedStream,
    read_extradata,
    type_of,
    with_lengths,
)
from model.video.limits import MediaLimits
from model.video.packet_reader import CannotCopy, PacketReader
from model.video.packet_writer import Written, WrittenFile
from model.video.proxy_sound import Offsets
from model.video.proxy_writer import choose_time_scale
from model.video.source import Tally, VideoSource, open_video

_MOST_LATE = 16
"""Frames that a decoder holds back at most (H.264, `max_dec_frame_buffering`)."""

_WORTH_FRAMES = 8
"""Fewer are encoded with the borders."""

_BUFFER_BYTES = 1 << 20


class Inner(NamedTuple):
    """Frames of a cut that are copied."""

    first: int
    until: int


def cut_smartly(
    target: IO[bytes],
    job: ClipJob,
    *,
    limits: MediaLimits,
    tally: Tally,
    tell: Callable[[int], None],
) -> dict[str, Any]:
    """Write the files one behind the other; returns the message, see `write_clips`.

    Raises:
        CannotCopy: not this file, or nothing of these cuts.
        ModelError: see `model.video.source`.
        OSError: the target cannot be written.
    """
    if len(job.sources) > 1 or job.size or job.has_captions:
        raise CannotCopy
    file, again = job.sources[0].file, job.sources[0].again
    with ExitStack() as cleanup:
        source = cleanup.enter_context(open_video(file, limits=limits, tally=tally))
        try:
            cutter = _Cutter(source, target, job, tell)
            inner = cutter.plan()
            sound = open_sound(again, cleanup, tally, can_seek=True)
            return cutter.write(inner, sound)
        except (UnsupportedStream, TimesNotKept) as exc:
            raise CannotCopy from exc


class _Cutter:
    def __init__(
        self,
        source: VideoSource,
        target: IO[bytes],
        job: ClipJob,
        tell: Callable[[int], None],
    ) -> None:
        context = source.stream.codec_context
        if context.name != "h264":
            raise CannotCopy
        self._packets = PacketReader(source, job.times)
        self._framing, sets = read_extradata(context.extradata or b"")
        self._scale = choose_time_scale(source.time_base, source.start_s)
        self._borders = BorderEncoder(source.stream, sets, time_scale=self._scale)
        self._known, self._sets = sets, sets.joined(self._borders.sets)
        self._source, self._job, self._tell = source, job, tell
        self._target, self._end = target, target.tell()
        self._frames = self._copied = self._late = 0

    def plan(self) -> list[list[Inner | None]]:
        """Tell what can be copied of each cut.

        Raises:
            CannotCopy: nothing.
        """
        planned = [[self._inner(cut) for cut in cuts] for cuts in self._job.files]
        is_nothing = not any(inner for file in planned for inner in file)
        if is_nothing or self._late > _MOST_LATE:
            raise CannotCopy
        return planned

    def write(
        self, planned: Sequence[Sequence[Inner | None]], sound: CutSound | None
    ) -> dict[str, Any]:
        """Write all files as they are planned."""
        places = [
            self._file(cuts, inner, sound)
            for cuts, inner in zip(self._job.files, planned, strict=True)
        ]
        context = self._source.stream.codec_context
        return {
            "mode": "smart",
            "files": places,
            "frames": self._frames,
            "copied_frames": self._copied,
            "width": context.width,
            "height": context.height,
            "has_sound": sound is not None,
        }

    def _inner(self, cut: Cut) -> Inner | None:
        _, numbered = self._packets.from_key_frame(cut)
        first, count, until, whole = -1, 0, 0, 0
        for number, packet in numbered:
            if first < 0:
                if number >= cut.until and packet.is_keyframe:
                    return None
                if number < cut.first or not self._is_idr(packet):
                    continue
                first = until = number
            if number < first:
                raise CannotCopy  # It is no IDR picture after all.
            self._late = max(self._late, count - (number - first))
            count, until = count + 1, max(until, number + 1)
            if until > cut.until:
                break
            if count == until - first:
                whole = count
        return Inner(first, first + whole) if whole >= _WORTH_FRAMES else None

    def _is_idr(self, packet: "Packet[VideoStream]") -> bool:
        if not packet.is_keyframe:
            return False
        return any(type_of(unit) == IDR for unit in self._framing.units(bytes(packet)))

    def _file(
        self,
        cuts: Sequence[Cut],
        planned: Sequence[Inner | None],
        sound: CutSound | None,
    ) -> tuple[int, int]:
        start, part = self._end, Part(self._target, self._end)
        muxer = {
            "video_track_timescale": str(self._scale),
            "movie_timescale": str(self._scale),
        }
        try:
            with av.open(
                cast("IO[bytes]", part),
                "w",
                format="mp4",
                options=muxer,
                buffer_size=_BUFFER_BYTES,
            ) as output:
                output.metadata.update(self._job.metadata)
                pictures = output.add_stream_from_template(self._source.stream)
                pictures.codec_context.extradata = self._sets.avc_box()
                written = WrittenFile(
                    *(output, pictures, sound, self._job, self._scale),
                    late=self._late,
                )
                for cut, inner in zip(cuts, planned, strict=True):
                    written.begin(cut, Offsets(self._source.start_s))
                    for one in self._cut(cut, inner):
                        written.put(one)
                        self._frames += 1
                    written.end()
                    self._tell(self._frames)
                written.finish()
        finally:
            self._end = start + part.size
        return start, self._end

    def _cut(self, cut: Cut, inner: Inner | None) -> Iterator[Written]:
        if inner is None:
            yield from self._encoded(cut)
            return
        if inner.first > cut.first:
            yield from self._encoded(replace(cut, until=inner.first))
        yield from self._copies(inner)
        if inner.until < cut.until:
            yield from self._encoded(replace(cut, first=inner.until))

    def _encoded(self, cut: Cut) -> Iterator[Written]:
        reader = SeekingReader(self._source, self._job.times)
        frames = ((picture, number) for number, picture in reader.frames(cut))
        for data, at, is_key in self._borders.encode(self._timed(frames)):
            yield Written(data, self._numbers.pop(at), is_key)

    def _timed(self, frames: Iterable[tuple[Any, int]]) -> Iterator[tuple[Any, int]]:
        """Give the encoder moments, and keep which frame each belongs to."""
        self._numbers: dict[int, int] = {}
        for picture, number in frames:
            at = round(self._job.times.time_of(number) * self._scale)
            self._numbers[at] = number
            yield picture, at

    def _copies(self, inner: Inner) -> Iterator[Written]:
        first, numbered = self._packets.from_key_frame(Cut(*inner))
        if first != inner.first:
            raise CannotCopy
        for _ in range(inner.until - inner.first):
            number, packet = next(numbered, (-1, None))
            if packet is None or not inner.first <= number < inner.until:
                raise CannotCopy
            units = self._framing.units(bytes(packet))
            self._copied += 1
            yield Written(
                with_lengths(units, self._known), number, bool(packet.is_keyframe)
            )

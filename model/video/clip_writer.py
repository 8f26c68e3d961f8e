"""Writes cuts of videos as MP4 with the very frames asked for, in this process.

The child's side of `model.video.clips`. Encoder and sound are those of proxies.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from fractions import Fraction
from time import monotonic
from typing import IO, TYPE_CHECKING, Any, cast

import numpy as np
from av.video.frame import VideoFrame

from model.video.clip_job import ClipJob, Part
from model.video.clip_sources import ClipSources, OpenSource
from model.video.cut_reader import CutReader, TimesNotKept
from model.video.cut_sound import SoundBlocks
from model.video.cuts import MAX_SIDE, Cut
from model.video.limits import MediaLimits
from model.video.proxy_picture import ProxyPicture
from model.video.proxy_sound import CHANNELS, RATE, Samples
from model.video.proxy_writer import CLEARER, ProxyWriter, choose_time_scale, open_proxy
from model.video.source import Tally

if TYPE_CHECKING:
    from model.video.caption_picture import CaptionPainter

_TELL_EVERY_S = 0.5
_ANY_SCALE = 1_000_000
"""Units a second where videos with different ones are joined."""


def write_clips(
    target: IO[bytes],
    job: ClipJob,
    *,
    limits: MediaLimits,
    tally: Tally,
    tell: Callable[[int], None],
    painter: "CaptionPainter | None" = None,
) -> dict[str, Any]:
    """Write the files one behind the other; returns the message.

    Args:
        target: is written, from where it stands.
        job: what is to be written.
        limits: what is allowed.
        tally: is kept up to date.
        tell: is told now and then how many frames are written.
        painter: writes captions, where there are any.

    Raises:
        ModelError: see `model.video.source`.
        OSError: the target cannot be written.
    """
    with ExitStack() as cleanup:
        sources = ClipSources(job, limits=limits, tally=tally, cleanup=cleanup)
        writing = _Writing(target, job, sources, tell, painter)
        while True:
            try:
                return writing.all()
            except TimesNotKept:
                sources.read_in_order(writing.source)


class _Writing:
    """Writes all of it; once more, where a video turns out to be read in order.

    Attributes:
        source: which video is being read.
    """

    def __init__(
        self,
        target: IO[bytes],
        job: ClipJob,
        sources: ClipSources,
        tell: Callable[[int], None],
        painter: "CaptionPainter | None",
    ) -> None:
        self._target, self._job, self._tell = target, job, tell
        self._sources, self._has_sound = sources, sources.has_sound
        self._end = target.tell()
        self._told = monotonic()
        self._painter = painter
        self.source = 0

    def all(self) -> dict[str, Any]:
        self._frames = 0
        self._pictures: dict[int, ProxyPicture] = {}
        self._size = (0, 0)
        places = [self._file(cuts) for cuts in self._job.files]
        return {
            "mode": "exact",
            "files": places,
            "frames": self._frames,
            "width": self._size[0],
            "height": self._size[1],
            "has_sound": self._has_sound,
        }

    def _file(self, cuts: Sequence[Cut]) -> tuple[int, int]:
        start, part = self._end, Part(self._target, self._end)
        scale = self._time_scale(cuts[0])
        try:
            with open_proxy(
                cast("IO[bytes]", part),
                time_scale=scale,
                has_sound=self._has_sound,
                encoder=CLEARER,
                metadata=self._job.metadata,
            ) as writer:
                end, blocks = 0, SoundBlocks()
                for cut in cuts:
                    end = self._cut(writer, cut, blocks, begin=end, scale=scale)
                for block in blocks.finish():
                    writer.write_sound(block)
        finally:
            # Another way of reading begins behind what this one left.
            self._end = start + part.size
        return start, self._end

    def _time_scale(self, cut: Cut) -> int:
        if len(self._job.sources) > 1:
            return _ANY_SCALE
        reader = self._opened(cut).reader
        base = reader.stream.time_base or Fraction(1, 1000)
        return choose_time_scale(base, reader.offsets.first_s)

    def _opened(self, cut: Cut) -> OpenSource:
        self.source = cut.source
        return self._sources.at(cut.source)

    def _cut(
        self,
        writer: ProxyWriter,
        cut: Cut,
        blocks: SoundBlocks,
        *,
        begin: int,
        scale: int,
    ) -> int:
        """Write a cut from a moment of the file on; returns when it ends."""
        opened, times = self._opened(cut), self._job.sources[cut.source].times
        first = round(times.time_of(cut.first) * scale)
        end = begin
        for number, found in opened.reader.frames(cut):
            picture = self._converted(found, opened.reader, cut.source)
            if self._painter is not None and cut.captions:
                lines = _lines_at(cut, times.time_of(number))
                self._painter.paint(picture, lines)
            if writer.frames == 0:
                writer.begin(picture, fps=times.fps)
            if number == cut.first and opened.sound is not None:
                opened.sound.begin(Fraction(first, scale), opened.reader.offsets)
            at = begin + round(times.time_of(number) * scale) - first
            end = begin + round(times.end_of(number) * scale) - first
            writer.write(
                picture, time_s=Fraction(at, scale), end_s=Fraction(end, scale)
            )
            if self._has_sound:
                missing = round(Fraction(end * RATE, scale)) - blocks.count
                for block in blocks.add(_heard(opened, max(0, missing))):
                    writer.write_sound(block)
            self._note()
        return end

    def _converted(
        self, found: VideoFrame, reader: CutReader, source: int
    ) -> VideoFrame:
        if source not in self._pictures:
            picture = ProxyPicture(
                found, reader.stream, max_side=MAX_SIDE, size=self._job.size
            )
            self._pictures[source] = picture
            self._size = picture.width, picture.height
        return self._pictures[source].convert(found)

    def _note(self) -> None:
        self._frames += 1
        if monotonic() - self._told > _TELL_EVERY_S:
            self._tell(self._frames)
            self._told = monotonic()


def _heard(opened: OpenSource, count: int) -> Samples:
    """Give the next samples; silence where a video has no sound among others."""
    if opened.sound is None:
        return np.zeros((CHANNELS, count), np.float32)
    return opened.sound.take(count)


def _lines_at(cut: Cut, time_s: float) -> tuple[str, ...]:
    """Tell what is written over a cut at a moment of the video."""
    place = bisect_right(cut.captions, time_s + 1e-6, key=lambda one: one.from_s)
    return cut.captions[max(0, place - 1)].lines

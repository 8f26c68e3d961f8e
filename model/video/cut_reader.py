"""The frames of cuts: found by seeking where a file's times can be trusted, else by
decoding all that comes before them.

Each frame found by seeking is checked against the time that decoding the whole video
had found for it, so that a cut holds the frames asked for, or is decoded in order.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Protocol

import av.error
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from model.video.cuts import Cut
from model.video.frame_times import FrameTimes
from model.video.input_file import InputFile
from model.video.limits import MediaLimits
from model.video.pictures import Pictures
from model.video.proxy_sound import Offsets
from model.video.source import SourceFrame, Tally, VideoSource, open_video

_SAME_S = 1e-6
_AHEAD_S = (0.0, 2.0, 10.0, 60.0)
"""How long before a cut a key frame is looked for."""

NumberedPicture = tuple[int, VideoFrame]


class TimesNotKept(Exception):  # names the condition
    """A file's frames are not found by seeking: decode it in order."""


class CutReader(Protocol):
    """Gives the frames of cuts.

    Attributes:
        stream: that they are of.
        offsets: turn the file's own times into those of frames.
    """

    offsets: Offsets

    @property
    def stream(self) -> VideoStream: ...

    def frames(self, cut: Cut) -> Iterator[NumberedPicture]:
        """Give all frames of a cut, in order."""
        ...


class SeekingReader:
    """Decodes from the key frame before a cut on."""

    def __init__(self, source: VideoSource, times: FrameTimes) -> None:
        """Use a source that nobody else reads.

        Raises:
            TimesNotKept: its format does not tell when frames are shown.
        """
        if source.has_decoding_times_only:
            raise TimesNotKept
        self.offsets = Offsets(source.start_s)
        self._source, self._times = source, times

    @property
    def stream(self) -> VideoStream:
        """The stream that frames are of."""
        return self._source.stream

    def frames(self, cut: Cut) -> Iterator[NumberedPicture]:
        """Give all frames of a cut, in order.

        Raises:
            TimesNotKept: frames do not have the times that they should have; those
                given are right.
            VideoLimitExceeded: a frame has more pixels than are allowed.
        """
        given = 0
        for number, picture in self._from_key_frame(cut.first):
            if number >= cut.until:
                break
            if number >= cut.first:
                yield number, picture
                given += 1
        if given != cut.frames:
            raise TimesNotKept

    def _from_key_frame(self, frame: int) -> Iterator[NumberedPicture]:
        """Decode from a key frame that is shown before a frame, or is it."""
        wanted_s = self._times.time_of(frame)
        for _ in seeks_before(self._source, wanted_s):
            run = self._decoded()
            first = next(run, None)
            if first is not None and first[0] <= frame:
                yield first
                yield from run
                return
        raise TimesNotKept

    def _decoded(self) -> Iterator[NumberedPicture]:
        """Decode from where the file stands; the first frame given is a key frame."""
        source = self._source
        decoder = Pictures(source.stream, source.limits)
        number: int | None = None
        for packet in source.packets():
            if packet is not None:
                source.check(packet)
            for picture in (
                decoder.flush() if packet is None else decoder.decode(packet)
            ):
                source.limits.check_size(picture.width, picture.height)
                source.tally.frames += 1
                if number is None and (not picture.key_frame or picture.is_corrupt):
                    continue  # What it refers to lies before the place we sought.
                number = self._number(picture, after=number)
                yield number, picture

    def _number(self, picture: VideoFrame, *, after: int | None) -> int:
        """Tell which frame a picture is, by its time."""
        if picture.pts is None:
            raise TimesNotKept
        source, times = self._source, self._times
        time_s = float(picture.pts * source.time_base - source.start_s)
        number = times.frame_at(time_s) if after is None else after + 1
        if number >= len(times) or abs(times.time_of(number) - time_s) > _SAME_S:
            raise TimesNotKept
        return number


def seeks_before(source: VideoSource, time_s: float) -> Iterator[None]:
    """Go to places before a moment, one after another, each earlier than the last.

    Some indexes point behind the key frame that is sought, and a search in a file
    without an index finds the next one; the last place is before the beginning.
    """
    places = [max(0.0, time_s - ahead_s) for ahead_s in _AHEAD_S]
    for place_s in dict.fromkeys([*places, -_AHEAD_S[-1]]):
        start = round((float(source.start_s) + place_s) / float(source.time_base))
        try:
            source.container.seek(start, stream=source.stream)
        except av.error.FFmpegError:
            continue
        yield


class OrderedReader:
    """Decodes a file from its beginning; again for a cut that lies before the last."""

    def __init__(
        self, file: InputFile, *, limits: MediaLimits, tally: Tally, cleanup: ExitStack
    ) -> None:
        self._file, self._limits, self._tally = file, limits, tally
        self._cleanup = cleanup.enter_context(ExitStack())
        self.offsets: Offsets
        self._next = 0
        self._begin()

    @property
    def stream(self) -> VideoStream:
        """The stream that frames are of."""
        return self._source.stream

    def frames(self, cut: Cut) -> Iterator[NumberedPicture]:
        """Give all frames of a cut, in order.

        Raises:
            ModelError: see `VideoSource.frames`.
            ValueError: the video has fewer frames than it had.
        """
        if cut.first < self._next:
            self._begin()
        for frame in self._frames:
            self.offsets.note(frame.pts * self._source.time_base, frame.time_s)
            self._next = frame.frame + 1
            if frame.frame >= cut.first:
                yield frame.frame, frame.picture
            if frame.frame + 1 == cut.until:
                return
        raise ValueError("the video has fewer frames than it had")

    def _begin(self) -> None:
        self._cleanup.close()
        self._tally.frames = 0
        opened = open_video(self._file, limits=self._limits, tally=self._tally)
        self._source = self._cleanup.enter_context(opened)
        self._frames: Iterator[SourceFrame] = self._source.frames()
        self._next = 0
        self.offsets = Offsets(self._source.start_s)

"""The videos that cuts are read from; one is open at a time."""

from contextlib import ExitStack
from typing import NamedTuple

from av.audio.stream import AudioStream
from av.container import InputContainer

from model.video.clip_job import ClipJob, ClipSource
from model.video.cut_reader import CutReader, OrderedReader, SeekingReader
from model.video.cut_sound import CutSound
from model.video.input_file import InputFile
from model.video.limits import MediaLimits
from model.video.opening import open_container
from model.video.proxy_sound import find_sound
from model.video.source import Tally, open_video


class OpenSource(NamedTuple):
    """A video that is being read.

    Attributes:
        number: which one.
        reader: of its pictures.
        sound: None: it has none that can be decoded.
    """

    number: int
    reader: CutReader
    sound: CutSound | None


class ClipSources:
    """Opens videos as their cuts come."""

    def __init__(
        self, job: ClipJob, *, limits: MediaLimits, tally: Tally, cleanup: ExitStack
    ) -> None:
        self._sources, self._limits, self._tally = job.sources, limits, tally
        self._cleanup = cleanup.enter_context(ExitStack())
        self._ordered: set[int] = set()
        self._open: OpenSource | None = None

    @property
    def has_sound(self) -> bool:
        """Whether any of them has sound."""
        self.close()
        return any(self._is_heard(one) for one in self._sources)

    def at(self, number: int) -> OpenSource:
        """Give a video; another one that was open is closed.

        Raises:
            TimesNotKept: it must be read in order.
            ModelError: see `model.video.source`.
        """
        if self._open is None or self._open.number != number:
            self.close()
            self._open = self._opened(number)
        return self._open

    def read_in_order(self, number: int) -> None:
        """Decode a video from its beginning from now on; all, where it is not alone."""
        self.close()
        if self._ordered:
            self._ordered.update(range(len(self._sources)))
        self._ordered.add(number)

    def close(self) -> None:
        """Close what is open."""
        self._cleanup.close()
        self._open = None

    def _opened(self, number: int) -> OpenSource:
        one, in_order = self._sources[number], number in self._ordered
        limits, tally, cleanup = self._limits, self._tally, self._cleanup
        reader: CutReader
        if in_order:
            reader = OrderedReader(
                one.file, limits=limits, tally=tally, cleanup=cleanup
            )
        else:
            source = cleanup.enter_context(
                open_video(one.file, limits=limits, tally=tally)
            )
            reader = SeekingReader(source, one.times)
        sound = open_sound(one.again, cleanup, tally, can_seek=not in_order)
        return OpenSource(number, reader, sound)

    def _is_heard(self, one: ClipSource) -> bool:
        with open_container(one.again) as container:
            return find_sound(container) is not None


def open_sound(
    file: InputFile, cleanup: ExitStack, tally: Tally, *, can_seek: bool
) -> CutSound | None:
    """Open the file's sound; None: it has none that can be decoded."""

    def opened() -> tuple[InputContainer, AudioStream] | None:
        container = cleanup.enter_context(open_container(file))
        stream = find_sound(container)
        return None if stream is None else (container, stream)

    def reopen() -> tuple[InputContainer, AudioStream]:
        found = opened()
        if found is None:
            raise ValueError("the file has lost its sound")
        return found

    first = opened()
    if first is None:
        return None
    return CutSound(*first, can_seek=can_seek, reopen=reopen, tally=tally)

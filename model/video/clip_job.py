"""What clips are to be made, and the file that they are written to."""

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any

from model.video.cuts import Cut
from model.video.frame_times import FrameTimes
from model.video.input_file import InputFile


@dataclass(frozen=True, slots=True)
class ClipSource:
    """A video that cuts are of.

    Attributes:
        file: the video.
        again: the same, opened once more: pictures and sound are read side by side.
        times: of all its frames.
    """

    file: InputFile
    again: InputFile
    times: FrameTimes


@dataclass(frozen=True, slots=True)
class ClipJob:
    """What is to be written.

    Attributes:
        sources: the videos, in the order in which cuts count them.
        files: the cuts of each file, one file behind the other.
        size: width and height of all pictures, with black bars where a video has
            another shape; None: as the one video has them.
        comment: in the metadata of each file; empty: none.
    """

    sources: Sequence[ClipSource]
    files: Sequence[Sequence[Cut]]
    size: tuple[int, int] | None = None
    comment: str = ""

    @property
    def metadata(self) -> dict[str, str]:
        """What each file says of itself."""
        return {"comment": self.comment} if self.comment else {}

    @property
    def times(self) -> FrameTimes:
        """Of the frames of the only video."""
        return self.sources[0].times

    @property
    def has_captions(self) -> bool:
        """Whether something is written over any cut."""
        return any(cut.captions for cuts in self.files for cut in cuts)


class DecodingTimes:
    """Chooses when packets are decoded, so that each comes before it is shown.

    Before the first frame they are as far apart as frames are: players that seek by
    times of decoding, counted from the first, then find the key frame they should.
    """

    def __init__(self, late: int, *, frame: int) -> None:
        """Begin a file.

        Args:
            late: how many frames a decoder may hold back.
            frame: how long one is shown, in units of time.
        """
        self._late, self._frame = late, max(1, frame)
        self._shown: list[int] = []

    def next(self, shown: int) -> int:
        """Give the time of the next packet.

        Args:
            shown: when the next frame is shown, which may be another packet's.
        """
        self._shown.append(shown)
        place = len(self._shown) - 1 - self._late
        if place >= 0:
            return self._shown[place]
        return self._shown[0] + place * self._frame


class Part(io.RawIOBase):
    """A file that begins at some place of another one."""

    def __init__(self, file: IO[bytes], start: int) -> None:
        self._file, self._start = file, start
        self._at = self.size = 0

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._file.seek(self._start + self._at)
        self._file.write(data)
        self._at += len(data)
        self.size = max(self.size, self._at)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}
        self._at = base[whence] + offset
        return self._at

    def tell(self) -> int:
        return self._at

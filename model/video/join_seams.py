"""Looks whether a joined file is decoded as its parts are, where they meet.

Packets of two encodings behind each other may confuse a decoder, whatever their headers
say: frames about each seam are decoded, and must be those that were written.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import av.error

from model.errors import PartsDiffer
from model.video.input_file import InputFile
from model.video.limits import MediaLimits
from model.video.source import Tally, VideoSource, open_video

_AFTER = 48  # frames behind a seam
_MOST_BEFORE = 2000


@dataclass(slots=True)
class Seam:
    """Where a part begins.

    Attributes:
        at: in ticks.
        after: when its first frames are shown, in the order of decoding.
        before_next: the same of the part's last ones, from a key frame on.
    """

    at: int
    after: list[int] = field(default_factory=list)
    before_next: deque[int] = field(default_factory=lambda: deque(maxlen=_MOST_BEFORE))

    def note(self, at: int, *, is_key: bool) -> None:
        """Note a frame of the part."""
        if len(self.after) < _AFTER:
            self.after.append(at)
        if is_key:
            self.before_next.clear()
        # Those shown before their key frame refer to what lies before it.
        if not self.before_next or at > self.before_next[0]:
            self.before_next.append(at)


def check_seams(descriptor: int, seams: Sequence[Seam], *, limits: MediaLimits) -> None:
    """Decode a joined file about each seam.

    Raises:
        PartsDiffer: other frames come out, or damaged ones.
    """
    for before, after in pairwise(seams):
        with open_video(InputFile(descriptor), limits=limits, tally=Tally()) as source:
            if not _is_whole(source, before, after):
                raise PartsDiffer("the parts cannot be decoded in one go")


def _is_whole(source: VideoSource, before: Seam, after: Seam) -> bool:
    # The last of them may wait for what is not compared any more.
    shown_after = sorted(after.after)[: max(1, len(after.after) // 2)]
    until = shown_after[-1]
    wanted = [*sorted(before.before_next), *shown_after]
    try:
        source.container.seek(before.before_next[0], stream=source.stream)
    except av.error.FFmpegError:
        return False
    found = []
    for frame in source.frames():
        if frame.pts > until:
            break
        if frame.pts >= wanted[0]:
            if frame.picture.is_corrupt:
                return False
            found.append(frame.pts)
    return found == wanted

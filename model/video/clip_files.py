"""What clips are handed on as: one reel, or an archive of single ones.

Files come in pieces and are given in pieces: none is ever whole here.
"""

import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from model.video.clips import Clips
from model.video.cuts import Cut

_FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # the format's own; the same input, the same bytes
_NO_NAME = re.compile(r"[^\w-]+")
_MAX_NAME = 60


class Shown(NamedTuple):
    """What the name of a file tells of an event."""

    label: str
    time_s: float


def files_of(cuts: Sequence[Cut], *, is_zip: bool) -> list[Sequence[Cut]]:
    """Say which cuts go into which file."""
    return [[cut] for cut in cuts] if is_zip else [cuts]


def reel_pieces(made: Clips, target: int) -> Iterator[bytes]:
    """Give the one file that was made; see `Clips.pieces`."""
    return made.pieces(target, 0)


def zip_pieces(
    made: Clips, target: int, cuts: Sequence[Cut], events: Mapping[str, Shown]
) -> Iterator[bytes]:
    """Give an archive of single clips; not compressed: video would not get smaller.

    Args:
        made: a file for each cut.
        target: that they were written to.
        cuts: what they show.
        events: by the names that the cuts have for them.
    """
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for number, name in enumerate(clip_names(cuts, events)):
            entry = zipfile.ZipInfo(name, _FIRST_DAY)
            entry.external_attr = 0o644 << 16
            with archive.open(entry, "w", force_zip64=True) as file:
                for piece in made.pieces(target, number):
                    file.write(piece)
                    yield from sink.take()
            yield from sink.take()
    yield from sink.take()


def clip_names(cuts: Sequence[Cut], events: Mapping[str, Shown]) -> Iterator[str]:
    """Name single clips so that they sort as they are shown: `007-SHOT-01h02m03s`."""
    width = len(str(len(cuts)))
    for number, cut in enumerate(cuts, start=1):
        minutes, seconds = divmod(int(events[cut.names[0]].time_s), 60)
        hours, minutes = divmod(minutes, 60)
        label = _NO_NAME.sub("_", _labels(cut, events, "+"))[:_MAX_NAME].strip("_")
        at = f"{hours:02}h{minutes:02}m{seconds:02}s"
        yield f"{number:0{width}}-{label or 'clip'}-{at}.mp4"


def _labels(cut: Cut, events: Mapping[str, Shown], mark: str) -> str:
    return mark.join(dict.fromkeys(events[name].label for name in cut.names))


class _Sink(io.RawIOBase):
    """Keeps what was written until it is taken; cannot be sought in."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> Iterator[bytes]:
        parts, self._parts = self._parts, []
        return iter(parts)

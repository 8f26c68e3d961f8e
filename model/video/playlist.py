"""A playlist of places in videos, for players that know where to stop."""

from collections.abc import Iterable
from typing import NamedTuple


class Stretch(NamedTuple):
    """A place in a video.

    Attributes:
        start_s: in seconds.
        end_s: in seconds.
        name: what is shown.
        address: of the video's file.
    """

    start_s: float
    end_s: float
    name: str
    address: str


def write_m3u8(
    stretches: Iterable[Stretch], *, title: str, comments: Iterable[str] = ()
) -> str:
    """Write a playlist of places in videos, as VLC and its like read it.

    Args:
        stretches: in the order they are shown.
        title: of the playlist.
        comments: lines that players pass over.
    """
    lines = ["#EXTM3U", f"#PLAYLIST:{_line(title)}"]
    lines += [f"# {_line(comment)}" for comment in comments]
    for start_s, end_s, name, address in stretches:
        lines += [
            f"#EXTINF:{end_s - start_s:.3f},{_line(name)}",
            f"#EXTVLCOPT:start-time={start_s:.3f}",
            f"#EXTVLCOPT:stop-time={end_s:.3f}",
            f"{address}#t={start_s:.3f},{end_s:.3f}",
        ]
    return "\n".join([*lines, ""])


def _line(text: str) -> str:
    """Keep a name on its line."""
    return " ".join(text.split())

"""Which videos lie in a folder, and which of them are whole."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from model.video.file_names import is_hidden, is_video_name


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells that a file has changed."""

    size_bytes: int
    mtime_ns: int


@dataclass(slots=True)
class _Seen:
    stamp: Stamp
    since_s: float


class Settling:
    """Tells which files have stopped growing: those unchanged for a while."""

    def __init__(self, settle_s: float) -> None:
        self._settle_s = settle_s
        self._seen: dict[str, _Seen] = {}

    def settled(self, found: dict[str, Stamp], now_s: float) -> dict[str, Stamp]:
        """Note what was found at a time; give what has been so for long enough."""
        self._seen = {
            path: seen
            if (seen := self._seen.get(path)) and seen.stamp == stamp
            else _Seen(stamp, now_s)
            for path, stamp in found.items()
        }
        return {
            path: seen.stamp
            for path, seen in self._seen.items()
            if now_s - seen.since_s >= self._settle_s and seen.stamp.size_bytes
        }


def find_videos(folder: Path, *, recursive: bool) -> dict[str, Stamp]:
    """List the video files of a folder by their paths in it.

    Hidden files (`._match.mp4` of macOS), hidden folders and links are left out.

    Raises:
        OSError: the folder itself cannot be read.
    """
    return dict(_find(folder, PurePath(), recursive=recursive))


def _find(
    folder: Path, at: PurePath, *, recursive: bool
) -> Iterator[tuple[str, Stamp]]:
    with os.scandir(folder / at) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        path = at / entry.name
        if is_hidden(path):
            continue
        try:
            if recursive and entry.is_dir(follow_symlinks=False):
                yield from _find(folder, path, recursive=True)
            elif is_video_name(path):
                facts = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(facts.st_mode):
                    yield str(path), Stamp(facts.st_size, facts.st_mtime_ns)
        except OSError:  # It has just gone, or may not be read: other files may.
            continue

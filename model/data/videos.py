"""Video files beside labels, found by name."""

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePath

from model.errors import BadAnnotations
from model.video.file_names import VIDEO_SUFFIXES, is_hidden, is_video_name


class MissingVideo(BadAnnotations):
    """Labels without their video."""


def files_below(folder: Path) -> Iterator[Path]:
    """Walk a folder, linked folders too; a loop of links is followed once.

    Hidden files and folders, `._match.mp4` for one, are left out.
    """
    seen: set[Path] = set()
    for base, folders, files in os.walk(folder, followlinks=True):
        real = Path(base).resolve()
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (path for path in map(Path(base).joinpath, files) if _seen(path))


def videos_in(folder: Path) -> list[Path]:
    """List the videos of a folder, by name."""
    return sorted(path for path in folder.iterdir() if is_video_name(path))


def video_in(folder: Path) -> Path:
    """Find the one video of a folder.

    Raises:
        BadAnnotations: there is none, or more than one.
    """
    videos = videos_in(folder)
    if len(videos) != 1:
        kind = BadAnnotations if videos else MissingVideo
        raise kind(
            f"{folder} needs exactly one video beside its labels, found "
            f"{[video.name for video in videos]}. A video's name ends in one of "
            f"{', '.join(VIDEO_SUFFIXES)}, in small or capital letters."
        )
    return videos[0]


def video_of_half(folder: Path, half: int) -> Path:
    """Find the video of one half: `1_720p.mkv` for the first.

    Raises:
        BadAnnotations: there is none, or more than one.
    """
    pattern = re.compile(rf"{half}(?!\d)")
    videos = [path for path in videos_in(folder) if pattern.match(path.name)]
    if len(videos) != 1:
        found = [path.name for path in videos_in(folder)]
        raise BadAnnotations(
            f"{folder} has labels of half {half}, but "
            f"{'no' if not videos else 'more than one'} video of it: name it "
            f"{half}_NAME.mp4. Found {found}."
        )
    return videos[0]


def video_named(stem: Path) -> Path | None:
    """Find the video that is called so, whatever its ending; None if there is none."""
    if not stem.parent.is_dir():
        return None
    named = [path for path in videos_in(stem.parent) if path.stem == stem.name]
    named.sort(key=lambda path: VIDEO_SUFFIXES.index(path.suffix.lower()))
    return named[0] if named else None


def match_name(path: Path, root: Path) -> str:
    """Name a match by its folder below the root."""
    return path.name if path == root else path.relative_to(root).as_posix()


def is_below(name: str) -> bool:
    """Whether a name that a file gives stays in the folder it is taken in."""
    path = PurePath(name)
    return not path.is_absolute() and ".." not in path.parts


def _seen(path: Path) -> bool:
    return not is_hidden(path)

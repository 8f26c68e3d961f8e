"""Video files beside labels, found by name."""

import os
from collections.abc import Iterator
from pathlib import Path

from model.errors import BadAnnotations

VIDEO_SUFFIXES = (".mp4", ".mkv", ".mov", ".avi", ".webm", ".ts", ".m4v")


def files_below(folder: Path) -> Iterator[Path]:
    """Walk a folder, linked folders too; a loop of links is followed once."""
    seen: set[Path] = set()
    for base, folders, files in os.walk(folder, followlinks=True):
        real = Path(base).resolve()
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        yield from (Path(base) / name for name in files)


def video_in(folder: Path) -> Path:
    videos = sorted(p for p in folder.iterdir() if p.suffix.lower() in VIDEO_SUFFIXES)
    if len(videos) != 1:
        raise BadAnnotations(
            f"{folder} needs exactly one video beside its labels, found "
            f"{[video.name for video in videos]}."
        )
    return videos[0]


def video_named(stem: Path) -> Path | None:
    for suffix in VIDEO_SUFFIXES:
        video = stem.parent / (stem.name + suffix)
        if video.is_file():
            return video
    return None


def match_name(path: Path, root: Path) -> str:
    return path.name if path == root else path.relative_to(root).as_posix()

"""Which files are videos, by their names: one list for the whole product."""

import os
from pathlib import PurePath

VIDEO_SUFFIXES = (
    ".mp4",
    ".m4v",
    ".mov",
    ".qt",
    ".mkv",
    ".webm",
    ".ts",
    ".mts",
    ".m2ts",
    ".avi",
    ".3gp",
    ".3g2",
)
"""Endings of the containers that are read (`model.video.limits.FORMATS`), small."""


def shown_name(path: PurePath) -> str:
    """Give a file's name as texts can hold it; what is not in UTF-8 becomes U+FFFD."""
    return os.fsencode(path.name).decode(errors="replace")


def is_hidden(path: PurePath) -> bool:
    """Whether a file is a companion that systems keep hidden.

    macOS writes `._match.mp4` beside a file on disks that are not its own.
    """
    return path.name.startswith(".")


def is_video_name(path: PurePath) -> bool:
    """Whether a file's name is one of a video; `GX010001.MP4` is as good."""
    return path.suffix.lower() in VIDEO_SUFFIXES and not is_hidden(path)

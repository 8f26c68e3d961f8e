"""What is watched, and how."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """What is watched, and how.

    Attributes:
        formats: in which timelines are written.
        model: that analyses the videos; None: the service's default.
        recursive: look into subfolders, too.
        settle_s: how long a file must have been the same to be whole.
        poll_s: between two looks.
        overwrite: replace files that are in the way of timelines.
        join: files whose names say that they are parts of one match become one video.
    """

    folder: Path
    formats: Sequence[str] = ("csv",)
    model: str | None = None
    recursive: bool = False
    settle_s: float = 5.0
    poll_s: float = 2.0
    overwrite: bool = False
    join: bool = False

"""The folder from which an operator lets videos be taken, and nothing outside of it.

No symbolic link is followed below the folder itself, whoever swaps one in and when:
each part of a path is opened from the one before.
"""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Self

from app.core.storage.keys import FOLDERS
from model.video.file_names import VIDEO_SUFFIXES, is_video_name

MOST_DEPTH = 16
LATEST_S = datetime(9999, 1, 1, tzinfo=UTC).timestamp()
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
INSIDE = os.O_NOFOLLOW | os.O_CLOEXEC

Identity = tuple[int, int]  # device and number of a folder


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A video file in the folder; `path` is relative, with slashes."""

    path: str
    size_bytes: int
    modified_at: datetime

    @classmethod
    def of(cls, path: str, facts: os.stat_result) -> Self:
        """Read what the system says of it; some keep times that no calendar has."""
        known_s = min(max(facts.st_mtime, 0.0), LATEST_S)
        return cls(path, facts.st_size, datetime.fromtimestamp(known_s, UTC))


class ImportFolder:
    """Video files under a folder of the operator's."""

    def __init__(self, root: Path, *, data_dir: Path | None = None) -> None:
        """Take what is needed.

        Args:
            root: the folder.
            data_dir: of the service; what it keeps there of videos may be another
                project's, and is not taken where it lies below the root.
        """
        self._root = root
        self._own = [] if data_dir is None else [data_dir / name for name in FOLDERS]

    def list(self) -> Iterator[FoundFile]:
        """List the video files, in no order.

        What cannot be read, hidden files and links are left out.

        Raises:
            OSError: the folder itself cannot be read.
        """
        handle = os.open(self._root, DIRECTORY)
        try:
            yield from _list(handle, PurePosixPath(), _known(self._own))
        finally:
            os.close(handle)

    @contextmanager
    def open(self, path: str) -> Iterator[BinaryIO]:
        """Open a file that `list` may name.

        Raises:
            ValueError: the path leads out of the folder, or names no video file.
            OSError: there is no such file, or it is no regular one.
        """
        handle = _open_inside(self._root, _parts(path), _known(self._own))
        with open(handle, "rb", buffering=0) as file:  # noqa: PTH123  # a descriptor
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise FileNotFoundError(path)
            yield file


def _known(folders: Sequence[Path]) -> set[Identity]:
    """Tell folders apart from others by what they are, however they are reached."""
    known = set()
    for folder in folders:
        with suppress(OSError):
            known.add(_identity(folder.stat()))
    return known


def _identity(facts: os.stat_result) -> Identity:
    return facts.st_dev, facts.st_ino


def _open_inside(root: Path, parts: tuple[str, ...], closed: set[Identity]) -> int:
    folder = os.open(root, DIRECTORY)
    try:
        _refuse_closed(folder, closed)
        for part in parts[:-1]:
            inner = os.open(part, DIRECTORY | INSIDE, dir_fd=folder)
            os.close(folder)
            folder = inner
            _refuse_closed(folder, closed)
        # Not blocking: a pipe would be waited for.
        return os.open(parts[-1], os.O_RDONLY | os.O_NONBLOCK | INSIDE, dir_fd=folder)
    except OSError as exc:
        if exc.errno != errno.ELOOP:  # what a link is told by
            raise
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)) from exc
    finally:
        os.close(folder)


def _refuse_closed(folder: int, closed: set[Identity]) -> None:
    if _identity(os.fstat(folder)) in closed:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))


def _list(folder: int, at: PurePosixPath, closed: set[Identity]) -> Iterator[FoundFile]:
    if len(at.parts) >= MOST_DEPTH or _identity(os.fstat(folder)) in closed:
        return
    with os.scandir(folder) as entries:
        found = [entry for entry in entries if not entry.name.startswith(".")]
    for entry in found:
        path = at / entry.name
        with suppress(OSError, UnicodeError):
            str(path).encode()  # A name that is no UTF-8 cannot travel as JSON.
            if entry.is_dir(follow_symlinks=False):
                inner = os.open(entry.name, DIRECTORY | INSIDE, dir_fd=folder)
                try:
                    yield from _list(inner, path, closed)
                finally:
                    os.close(inner)
            elif is_video_name(path):
                facts = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(facts.st_mode):
                    yield FoundFile.of(str(path), facts)


def _parts(path: str) -> tuple[str, ...]:
    parts = tuple(path.split("/"))
    if "\0" in path or any(part in ("", ".", "..") for part in parts):
        raise ValueError("is no path inside the folder")
    if any(part.startswith(".") for part in parts):
        raise ValueError("names a hidden file or folder")
    if not is_video_name(PurePosixPath(path)):
        raise ValueError(f"ends in none of {', '.join(VIDEO_SUFFIXES)}")
    return parts

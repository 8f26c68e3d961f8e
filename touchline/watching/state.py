"""What a watch remembers of a folder, in a hidden file of it.

It may be lost without harm: the service knows a file by its content.
"""

import errno
import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

STATE_FILE = ".touchline-watch.json"
LOCK_FILE = ".touchline-watch.lock"
VERSION = 1


class FolderBusy(OSError):
    """Another watch runs on the folder."""


@dataclass(slots=True)
class FileState:
    """What is known of a file.

    Attributes:
        size_bytes, mtime_ns: of the file when it was taken; others make it a new one.
        upload: the address of an upload that is not whole yet.
        video, job: at the service.
        parts: videos of the match's files, as far as they were sent to be joined.
        written: formats whose file has been written.
    """

    size_bytes: int
    mtime_ns: int
    sha256: str | None = None
    upload: str | None = None
    video: str | None = None
    job: str | None = None
    parts: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)


class WatchState:
    """The files of a folder by their paths in it; `save` after every change."""

    def __init__(self, folder: Path, url: str) -> None:
        self._path, self._url = folder / STATE_FILE, url
        self.files: dict[str, FileState] = {}
        with suppress(OSError, ValueError, TypeError, LookupError, AttributeError):
            self.files = _read(json.loads(self._path.read_text()), url)

    def save(self) -> None:
        """Write it, whole or not at all.

        Raises:
            OSError: the folder takes no file.
        """
        files = {path: asdict(known) for path, known in self.files.items()}
        document = {"version": VERSION, "url": self._url, "files": files}
        handle, name = tempfile.mkstemp(
            prefix=".touchline-", suffix=".tmp", dir=self._path.parent
        )
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(document, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other watches away from a folder until the block ends.

    Raises:
        FolderBusy: one is there already.
        OSError: the folder takes no file.
    """
    with (folder / LOCK_FILE).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise FolderBusy(
                errno.EBUSY, "another touchline watch runs on this folder", str(folder)
            ) from exc
        except OSError:  # A file system without locks.
            pass
        yield


def _read(document: Any, url: str) -> dict[str, FileState]:
    """Read what was saved; of another service, nothing is known."""
    if document["version"] != VERSION or document["url"] != url:
        return {}
    names = {one.name for one in fields(FileState)}
    return {
        path: FileState(
            **{name: value for name, value in known.items() if name in names}
        )
        for path, known in document["files"].items()
    }

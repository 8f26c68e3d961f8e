"""The folder of backups: snapshots of the rows, and the objects that they share.

    touchline-backups.json          what this folder is
    objects/KEY                     each object once, whatever snapshots hold it
    files/PATH                      of the data directory: the secret, own checkpoints
    snapshots/TIME/manifest.json    what a snapshot holds, with checksums
    snapshots/TIME/tables/NAME.gz   the rows of a table, as Postgres copies them
    deleted.json                    videos that were deleted since they were backed up

What is written appears whole or not at all, so that a backup that is killed leaves the
earlier ones as they were and goes on where it stopped.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from uuid import UUID

from pydantic import BaseModel, Field, ValidationError

from app.core.errors import StartFailed

MARKER = "touchline-backups.json"
PARTIAL = ".partial-"
TIME_FORMAT = "%Y-%m-%dT%H-%M-%S.%fZ"
BLOCK_BYTES = 1024 * 1024


class TableFacts(BaseModel):
    """A table in a snapshot.

    Attributes:
        columns: in the order of the copy.
        sha256: of the packed file.
    """

    name: str
    columns: list[str]
    rows: int
    sha256: str


class ObjectFacts(BaseModel):
    """An object that belongs to a snapshot."""

    key: str
    size_bytes: int


class Manifest(BaseModel):
    """What a snapshot holds.

    Attributes:
        revision: of the schema, as migrations name it.
        release: of the service that made it.
        missing: keys of objects that were replaced while the backup ran.
    """

    format: int = 1
    release: str
    revision: str
    made_at: datetime
    tables: list[TableFacts]
    objects: list[ObjectFacts]
    videos: list[UUID]
    missing: list[str] = Field(default=[])


class Deleted(BaseModel):
    """What is in snapshots and not in the service any more.

    Attributes:
        noticed_at: of videos that were deleted, when a backup first missed them.
        objects: the same of objects that show a video which is there: its footage went
            by the rules of retention, or a clip or report was deleted.
        forgotten: videos whose objects are removed from this folder.
    """

    noticed_at: dict[UUID, datetime] = Field(default={})
    objects: dict[str, datetime] = Field(default={})
    forgotten: set[UUID] = Field(default=set())


class Repository:
    """A folder of backups."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.objects = folder / "objects"
        self.files = folder / "files"

    def prepare(self) -> None:
        """Make the folder, if it is not one of ours already.

        Raises:
            StartFailed: something else is in it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self.folder / MARKER).exists():
            if any(self.folder.iterdir()):
                raise StartFailed(
                    f"{self.folder} holds other files: name an empty folder, or one "
                    "of earlier backups"
                )
            write_whole(self.folder / MARKER, b'{"format": 1}\n')
        for one in (self.objects, self.files, self._snapshots):
            one.mkdir(exist_ok=True)

    def check(self) -> None:
        """Make sure that it is a folder of backups.

        Raises:
            StartFailed: it is not.
        """
        if not (self.folder / MARKER).is_file():
            raise StartFailed(f"{self.folder} is no folder of backups")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other backups and restores out until the block ends.

        Raises:
            StartFailed: there is one.
        """
        with (self.folder / "lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StartFailed(
                    f"another backup or restore works on {self.folder}: wait for it"
                ) from None
            yield

    @property
    def snapshots(self) -> list[str]:
        """The names of all whole snapshots, the oldest first."""
        found = [one.name for one in self._snapshots.iterdir() if one.is_dir()]
        return sorted(name for name in found if not name.startswith(PARTIAL))

    def snapshot(self, name: str) -> Path:
        """Tell where a snapshot lies."""
        return self._snapshots / name

    def find(self, name: str | None) -> str:
        """Find a snapshot by its name, or by how it begins; None: the newest.

        Raises:
            StartFailed: there is none, or several begin so.
        """
        names = self.snapshots
        found = [one for one in names if name is None or one.startswith(name)]
        if name is None:
            found = found[-1:]
        if len(found) == 1:
            return found[0]
        told = ", ".join(found or names) or "none"
        which = "several snapshots begin with" if found else "there is no snapshot"
        raise StartFailed(f"{which} {name or 'yet'}; there are: {told}")

    def manifest(self, name: str) -> Manifest:
        """Read what a snapshot holds.

        Raises:
            StartFailed: it is damaged, or of a newer release.
        """
        path = self.snapshot(name) / "manifest.json"
        try:
            return Manifest.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as exc:
            reason = getattr(exc, "strerror", None) or "it is no manifest that we know"
            raise StartFailed(
                f"{path} cannot be read: {reason}. If that snapshot is lost, remove "
                "its folder"
            ) from exc

    @contextmanager
    def new_snapshot(self, made_at: datetime) -> Iterator[Path]:
        """Give a folder for a snapshot, which counts once the block ends well.

        What is in it outlives a power cut then. What killed backups left goes.
        """
        for one in self._snapshots.glob(f"{PARTIAL}*"):
            shutil.rmtree(one, ignore_errors=True)
        name = made_at.astimezone(UTC).strftime(TIME_FORMAT)
        partial = self._snapshots / f"{PARTIAL}{name}"
        (partial / "tables").mkdir(parents=True)
        try:
            yield partial
            for path in (*partial.rglob("*"), partial):
                sync(path)
            partial.rename(self._snapshots / name)
            sync(self._snapshots)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def object_path(self, key: str) -> Path:
        """Tell where an object lies.

        Raises:
            StartFailed: its key leads out of the folder.
        """
        parts = PurePosixPath(key)
        if parts.is_absolute() or ".." in parts.parts or not parts.parts:
            raise StartFailed(f"{key!r} is no key of an object")
        return self.objects / parts

    def deleted(self) -> Deleted:
        """Read which videos were deleted since they were backed up."""
        try:
            text = (self.folder / "deleted.json").read_bytes()
        except FileNotFoundError:
            return Deleted()
        return Deleted.model_validate_json(text)

    def write_deleted(self, deleted: Deleted) -> None:
        """Keep which videos were deleted."""
        text = deleted.model_dump_json(indent=1).encode()
        write_whole(self.folder / "deleted.json", text)

    def forget_snapshots(self, keep: int) -> int:
        """Remove all but the newest snapshots, and what only those held."""
        gone = self.snapshots[:-keep]
        for name in gone:
            shutil.rmtree(self.snapshot(name))
        return len(gone)

    def remove_objects(self, is_kept: Callable[[str], bool]) -> int:
        """Remove the objects that are not kept; tell how many."""
        found = 0
        for path in [one for one in self.objects.rglob("*") if one.is_file()]:
            key = path.relative_to(self.objects).as_posix()
            if not is_kept(key):
                path.unlink()
                found += 1
        return found

    @property
    def _snapshots(self) -> Path:
        return self.folder / "snapshots"


@contextmanager
def appearing_whole(target: Path) -> Iterator[BinaryIO]:
    """Give a file to write to; it is there when the block ends well, or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{PARTIAL}{target.name}")
    try:
        with partial.open("wb") as file:
            yield file
        sync(partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def copy_whole(source: Path, target: Path) -> None:
    """Copy a file so that it appears whole or not at all."""
    with appearing_whole(target) as file, source.open("rb") as original:
        shutil.copyfileobj(original, file, BLOCK_BYTES)


def write_whole(target: Path, data: bytes) -> None:
    """Write a file so that it appears whole or not at all."""
    partial = target.with_name(f"{PARTIAL}{target.name}")
    try:
        partial.write_bytes(data)
        sync(partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Make sure that a file, or what a folder lists, outlives a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def checksum(path: Path) -> str:
    """Compute the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

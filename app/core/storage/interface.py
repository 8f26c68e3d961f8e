"""What every storage offers: files by key, whole or not at all."""

from contextlib import (
    AbstractAsyncContextManager,
)
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoredFile:
    """What was counted while a file was written."""

    key: str
    size_bytes: int
    sha256: str  # hexadecimal


class Receiver(Protocol):
    """Takes the bytes of one file as they come."""

    @property
    def size_bytes(self) -> int:
        """How many bytes have come so far."""

    async def write(self, data: bytes) -> None:
        """Take some more bytes; they may wait in memory for a while, up to 1 MiB.

        Raises:
            StorageFull: there is no room for them.
        """

    async def finish(self) -> StoredFile:
        """Put the file in place, safe on disk. Without this call nothing is kept."""

    def keep_marker(self) -> None:
        """Have `sweep_incoming` name the key, as if this process had died."""


class Storage(Protocol):
    """Files by key. All but `receive` block, and belong in a thread."""

    def receive(self, key: str) -> AbstractAsyncContextManager[Receiver]:
        """Open a file for an upload; leaving the block unfinished discards it.

        What makes the file known (its row) belongs inside the block, after `finish`:
        if the process dies before the block ends, `sweep_incoming` names the key.
        """

    def write_bytes(self, key: str, data: bytes) -> StoredFile:
        """Keep a small file, replacing what was there.

        Raises:
            StorageFull: there is no room for it.
        """

    def read_bytes(self, key: str) -> bytes:
        """Read a small file.

        Raises:
            FileNotFoundError: nothing has that key.
        """

    def path_for(self, key: str) -> Path:
        """Tell where this machine can open the file by name."""

    def exists(self, key: str) -> bool:
        """Whether a whole file has that key."""

    def delete_file(self, key: str) -> None:
        """Remove one file; what is gone already is fine."""

    def delete_prefix(self, prefix: str) -> None:
        """Remove a folder with all it holds; what is gone already is fine."""

    def move_to_trash(self, prefix: str) -> None:
        """Move a folder into the trash, in one step that outlasts a power cut."""

    def restore(self, prefix: str) -> None:
        """Move what was set aside back to its place, beside what is there."""

    def empty_trash(self, prefix: str) -> None:
        """Remove for good what of a folder was set aside."""

    def in_trash(self) -> list[str]:
        """List the folders that were set aside and neither put back nor removed.

        What else lies there is not ours: it is left alone, with a warning.
        """

    def orphaned(self, *, older_than: timedelta) -> list[str]:
        """List the videos' folders that hold no upload and were left alone so long."""

    def scores_files(self, *, older_than: timedelta) -> list[str]:
        """List the score files that were written so long ago."""

    def thumbnail_files(self, *, older_than: timedelta) -> list[str]:
        """List the pictures of videos that were written so long ago."""

    def sweep_incoming(self) -> list[str]:
        """Remove what killed processes left half-written; tells the keys it was for.

        A file may be in place under such a key: the process died after `finish`, but
        before its block ended. Other markers are left alone, with a warning.
        """

    def free_bytes(self) -> int:
        """Tell how much room is left.

        Raises:
            OSError: the storage is not there or not writable.
        """

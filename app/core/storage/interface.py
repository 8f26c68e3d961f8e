"""What every storage offers: objects by key, whole or not at all.

A key is a path of names with slashes; nobody outside a storage knows where its objects
lie. An implementation passes the contract test, `tests/unit/app/core/test_storage.py`.
"""

import errno
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from app.core.storage.filling import ArrivingCopy

CHUNK_BYTES = 256 * 1024  # the least that is read at once, but at the end


@dataclass(frozen=True, slots=True)
class StoredFile:
    """What was counted while a file was written."""

    key: str
    size_bytes: int
    sha256: str  # hexadecimal


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What a storage knows of an object without reading it."""

    key: str
    size_bytes: int
    modified_at: datetime  # UTC, by the storage's clock


class ObjectWriter(Protocol):
    """Takes the bytes of one object as they come."""

    @property
    def size_bytes(self) -> int:
        """How many bytes have come so far."""

    async def write(self, data: bytes) -> None:
        """Take some more bytes; they may wait in memory for a while, a few MiB of them.

        Raises:
            StorageFull: there is no room for them.
        """

    async def finish(self) -> StoredFile:
        """Put the object in place, safe on disk. Without this call nothing is kept."""


class ObjectBusy(Exception):
    """Somebody else adds to the object now; the message is its key."""


class StorageUnavailable(OSError):
    """The storage does not answer, or with errors, for longer than it is waited for."""

    def __init__(self, words: str) -> None:
        super().__init__(errno.EIO, words)


class StorageRefused(PermissionError):
    """The storage does not let us in: credentials are missing, wrong or expired."""

    def __init__(self, words: str) -> None:
        super().__init__(errno.EACCES, words)


class ObjectChanged(OSError):
    """The object is another one than it was."""

    def __init__(self, key: str) -> None:
        super().__init__(errno.ESTALE, "the object changed while it was read", key)


class ObjectAppender(Protocol):
    """Adds to an object that grows over many openings; what was flushed is kept."""

    @property
    def size_bytes(self) -> int:
        """The size of the object, with what still waits in memory."""

    async def write(self, data: bytes) -> None:
        """Take some more bytes; they may wait in memory for a while, a few MiB of them.

        Raises:
            StorageFull: there is no room for them.
        """

    async def flush(self) -> int:
        """Make all that came safe on disk; returns the size of the object.

        Raises:
            StorageFull: there is no room for it; what there was room for is kept.
        """

    async def truncate(self, size_bytes: int) -> None:
        """Forget what came behind a place."""


class Storage(Protocol):
    """Objects by key. What is not async blocks, and belongs in a thread.

    A prefix names whole parts of keys: `a/b` is one of `a/b/c` and not of `a/bc`.
    Every call raises ValueError for a key that is none.
    """

    def put_stream(self, key: str) -> AbstractAsyncContextManager[ObjectWriter]:
        """Open an object for writing; leaving the block unfinished discards it."""

    def append(
        self, key: str, observe: Callable[[bytes], None] = lambda _: None
    ) -> AbstractAsyncContextManager[ObjectAppender]:
        """Open an object for more bytes at its end; it is made if it is not there.

        One at a time may do so, over all processes; the death of one ends its turn.
        What came stays whatever ends the block.

        Args:
            observe: is told of all bytes, in their order, once they are written.

        Raises:
            ObjectBusy: somebody else has it open; raised on entering.
        """

    def safe_size(self, key: str) -> int:
        """Tell how many bytes of a growing object nothing can take any more.

        Raises:
            FileNotFoundError: nothing has that key.
        """

    def link(self, key: str, to: str) -> None:
        """Let an object be had by another key as well, which then is its own.

        Takes no further room where the storage can do so, else copies.

        Raises:
            FileNotFoundError: nothing has that key.
            StorageFull: there is no room for a copy.
        """

    def put(self, key: str, data: bytes) -> StoredFile:
        """Keep a small object, replacing what was there.

        Raises:
            StorageFull: there is no room for it.
        """

    def put_file(
        self,
        key: str,
        file: BinaryIO,
        on_progress: Callable[[int], None] = lambda _: None,
    ) -> StoredFile:
        """Keep what a file of this machine holds, from where it stands to its end.

        Takes no further room where file and storage can share it, else copies; changes
        of the file are then no changes of the object in either case.

        Args:
            on_progress: is told how many bytes are done; what it raises ends it all,
                and nothing is kept.

        Raises:
            StorageFull: there is no room for it.
        """

    def get(self, key: str) -> bytes:
        """Read a small object.

        Raises:
            FileNotFoundError: nothing has that key.
        """

    def open_range(
        self, key: str, start: int = 0, end: int | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Open the bytes from `start` up to, not including, `end`; they come in chunks.

        An object that is deleted or replaced meanwhile is read to its end all the same,
        or fails; bytes of two objects are never mixed.

        Raises:
            FileNotFoundError: nothing has that key; raised on entering.
        """

    def stat(self, key: str) -> ObjectInfo:
        """Tell the size and age of an object.

        Raises:
            FileNotFoundError: nothing has that key.
        """

    def exists(self, key: str) -> bool:
        """Whether a whole object has that key."""

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """List the objects under a prefix, in no order."""

    def local_copy(
        self, key: str, on_progress: Callable[[int], None] = lambda _: None
    ) -> AbstractContextManager[Path]:
        """Give a file of this machine with the object's bytes, to be read only.

        It is there until the block ends.

        Args:
            on_progress: is told now and then, while the bytes are fetched, how many
                have come; what it raises ends that.

        Raises:
            FileNotFoundError: nothing has that key.
        """

    def arriving_copy(
        self, key: str, on_progress: Callable[[int], None] = lambda _: None
    ) -> AbstractContextManager[ArrivingCopy]:
        """Give the file of `local_copy` before all of its bytes are there.

        Args:
            on_progress: as there, while another process fetches it.

        Raises:
            FileNotFoundError: nothing has that key.
        """

    def save(
        self,
        key: str,
        file: BinaryIO,
        on_progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Write an object's bytes into an empty file that the caller has open.

        Args:
            on_progress: is told how many bytes are done; what it raises ends it all.

        Raises:
            FileNotFoundError: nothing has that key.
            OSError: the file cannot hold them; a part of them is in it.
        """

    def delete(self, key: str) -> None:
        """Remove one object; what is gone already is fine."""

    def delete_prefix(self, prefix: str) -> None:
        """Remove an object, or all under a prefix; what is gone already is fine.

        Raises:
            OSError: something is left; call it again.
        """

    def remove_unfinished(self) -> int:
        """Remove what writes and deletions left that were killed; tell how many.

        Those under way are left alone, and so is what is not the storage's own.
        """

    def free_bytes(self) -> int:
        """Tell how much room is left; a very large number where nothing tells.

        Raises:
            OSError: the storage is not there or not writable.
        """

    def check(self) -> None:
        """See, within a few seconds, whether objects can be written now.

        Raises:
            OSError: they cannot; its `strerror` says why.
        """

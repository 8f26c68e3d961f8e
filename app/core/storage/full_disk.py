"""A disk or a quota that is full, as the caller is told of it."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from app.core.errors import StorageFull

FULL = (
    "The server's disk is full; nothing was kept. "
    "Delete videos that are no longer needed, or try again later."
)
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def no_room_is_storage_full(words: str = FULL) -> Iterator[None]:
    """Raise StorageFull, in these words, when a disk or a quota is full."""
    try:
        yield
    except OSError as exc:
        if exc.errno not in NO_ROOM:
            raise
        raise StorageFull(words) from exc

"""Large files that handlers make: stored piece by piece, with room left on the disk."""

from collections.abc import Iterable

import anyio

from app.core.errors import StorageFull
from app.core.storage.interface import Storage, StoredFile
from worker.job_task import HandlerContext, Reporter


def refuse_to_fill_the_disk(
    context: HandlerContext, coming_bytes: int, *, what: str
) -> None:
    """Leave the disk (and the database on it) the room that uploads leave it, too.

    Raises:
        StorageFull: so many bytes more would take it.
    """
    free = context.storage.free_bytes()
    if free - coming_bytes < context.settings.min_free_space:
        raise StorageFull(f"The server's disk has no room for the {what}.")


def store_pieces(
    key: str,
    pieces: Iterable[bytes],
    context: HandlerContext,
    reporter: Reporter,
    *,
    what: str,
) -> StoredFile:
    """Store what comes in pieces, whole or not at all.

    Raises:
        StorageFull: there is no room for it.
        Canceled: the run must stop.
    """

    async def store(storage: Storage) -> StoredFile:
        async with storage.put_stream(key) as writer:
            for piece in pieces:
                reporter.touch()
                refuse_to_fill_the_disk(context, len(piece), what=what)
                await writer.write(piece)
            return await writer.finish()

    return anyio.run(store, context.storage)

"""The files of an upload, stored one after the other as their bytes come."""

from contextlib import AsyncExitStack

from app.core.errors import EmptyUpload, InvalidRequest
from app.core.storage.interface import ObjectWriter, Storage
from app.core.storage.keys import joined_part_key
from app.videos.in_flight import UploadInFlight
from app.videos.parts import UploadedPart
from model.video.join_rules import MAX_PARTS


class UploadFiles:
    """Stores what a form brings; each file but the last is safe when the next begins.

    Attributes:
        came_bytes: of all files so far.
    """

    def __init__(
        self, flight: UploadInFlight, storage: Storage, cleanup: AsyncExitStack
    ) -> None:
        self._flight, self._storage, self._cleanup = flight, storage, cleanup
        self._stored: list[UploadedPart] = []
        self._filename: str | None = None
        self._writer: ObjectWriter | None = None
        self._open = AsyncExitStack()
        self.came_bytes = 0

    async def begin(self, filename: str) -> None:
        """Go on with the next file.

        Raises:
            InvalidRequest: there are too many.
            EmptyUpload: the one before it holds nothing.
        """
        await self._finish()
        if len(self._stored) >= MAX_PARTS:
            raise InvalidRequest(
                f"The form holds more than {MAX_PARTS} files, the most that one video "
                "is made of."
            )
        key = joined_part_key(self._flight.video_id, len(self._stored) + 1)
        self._open = await self._cleanup.enter_async_context(AsyncExitStack())
        self._filename = filename
        self._writer = await self._open.enter_async_context(
            self._storage.put_stream(key)
        )

    async def write(self, data: bytes) -> None:
        """Take bytes of the file that has begun."""
        if self._writer is None:
            raise ValueError("begin first")
        self.came_bytes += len(data)
        await self._writer.write(data)

    async def finish(self) -> list[UploadedPart]:
        """Put the last file in place; gives all, in the order in which they came.

        Raises:
            EmptyUpload: there is none, or one holds nothing.
        """
        await self._finish()
        if not self._stored:
            raise EmptyUpload(f"The form has no part named 'file'. {HOW_TO_SEND}")
        return self._stored

    async def _finish(self) -> None:
        if self._writer is None or self._filename is None:
            return
        if self._writer.size_bytes == 0:
            raise EmptyUpload(
                f"The file {self._filename!r} is empty, or none was chosen."
            )
        self._flight.is_stored = True  # Or nearly so, if the call does not return.
        stored = await self._writer.finish()
        self._stored.append(UploadedPart(self._filename, stored))
        self._writer = None
        await self._open.aclose()


HOW_TO_SEND = "Send the video in a part named 'file', e.g. curl -F file=@match.mp4"

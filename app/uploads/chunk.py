"""A request that brings bytes of an upload, and these bytes as they come."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

import anyio
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from app.uploads.protocol import Checksum

SILENCE_S = 1.0  # after which what came is flushed, and others are looked for


@dataclass(frozen=True, slots=True)
class Chunk:
    """A request that brings bytes, and what its headers claim about it.

    Attributes:
        is_part: nothing of it counts until all of it is here; so of one with a
            checksum.
    """

    upload_id: UUID
    offset_bytes: int
    receive: Receive
    content_length: int | None = None
    checksum: Checksum | None = None
    is_part: bool = False

    @property
    def is_indivisible(self) -> bool:
        """Whether it is kept whole or not at all."""
        return self.is_part or self.checksum is not None


class ChunkBody:
    """The bytes of a request; a silence among them is used, and loses none.

    Unlike Starlette's stream, which a timeout would end.
    """

    def __init__(
        self, receive: Receive, on_silence: Callable[[], Awaitable[None]]
    ) -> None:
        self._receive, self._on_silence = receive, on_silence
        self._is_over = False

    def __aiter__(self) -> "ChunkBody":
        return self

    async def __anext__(self) -> bytes:
        while not self._is_over:
            message: Message | None = None
            with anyio.move_on_after(SILENCE_S):
                message = await self._receive()
            if message is None:
                await self._on_silence()
            elif message["type"] == "http.disconnect":
                raise ClientDisconnect
            else:
                self._is_over = not message.get("more_body", False)
                if message.get("body"):
                    return bytes(message["body"])
        raise StopAsyncIteration

"""A video's file as an answer: whole or in ranges; what cannot be had is said so."""

import re

from fastapi.responses import FileResponse
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from app.core.errors import RangeNotSatisfiable, VideoNotFound
from app.core.http.routing import IS_HEAD

UNIT = "bytes"
ONE_RANGE = re.compile(r"\s*(\d{0,19})\s*-\s*(\d{0,19})\s*")


class VideoFile(FileResponse):
    """A file that may be deleted at any moment; HEAD reads nothing of it.

    Raises:
        RangeNotSatisfiable: the header Range is malformed, or no such bytes exist.
        VideoNotFound: the file is gone.
    """

    chunk_size = 256 * 1024

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        held_back: list[Message] = []

        async def send_once_open(message: Message) -> None:
            # The head waits for the first bytes: until then it may become a 404.
            if message["type"] == "http.response.start":
                held_back.append(message)
                return
            while held_back:
                await send(held_back.pop())
            await send(message)

        try:
            await super().__call__(self._understood(scope), receive, send_once_open)
        except FileNotFoundError as exc:
            raise VideoNotFound("The video has just been deleted.") from exc

    def _understood(self, scope: Scope) -> Scope:
        """Take out a Range that is to be ignored, and refuse one that is wrong."""
        if scope.get(IS_HEAD):
            scope = {**scope, "method": "HEAD"}
        headers = Headers(scope=scope)
        unit, _, ranges = headers.get("range", "").partition("=")
        if unit.strip().lower() != UNIT or not self._is_of_this_file(headers):
            kept = [(name, value) for name, value in headers.raw if name != b"range"]
            return {**scope, "headers": kept}
        size_bytes = int(self.headers["content-length"])
        if not all(_exists(one, size_bytes) for one in ranges.split(",")):
            raise RangeNotSatisfiable(
                f"The file has {size_bytes} bytes; ask for some of them, "
                "for example with Range: bytes=0-1023.",
                size_bytes=size_bytes,
            )
        return scope

    def _is_of_this_file(self, headers: Headers) -> bool:
        own = (self.headers["etag"], self.headers["last-modified"])
        return headers.get("if-range", own[0]) in own


def _exists(text: str, size_bytes: int) -> bool:
    found = ONE_RANGE.fullmatch(text)
    if found is None:
        return False
    first, last = found.groups()
    if not first:  # the last so many bytes
        return bool(last) and int(last) > 0
    return int(first) < size_bytes and (not last or int(first) <= int(last))

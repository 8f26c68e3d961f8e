"""A video's file as an answer: whole or in ranges; what cannot be had is said so.

Where the operator has it so, the answer names a presigned address in the bucket, and
the bytes come from there.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import format_datetime
from secrets import token_hex
from typing import Any, Literal
from urllib.parse import quote

from anyio.to_thread import run_sync
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from app.core.errors import RangeNotSatisfiable, VideoNotFound
from app.core.http.routing import IS_HEAD
from app.core.storage.interface import ObjectInfo, Storage
from app.core.storage.links import is_link_key
from app.core.storage.presigning import Presigner

UNIT = "bytes"
ONE_RANGE = re.compile(r"\s*(\d{0,19})\s*-\s*(\d{0,19})\s*")
SUFFIX = re.compile(r"=\s*-")
MAX_RANGES = 100  # whoever asks for more gets the whole
# What names a version of the file; the bucket has another name for the same one.
CONDITIONS = ("if-range", "if-match", "if-none-match")
PRESIGNED_FOR = "touchline-presigned"  # HEAD tells: addresses are good so long, in s
PRESIGNED: dict[int | str, dict[str, Any]] = {
    307: {
        "description": "Where presigned downloads are on: the bytes are at this "
        "address, for a while, for whoever has it. Send it no key.",
        "headers": {
            "Location": {
                "description": "The file in the bucket.",
                "schema": {"type": "string", "format": "uri"},
            }
        },
    }
}

Ranges = list[tuple[int, int]]  # start and end of each, the end not included


class VideoFile(StreamingResponse):
    """A stored file that may be deleted at any moment; HEAD reads nothing of it.

    Args:
        presigner: sends clients on to the bucket, but for what it cannot answer: HEAD,
            several ranges, conditions on our own entity tag, on Azure the last so many
            bytes. None: all is sent.

    Raises:
        RangeNotSatisfiable: the header Range is malformed, or no such bytes exist.
        VideoNotFound: the file is gone.
    """

    def __init__(
        self,
        storage: Storage,
        found: ObjectInfo,
        *,
        media_type: str,
        filename: str,
        disposition: Literal["inline", "attachment"],
        headers: Mapping[str, str],
        presigner: Presigner | None = None,
    ) -> None:
        super().__init__((), media_type=media_type, headers=headers)
        self._storage, self._found = storage, found
        # What a link names lies in another bucket, for which the presigner is not.
        self._presigner = None if is_link_key(found.key) else presigner
        self._pieces: list[_Piece] = []
        self.headers["content-length"] = str(found.size_bytes)
        self.headers["last-modified"] = format_datetime(found.modified_at, usegmt=True)
        self.headers["accept-ranges"] = UNIT
        name = quote(filename)
        self.headers["content-disposition"] = (
            f'{disposition}; filename="{filename}"'
            if name == filename
            else f"{disposition}; filename*=utf-8''{name}"
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        ranges = self._asked_for(headers)
        is_head = scope["method"] == "HEAD" or scope.get(IS_HEAD)
        if not is_head and self._is_for_bucket(headers, ranges):
            sent_on = await run_sync(self._redirect)
            await sent_on(scope, receive, send)
            return
        self._pieces = self._cut(ranges)
        if is_head:
            if self._presigner is not None:
                seconds = int(self._presigner.expiry.total_seconds())
                self.headers[PRESIGNED_FOR] = str(seconds)
            await self._send_head(send)
            await _send_body(send, b"", more=False)
        else:
            await super().__call__(scope, receive, send)

    async def stream_response(self, send: Send) -> None:
        """Send head and body; the head waits until the first bytes can be had."""
        try:
            await self._send_all(send)
        except FileNotFoundError as exc:
            raise VideoNotFound("The video has just been deleted.") from exc

    def _is_for_bucket(self, headers: Headers, ranges: Ranges) -> bool:
        """Whether the bucket can answer; it knows one range, and its own tags."""
        if self._presigner is None or len(ranges) > 1:
            return False
        own = self.headers["etag"]
        is_ours = any(own in headers.get(name, "") for name in CONDITIONS)
        is_suffix = SUFFIX.search(headers.get("range", "")) is not None
        return not is_ours and (self._presigner.has_suffix_ranges or not is_suffix)

    def _redirect(self) -> RedirectResponse:
        assert self._presigner is not None  # noqa: S101  # for the type checker
        url = self._presigner.download(
            self._found.key,
            media_type=self.headers["content-type"],
            disposition=self.headers["content-disposition"],
        )
        # A browser must not come back to an address that is no longer good.
        kept = {"cache-control": "private, no-store"}
        return RedirectResponse(url, status_code=307, headers=kept)

    def _asked_for(self, headers: Headers) -> Ranges:
        """Read the ranges; none: the whole, also if the header is to be ignored.

        Those that touch or overlap are joined if there are several.
        """
        unit, _, texts = headers.get("range", "").partition("=")
        if unit.strip().lower() != UNIT or not self._is_of_this_file(headers):
            return []
        size_bytes = self._found.size_bytes
        ranges = [_bounds(text, size_bytes) for text in texts.split(",")]
        asked = sorted(one for one in ranges if one is not None)
        if len(asked) < len(ranges):
            raise RangeNotSatisfiable(
                f"The file has {size_bytes} bytes; ask for some of them, "
                "for example with Range: bytes=0-1023.",
                size_bytes=size_bytes,
            )
        return _joined(asked) if len(asked) <= MAX_RANGES else []

    def _is_of_this_file(self, headers: Headers) -> bool:
        own = (self.headers["etag"], self.headers["last-modified"])
        return headers.get("if-range", own[0]) in own

    def _cut(self, ranges: Ranges) -> list["_Piece"]:
        """Set the head for what is sent, and say of what the body consists."""
        size_bytes = self._found.size_bytes
        if not ranges:
            return [_Piece(0, size_bytes)]
        self.status_code = 206
        if len(ranges) == 1:
            start, end = ranges[0]
            self.headers["content-range"] = f"{UNIT} {start}-{end - 1}/{size_bytes}"
            self.headers["content-length"] = str(end - start)
            return [_Piece(start, end)]
        boundary, media_type = token_hex(13), self.headers["content-type"]
        pieces = [
            _Piece(
                start,
                end,
                before=f"--{boundary}\r\nContent-Type: {media_type}\r\nContent-Range: "
                f"{UNIT} {start}-{end - 1}/{size_bytes}\r\n\r\n",
                after="\r\n",
            )
            for start, end in ranges
        ]
        pieces.append(_Piece(0, 0, before=f"--{boundary}--"))
        self.headers["content-type"] = f"multipart/byteranges; boundary={boundary}"
        self.headers["content-length"] = str(sum(len(piece) for piece in pieces))
        return pieces

    async def _send_all(self, send: Send) -> None:
        has_begun = False
        for piece in self._pieces:
            async with self._storage.open_range(
                self._found.key, piece.start, piece.end
            ) as chunks:
                if not has_begun:
                    await self._send_head(send)
                    has_begun = True
                if piece.before:
                    await _send_body(send, piece.before.encode("latin-1"))
                async for chunk in chunks:
                    await _send_body(send, chunk)
                if piece.after:
                    await _send_body(send, piece.after.encode("latin-1"))
        await _send_body(send, b"", more=False)

    async def _send_head(self, send: Send) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )


@dataclass(frozen=True, slots=True)
class _Piece:
    """A range of the file, and what is written around it."""

    start: int
    end: int  # not included
    before: str = ""
    after: str = ""

    def __len__(self) -> int:
        return len(self.before) + self.end - self.start + len(self.after)


async def _send_body(send: Send, data: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": more})


def _bounds(text: str, size_bytes: int) -> tuple[int, int] | None:
    """Read one range as start and end (not included); None if there is no such."""
    found = ONE_RANGE.fullmatch(text)
    if found is None:
        return None
    first, last = found.groups()
    if not first:  # the last so many bytes
        is_there = bool(last) and int(last) > 0 and size_bytes > 0
        return (max(0, size_bytes - int(last)), size_bytes) if is_there else None
    end = min(int(last) + 1, size_bytes) if last else size_bytes
    return (int(first), end) if int(first) < end else None


def _joined(ranges: Ranges) -> Ranges:
    """Join sorted ranges that touch or overlap."""
    joined = ranges[:1]
    for start, end in ranges[1:]:
        if start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined

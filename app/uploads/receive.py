"""The bytes of an upload as they come: kept, counted, compared; whole, a video.

What came is kept whatever ends a request, except where a checksum was announced that
could not be compared, or a whole part, or more came than was announced.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from anyio.to_thread import run_sync
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.errors import RequestProblem, StorageFull, UploadBroken
from app.core.resources import Resources
from app.core.storage.hash_states import RunningHash
from app.core.storage.interface import ObjectAppender
from app.core.storage.keys import upload_key
from app.uploads.chunk import Chunk, ChunkBody
from app.uploads.completion import record_video
from app.uploads.problems import (
    ChecksumMismatch,
    OffsetMismatch,
    UploadInterrupted,
    UploadNotFound,
    UploadTooLong,
    upload_not_found,
)
from app.uploads.protocol import Checksum
from app.uploads.queries import note_unchecked, touch_upload
from app.uploads.service import UploadState
from app.uploads.tables import ResumableUpload
from app.uploads.turns import turn
from app.videos.room import ensure_free_space
from app.videos.upload import LOOK_FOR_ROOM_EVERY, with_idle_timeout

TOUCH_EVERY_S = 20.0

T = TypeVar("T")


async def receive_chunk(
    chunk: Chunk, *, resources: Resources, now: datetime
) -> UploadState:
    """Add what a request brings to its upload; the last byte makes the video.

    An empty chunk, sent to an upload that is whole, is answered with the video.

    Raises:
        UploadNotFound: there is no such upload, or it was deleted meanwhile.
        UploadLocked: bytes of another request come.
        OffsetMismatch, UploadTooLong: the chunk does not belong where it says.
        UploadInterrupted, StorageFull: not all of it came; what came is kept.
        ChecksumMismatch: it is not what its checksum tells; none of it is kept.
        NotReady: all is kept, but the database cannot be reached.
    """
    observer = _Observer()
    async with turn(chunk.upload_id, observer, resources=resources) as (upload, opened):
        if upload.video_id is not None:
            _refuse_wrong_place(chunk, upload, upload.size_bytes)
            return UploadState(upload, upload.size_bytes)
        taking = _Taking(chunk, upload, opened, resources, observer)
        await taking.begin()
        problem = await taking.take()
        running = await taking.settle(problem)
        if opened.size_bytes == upload.size_bytes:
            upload = await record_video(upload, running, resources=resources, now=now)
        return UploadState(upload, opened.size_bytes)


class _Observer:
    """Passes what is written on to the hashes that want it."""

    def __init__(self) -> None:
        self.hashes: list[Callable[[bytes], None]] = []

    def __call__(self, data: bytes) -> None:
        for update in self.hashes:
            update(data)


@dataclass(slots=True)
class _Taking:
    """A chunk on its way into its upload.

    Attributes:
        running: the hash of all bytes so far; None: it was lost.
        before: the same, before this chunk.
        checked: the checksum of this chunk's bytes so far, if it is asked for.
    """

    chunk: Chunk
    upload: ResumableUpload
    opened: ObjectAppender
    resources: Resources
    observer: _Observer
    running: RunningHash | None = None
    before: RunningHash | None = None
    checked: Any = None
    began: datetime | None = None
    room_looked_for_at: int = 0
    touched_at_s: float = 0.0

    async def begin(self) -> None:
        """Make sure that the chunk belongs here, and get the hashes ready."""
        chunk, upload, opened = self.chunk, self.upload, self.opened
        unchecked = upload.unchecked_from
        if unchecked is not None and opened.size_bytes > unchecked:
            await opened.truncate(unchecked)  # Its request died before its end.
        _refuse_wrong_place(chunk, upload, opened.size_bytes)
        await self._ensure_room(chunk.content_length or 0)
        states, key = self.resources.hash_states, upload_key(upload.id)
        self.running = states.take(key, opened.size_bytes)
        if self.running is not None:
            self.before = self.running.copy()
            self.observer.hashes.append(self.running.update)
        if chunk.checksum is not None:
            self.checked = chunk.checksum.start()
            self.observer.hashes.append(self.checked.update)
        self.room_looked_for_at = opened.size_bytes
        unchecked = opened.size_bytes if chunk.is_indivisible else None
        self.began = await self._in_thread(self._begin, unchecked)

    async def take(self) -> RequestProblem | None:
        """Take all that comes; gives what broke it off."""
        body = ChunkBody(self.chunk.receive, self._look_around)
        try:
            async for data in with_idle_timeout(body, self.resources.settings):
                if self.opened.size_bytes + len(data) > self.upload.size_bytes:
                    raise _too_long(self.upload)
                await self.opened.write(data)
                await self._touch()
            await self.opened.flush()
        except UploadBroken:
            return UploadInterrupted(
                "The bytes stopped coming, or came too slowly. Those that came are "
                "kept: ask how many (HEAD), and go on from there."
            )
        except RequestProblem as problem:
            return problem
        return None

    async def settle(self, problem: RequestProblem | None) -> RunningHash | None:
        """Keep what counts of the chunk; gives the hash of all that is kept.

        Raises:
            RequestProblem: the one given, or the checksum is wrong.
        """
        checksum, start = self.chunk.checksum, self.chunk.offset_bytes
        if checksum is not None and problem is None and self._is_other(checksum):
            problem = ChecksumMismatch(
                f"The {checksum.algorithm} of what came is another one; send the "
                "bytes of this request again.",
                upload_offset=start,
            )
        size_bytes = self.opened.size_bytes
        with suppress(StorageFull):
            size_bytes = await self.opened.flush()
        is_indivisible = self.chunk.is_indivisible
        if isinstance(problem, UploadTooLong) or (problem and is_indivisible):
            await self.opened.truncate(start)
            size_bytes = await self.opened.flush()
            self.running = self.before
        if is_indivisible and not isinstance(problem, UploadNotFound):
            await self._in_thread(self._begin, None)
        if self.running is not None and self.running.size_bytes == size_bytes:
            key = upload_key(self.upload.id)
            self.resources.hash_states.keep(key, self.running)
        if problem is not None:
            raise problem
        return self.running

    def _is_other(self, checksum: Checksum) -> bool:
        return bool(self.checked.digest() != checksum.digest)

    async def _touch(self) -> None:
        """Look for room, and put the expiry off, now and then."""
        if self.opened.size_bytes - self.room_looked_for_at > LOOK_FOR_ROOM_EVERY:
            self.room_looked_for_at = await self.opened.flush()
            await self._ensure_room(0)
        if time.monotonic() - self.touched_at_s > TOUCH_EVERY_S:
            await self._in_thread(self._put_off)

    async def _look_around(self) -> None:
        """Use a silence: make safe what came, and see who else is there."""
        await self.opened.flush()
        asked_for_at = await self._in_thread(self._put_off)
        if asked_for_at is not None and self.began and asked_for_at > self.began:
            raise UploadInterrupted("Another request goes on with this upload.")

    async def _ensure_room(self, coming_bytes: int) -> None:
        try:
            await ensure_free_space(self.resources, coming_bytes)
        except StorageFull as exc:
            raise StorageFull(
                "The server's disk has no room for the rest of this upload. What came "
                "is kept: go on once there is room again.",
                **exc.extra,
            ) from exc

    def _begin(self, unchecked_from: int | None) -> datetime:
        """Note from where on bytes do not count yet; gives the database's time."""
        with self.resources.sessions.begin() as session:
            session.execute(note_unchecked(self.upload.id, unchecked_from))
            return self._touch_row(session)

    def _put_off(self) -> datetime | None:
        """Put the expiry off; tells when another request last asked for its turn."""
        with self.resources.sessions.begin() as session:
            self._touch_row(session)
            return session.scalar(
                select(ResumableUpload.asked_for_at).where(
                    ResumableUpload.id == self.upload.id
                )
            )

    def _touch_row(self, session: Session) -> datetime:
        self.touched_at_s = time.monotonic()
        expiry = self.resources.settings.upload_expiry
        now = session.scalar(touch_upload(self.upload.id, expiry=expiry))
        if now is None:
            raise upload_not_found(self.upload.id)
        self.upload.expires_at = now + expiry
        return now

    async def _in_thread(self, work: Callable[..., T], *args: object) -> T:
        limiter = self.resources.upload_threads
        return await run_sync(partial(work, *args), limiter=limiter)


def _refuse_wrong_place(chunk: Chunk, upload: ResumableUpload, size_bytes: int) -> None:
    if chunk.offset_bytes != size_bytes:
        raise OffsetMismatch(
            f"The upload is at {size_bytes} bytes, not at {chunk.offset_bytes}; go on "
            "from there.",
            upload_offset=size_bytes,
        )
    if (chunk.content_length or 0) > upload.size_bytes - size_bytes:
        raise _too_long(upload)


def _too_long(upload: ResumableUpload) -> UploadTooLong:
    return UploadTooLong(
        f"More than the {upload.size_bytes} bytes came that Upload-Length announced; "
        "nothing of this request is kept."
    )

"""The bytes of a video by its address: counted, judged, hashed; resumable by range.

What came is kept as a growing object, with a note that tells whether the server still
has the same file; a later run goes on from there if it does.
"""

import asyncio
import hashlib
import json
import time
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from uuid import UUID

from app.core.errors import StorageFull
from app.core.storage.hash_states import RunningHash
from app.core.storage.interface import ObjectAppender, ObjectBusy, Storage
from app.core.storage.keys import part_facts_key, part_key
from app.projects.problems import QuotaReached
from app.sources.failures import (
    DownloadFailed,
    DownloadTooSlow,
    SourceTooLarge,
    SourceUnusable,
)
from worker.downloads.answers import (
    content_range,
    filename_of,
    page_instead,
    refuse_status,
    refuse_type,
    validator_of,
)
from worker.downloads.requests import Answer, Rules, open_url

TRIES = 5  # in a row that bring nothing
PAUSE_S = 1.0  # before the second try, then twice as long each time
FLUSH_EVERY = 64 * 2**20  # bytes between two looks at the free space
HTML_STARTS = (b"<!doctype html", b"<html", b"<head", b"<!--")
USER_AGENT = "touchline-download/1"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a download may take."""

    max_bytes: int
    quota_bytes: int  # what is left of the project's quota
    timeout_s: float
    min_rate: float  # bytes a second
    rate_over_s: float
    min_free_bytes: int


@dataclass(slots=True)
class Part:
    """What is known of the file that is being downloaded.

    Attributes:
        url: a hash of its address, which may be a secret.
        validator: what the server calls this very version of the file, for `If-Range`.
        total_bytes: its size, if the server tells it.
        filename: what the server calls it.
    """

    url: str
    validator: str | None = None
    total_bytes: int | None = None
    filename: str | None = None


@dataclass(slots=True)
class Download:
    """One run of a download; `size_bytes` and `part` may be watched meanwhile."""

    url: str
    video_id: UUID
    storage: Storage
    rules: Rules
    limits: Limits
    part: Part = field(init=False)
    hash: RunningHash = field(default_factory=RunningHash)
    size_bytes: int = 0

    def __post_init__(self) -> None:
        self.part = Part(hashlib.sha256(self.url.encode()).hexdigest())

    async def run(self) -> None:
        """Bring the whole file into the object that grows.

        Raises:
            JobFailure: it could not be had; what came is kept.
            StorageFull: there is no room.
        """
        try:
            async with (
                asyncio.timeout(self.limits.timeout_s),
                self.storage.append(part_key(self.video_id), self._observe) as opened,
            ):
                await self._go_on_where_it_stopped(opened)
                await self._try_again_and_again(opened)
        except TimeoutError as exc:
            raise DownloadTooSlow(
                f"The download took longer than {self.limits.timeout_s:g} seconds "
                "(TOUCHLINE_DOWNLOAD_TIMEOUT)."
            ) from exc
        except ObjectBusy as exc:
            raise DownloadFailed("An earlier run has not ended yet.") from exc

    def _observe(self, data: bytes) -> None:
        self.hash.update(data)

    async def _go_on_where_it_stopped(self, opened: ObjectAppender) -> None:
        """Keep what an earlier run brought, if the server can be asked for the rest."""
        try:
            told = json.loads(self.storage.get(part_facts_key(self.video_id)))
            earlier = Part(**told)
        except (FileNotFoundError, ValueError, TypeError):
            earlier = None
        if (
            earlier is None
            or earlier.url != self.part.url
            or earlier.validator is None
            or opened.size_bytes == 0
        ):
            await self._start_over(opened)
            return
        self.part = earlier
        self.hash = await asyncio.to_thread(self._hash_of_part)
        self.size_bytes = opened.size_bytes

    def _hash_of_part(self) -> RunningHash:
        running = RunningHash()
        with (
            self.storage.local_copy(part_key(self.video_id)) as path,
            path.open("rb") as file,
        ):
            while data := file.read(2**20):
                running.update(data)
        return running

    async def _start_over(self, opened: ObjectAppender) -> None:
        await opened.truncate(0)
        self.hash, self.size_bytes = RunningHash(), 0
        self.part = Part(self.part.url)

    async def _try_again_and_again(self, opened: ObjectAppender) -> None:
        in_vain = 0
        while True:
            before = self.size_bytes
            try:
                if self.size_bytes == 0 or self.size_bytes != self.part.total_bytes:
                    await self._fetch(opened)
                await opened.flush()
                return
            except DownloadFailed:
                self.size_bytes = await opened.flush()
                can_go_on = self.part.validator is not None
                has_more = can_go_on and self.size_bytes > before
                in_vain = 0 if has_more else in_vain + 1
                if in_vain >= TRIES:
                    raise
                await asyncio.sleep(PAUSE_S * 2**in_vain)
                if not can_go_on:
                    await self._start_over(opened)

    async def _fetch(self, opened: ObjectAppender) -> None:
        """Ask for what is missing, and take it."""
        headers = {
            "accept": "*/*",
            "accept-encoding": "identity",
            "user-agent": USER_AGENT,
        }
        if self.size_bytes:
            headers["range"] = f"bytes={self.size_bytes}-"
            headers["if-range"] = str(self.part.validator)
        async with open_url(self.url, headers=headers, rules=self.rules) as answer:
            await self._judge(answer, opened)
            await self._take(answer, opened)

    async def _judge(self, answer: Answer, opened: ObjectAppender) -> None:
        """Refuse what is no file, and learn what the server says of it."""
        refuse_status(answer)
        refuse_type(answer)
        if answer.status == HTTPStatus.PARTIAL_CONTENT:
            start, total = content_range(answer)
            if start != self.size_bytes:
                await self._start_over(opened)
                raise DownloadFailed(f"{answer.host} sent another part than asked for.")
            if self._is_another(answer, total):  # Not all servers heed `If-Range`.
                await self._start_over(opened)
                raise DownloadFailed(f"{answer.host} has another file now.")
        elif answer.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            await self._start_over(opened)
            raise DownloadFailed(f"{answer.host} has another file now.")
        else:
            await self._start_over(opened)
            length = answer.headers.get("content-length", "")
            total = int(length) if length.isdecimal() else None
        self._refuse_size(total or 0)
        self._ensure_room((total or 0) - self.size_bytes)
        self.part.total_bytes = total
        if answer.status != HTTPStatus.PARTIAL_CONTENT or not self.size_bytes:
            self.part.validator = validator_of(answer)
        self.part.filename = filename_of(answer) or self.part.filename
        note = json.dumps(asdict(self.part)).encode()
        await asyncio.to_thread(self.storage.put, part_facts_key(self.video_id), note)

    def _is_another(self, answer: Answer, total: int | None) -> bool:
        """Whether a part is of another version than what has come so far."""
        if not self.size_bytes:
            return False
        validator = str(self.part.validator)
        name = "etag" if validator.startswith('"') else "last-modified"
        told = answer.headers.get(name, validator).removeprefix("W/")
        sizes = {total, self.part.total_bytes} - {None}
        return told != validator or len(sizes) > 1

    async def _take(self, answer: Answer, opened: ObjectAppender) -> None:
        flushed_at, since, came = self.size_bytes, time.monotonic(), 0
        async for data in answer.chunks:
            if self.size_bytes == 0 and data.lstrip()[:16].lower().startswith(
                HTML_STARTS
            ):
                raise page_instead(answer.host)
            self._refuse_size(self.size_bytes + len(data))
            await opened.write(data)
            self.size_bytes += len(data)
            came += len(data)
            if self.size_bytes - flushed_at > FLUSH_EVERY:
                flushed_at = await opened.flush()
                self._ensure_room(0)
            passed_s = time.monotonic() - since
            if passed_s > self.limits.rate_over_s:
                if came / passed_s < self.limits.min_rate:
                    raise DownloadFailed(f"{answer.host} sends too slowly.")
                since, came = time.monotonic(), 0
        if self.part.total_bytes not in (None, self.size_bytes):
            raise DownloadFailed(f"{answer.host} ended before all was sent.")
        if self.size_bytes == 0:
            raise SourceUnusable(f"{answer.host} gave an empty file.")

    def _ensure_room(self, coming_bytes: int) -> None:
        free = self.storage.free_bytes()
        if free - coming_bytes < self.limits.min_free_bytes:
            raise StorageFull("The server's disk has no room for this video.")

    def _refuse_size(self, size_bytes: int) -> None:
        most, left = self.limits.max_bytes, self.limits.quota_bytes
        if size_bytes > most:
            raise SourceTooLarge(
                f"The file is larger than {most / 2**20:,.6g} MiB, the most this "
                "service takes (TOUCHLINE_MAX_UPLOAD_SIZE)."
            )
        if size_bytes > left:
            raise QuotaReached(
                f"The file is larger than {left / 2**20:,.6g} MiB, what is left of the "
                "project's quota. Delete videos, then run the job again."
            )

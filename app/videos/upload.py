"""Accept an upload: bytes to storage as they come, then Video and Job, then the bell.

No database session is open while bytes flow; whatever goes wrong, nothing is kept,
but what the database may know of.
"""

import re
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import anyio
import structlog
from anyio.to_thread import run_sync
from starlette.requests import ClientDisconnect

from app.checkpoints.catalogue import check_model
from app.core.db.base import new_id
from app.core.db.commit import OutcomeUnknown
from app.core.errors import (
    CallbackRefused,
    EmptyUpload,
    InvalidRequest,
    NotReady,
    StorageFull,
    UploadBroken,
    VideoTooLarge,
)
from app.core.resources import Resources
from app.core.settings import Settings
from app.core.storage.interface import ObjectWriter
from app.core.storage.keys import source_key
from app.idempotency.service import held_key
from app.jobs.kinds import HIGHEST_PRIORITY, LOWEST_PRIORITY
from app.videos.in_flight import upload_in_flight
from app.videos.upload_form import (
    FileBytes,
    FileStarted,
    FormReader,
    Piece,
    TextField,
    read_boundary,
)
from app.videos.upload_rows import Accepted, UploadFormData, find_earlier, record_upload
from app.webhooks.callbacks import check_callback_url

FIELDS = ("file", "title", "callback_url", "model", "priority")
FORM_OVERHEAD_BYTES = 256 * 1024  # what a form may hold besides the file
LOOK_FOR_ROOM_EVERY = 64 * 2**20  # bytes between two looks at the free space
MAX_TITLE_CHARS = 300
RESOLVE_S = 20.0  # an upload waits so long for its turn to look up a callback's host
CONTROL_CHARS = re.compile(r"[\x00-\x1f\x7f]")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Body:
    """A request's body and what its headers claim about it; the length can lie."""

    chunks: AsyncIterator[bytes]
    content_type: str | None
    content_length: int | None
    idempotency_key: str | None = None


async def accept_upload(body: Body, *, resources: Resources, now: datetime) -> Accepted:
    """Store a video and queue the first job for it.

    With a key that was used before, the same upload is answered with the video it
    made then, and nothing new is kept.

    Raises:
        UnsupportedBody, UploadBroken, EmptyUpload, InvalidRequest: the form is not
            what it must be.
        VideoTooLarge, StorageFull: there is too much of it; raised as soon as known.
        CallbackRefused, UnknownModel: a field names what cannot be used.
        IdempotencyKeyInUse, IdempotencyKeyReused: the key belongs to another upload.
        NotReady: the database cannot be reached.
    """
    reader = FormReader(read_boundary(body.content_type))
    _refuse_by_header(body.content_length, resources.settings.max_upload_size)
    video_id, upload = new_id(), UploadFormData()
    async with (
        held_key(body.idempotency_key, resources=resources) as held,
        upload_in_flight(video_id, resources=resources) as flight,
        resources.storage.put_stream(source_key(video_id)) as writer,
    ):
        await _ensure_free_space(resources, body.content_length or 0)
        async for chunk in _with_idle_timeout(body.chunks, resources.settings):
            await _take_chunk(reader.feed(chunk), writer, upload, resources)
            await held.touch()
            await flight.touch()
        reader.finish()
        _refuse_empty(upload, writer.size_bytes)
        flight.is_stored = True  # Or nearly so, if the next call does not return.
        stored = await writer.finish()
        finish = record_upload if held.earlier is None else find_earlier
        try:
            accepted = await run_sync(
                partial(finish, flight, upload, stored, held, now),
                limiter=resources.upload_threads,
            )
        except OutcomeUnknown as exc:
            # The flight's row tells a sweep, which removes the file or lets it be.
            raise NotReady(
                "The database left while the upload was being recorded. Send it again, "
                "with the same Idempotency-Key if it had one."
            ) from exc
    if accepted.video.id == video_id:
        log.info("video_accepted", video=str(video_id), size_bytes=stored.size_bytes)
        ring = partial(resources.notifier.notify_job, accepted.job.id)
        await run_sync(ring, limiter=resources.upload_threads)
    return accepted


async def _take_chunk(
    pieces: Iterable[Piece],
    writer: ObjectWriter,
    upload: UploadFormData,
    resources: Resources,
) -> None:
    """Send the file's bytes on and gather the fields; each is judged when it comes."""
    limit = resources.settings.max_upload_size
    for piece in pieces:
        match piece:
            case FileBytes(data):
                if writer.size_bytes + len(data) > limit:
                    raise _too_large(limit)
                await writer.write(data)
            case FileStarted(filename):
                if upload.filename is not None:
                    raise InvalidRequest("The form holds more than one file.")
                upload.filename = filename
            case TextField(name, value):
                await _take_field(name, value, upload, resources)
    if writer.size_bytes - upload.room_looked_for_at > LOOK_FOR_ROOM_EVERY:
        upload.room_looked_for_at = writer.size_bytes
        await _ensure_free_space(resources, 0)


async def _take_field(
    name: str, value: str, upload: UploadFormData, resources: Resources
) -> None:
    if name not in FIELDS:
        raise InvalidRequest(
            f"The form has no field {name!r}; its fields are {', '.join(FIELDS)}."
        )
    if name in upload.fields:
        raise InvalidRequest(f"The field {name!r} is there twice.")
    value = value.strip()
    if not value:  # What browsers send for a field left empty.
        return
    if name == "title" and (
        len(value) > MAX_TITLE_CHARS or CONTROL_CHARS.search(value)
    ):
        raise InvalidRequest(
            f"The title must be one line of at most {MAX_TITLE_CHARS} characters."
        )
    if name == "callback_url":
        await _check_callback(value, resources)
    if name == "priority":
        _check_priority(value)
    if name == "model":
        look = partial(check_model, value, resources.settings)
        await run_sync(look, limiter=resources.upload_threads)
    upload.fields[name] = value


def _check_priority(value: str) -> None:
    is_number = re.fullmatch(r"[+-]?[0-9]{1,4}", value) is not None
    if not is_number or not LOWEST_PRIORITY <= int(value) <= HIGHEST_PRIORITY:
        raise InvalidRequest(
            f"The priority must be a whole number from {LOWEST_PRIORITY} to "
            f"{HIGHEST_PRIORITY}."
        )


async def _check_callback(url: str, resources: Resources) -> None:
    nets = resources.settings.webhook_allow_nets
    try:
        with anyio.fail_after(RESOLVE_S):
            await run_sync(
                check_callback_url, url, nets, limiter=resources.resolver_threads
            )
    except TimeoutError as exc:
        raise CallbackRefused(
            "The host of callback_url could not be looked up in time; nothing was "
            "kept. Try again later."
        ) from exc


async def _with_idle_timeout(
    chunks: AsyncIterator[bytes], settings: Settings
) -> AsyncIterator[bytes]:
    """Pass chunks on; a client that leaves, falls silent or trickles has broken off.

    Only the time that the client was waited for counts.
    """
    idle_s = settings.upload_idle.total_seconds()
    iterator = aiter(chunks)
    waited_s, came_bytes = 0.0, 0
    while True:
        began = time.monotonic()
        try:
            with anyio.fail_after(idle_s):
                chunk = await anext(iterator)
        except StopAsyncIteration:
            return
        except TimeoutError as exc:
            raise UploadBroken(
                f"Nothing came for {idle_s:g} seconds; nothing was kept."
            ) from exc
        except ClientDisconnect as exc:
            log.info("upload_broken_off")
            raise UploadBroken("The client left before the body ended.") from exc
        waited_s += time.monotonic() - began
        came_bytes += len(chunk)
        if waited_s >= idle_s:
            _refuse_trickle(came_bytes / waited_s, settings)
            waited_s, came_bytes = 0.0, 0
        yield chunk


def _refuse_trickle(rate: float, settings: Settings) -> None:
    if rate < settings.upload_min_rate:
        raise UploadBroken(
            f"The upload came at {rate:.0f} bytes a second, less than the "
            f"{settings.upload_min_rate} it must (TOUCHLINE_UPLOAD_MIN_RATE); "
            "nothing was kept."
        )


def _refuse_by_header(content_length: int | None, limit: int) -> None:
    if content_length is not None and content_length > limit + FORM_OVERHEAD_BYTES:
        raise _too_large(limit)
    if content_length == 0:
        raise EmptyUpload(f"The body is empty. {_HOW_TO_SEND}")


def _refuse_empty(upload: UploadFormData, size_bytes: int) -> None:
    if upload.filename is None:
        raise EmptyUpload(f"The form has no part named 'file'. {_HOW_TO_SEND}")
    if size_bytes == 0:
        raise EmptyUpload(f"The file {upload.filename!r} is empty, or none was chosen.")


async def _ensure_free_space(resources: Resources, coming_bytes: int) -> None:
    """Refuse what would leave the disk (and the database on it) without room."""
    free = await run_sync(
        resources.storage.free_bytes, limiter=resources.upload_threads
    )
    if free - coming_bytes < resources.settings.min_free_space:
        raise StorageFull(
            "The server's disk has no room for this upload; nothing was kept. "
            "Delete videos that are no longer needed, or try again later.",
            free_bytes=max(0, free - resources.settings.min_free_space),
        )


def _too_large(limit: int) -> VideoTooLarge:
    return VideoTooLarge(
        f"The upload is larger than {limit / 2**20:,.6g} MiB, the most this service "
        "takes (TOUCHLINE_MAX_UPLOAD_SIZE).",
        limit_bytes=int(limit),
    )


_HOW_TO_SEND = "Send the video in a part named 'file', e.g. curl -F file=@match.mp4"

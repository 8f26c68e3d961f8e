"""Accept an upload: stream its bytes to storage, save Video and Job, notify workers.

No database session is open while bytes flow; whatever goes wrong, nothing is kept,
but what the database may know of.
"""

import re
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import anyio
import structlog
from anyio.to_thread import run_sync
from pydantic import ValidationError
from starlette.requests import ClientDisconnect

from app.checkpoints.catalogue import check_model
from app.core.db.base import new_id
from app.core.db.commit import OutcomeUnknown
from app.core.errors import (
    RULE,
    EmptyUpload,
    InvalidRequest,
    NotReady,
    UploadBroken,
)
from app.core.resources import Resources
from app.core.settings import Settings
from app.idempotency.service import held_key
from app.jobs.kinds import (
    HIGHEST_PRIORITY,
    KINDS,
    LOWEST_PRIORITY,
    NO_MODEL,
    JobKind,
)
from app.videos.facts_schemas import NewFacts
from app.videos.in_flight import upload_in_flight
from app.videos.parts import JOIN_FIELDS, check_join_field, refuse_join_of_one
from app.videos.room import ensure_free_space, ensure_quotas, too_large
from app.videos.upload_files import HOW_TO_SEND, UploadFiles
from app.videos.upload_form import (
    FileBytes,
    FileStarted,
    FormReader,
    Piece,
    TextField,
    read_boundary,
)
from app.videos.upload_rows import (
    FACT_FIELDS,
    Accepted,
    UploadFormData,
    find_earlier,
    record_upload,
)
from app.webhooks.checking import check_address

FIELDS = ("file", *FACT_FIELDS, "callback_url", "model", "priority")
FORM_OVERHEAD_BYTES = 256 * 1024  # what a form may hold besides the file
LOOK_FOR_ROOM_EVERY = 64 * 2**20  # bytes between two looks at the free space

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
        VideoTooLarge, StorageFull, StoredQuotaReached, QueueQuotaReached: there is too
            much of it; raised as soon as known.
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
        AsyncExitStack() as cleanup,
    ):
        files = UploadFiles(flight, resources.storage, cleanup)
        await ensure_free_space(resources, body.content_length or 0)
        upload.is_sent_again = held.earlier is not None
        upload.coming_bytes = max(0, (body.content_length or 0) - FORM_OVERHEAD_BYTES)
        async for chunk in with_idle_timeout(body.chunks, resources.settings):
            await _take_chunk(reader.feed(chunk), files, upload, resources)
            await held.touch()
            await flight.touch()
        reader.finish()
        stored = await files.finish()
        refuse_join_of_one(stored, upload.fields)
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
        log.info("video_accepted", video=str(video_id), size_bytes=files.came_bytes)
        queue = KINDS[JobKind(accepted.job.kind)].queue
        notify = partial(resources.notifier.notify_job, accepted.job.id, queue=queue)
        await run_sync(notify, limiter=resources.upload_threads)
    return accepted


async def _take_chunk(
    pieces: Iterable[Piece],
    files: UploadFiles,
    upload: UploadFormData,
    resources: Resources,
) -> None:
    """Send the files' bytes on and gather the fields; each is judged when it comes."""
    limit = resources.settings.max_upload_size
    for piece in pieces:
        match piece:
            case FileBytes(data):
                if files.came_bytes + len(data) > limit:
                    raise too_large(limit)
                await files.write(data)
            case FileStarted(filename):
                await files.begin(filename)
                is_first = upload.filename is None
                upload.filename = filename if is_first else upload.filename
                if is_first and not upload.is_sent_again:
                    await ensure_quotas(
                        resources,
                        upload.coming_bytes,
                        is_analysed=upload.fields.get("model") != NO_MODEL,
                    )
            case TextField(name, value):
                await take_field(name, value, upload, resources)
    if files.came_bytes - upload.room_looked_for_at > LOOK_FOR_ROOM_EVERY:
        upload.room_looked_for_at = files.came_bytes
        await ensure_free_space(resources, 0)


async def take_field(
    name: str, value: str, upload: UploadFormData, resources: Resources
) -> None:
    """Judge a field and keep it.

    Raises:
        InvalidRequest: see `keep_field`.
        CallbackRefused, UnknownModel: it names what cannot be used.
    """
    keep_field(name, value, upload)
    if name in upload.fields and not upload.is_sent_again:
        await check_usable(name, upload.fields[name], resources)


def keep_field(name: str, value: str, upload: UploadFormData) -> None:
    """Keep a field, judged by itself alone.

    Raises:
        InvalidRequest: there is no such field, it was there before, or its value is
            not what it must be.
    """
    if name not in (*FIELDS, *JOIN_FIELDS):
        known = ", ".join((*FIELDS, *JOIN_FIELDS))
        raise InvalidRequest(f"The form has no field {name!r}; its fields are {known}.")
    if name in upload.fields:
        raise InvalidRequest(f"The field {name!r} is there twice.")
    value = value.strip()
    if not value:  # What browsers send for a field left empty.
        return
    if name in FACT_FIELDS:
        _check_fact(name, value)
    if name in JOIN_FIELDS:
        check_join_field(name, value)
    if name == "priority":
        _check_priority(value)
    upload.fields[name] = value


async def check_usable(name: str, value: str, resources: Resources) -> None:
    """Make sure that what a field names can be used now.

    What an earlier request made is told without: that may have changed since.

    Raises:
        CallbackRefused, UnknownModel: it cannot.
    """
    if name == "callback_url":
        await check_address(value, resources)
    if name == "model" and value != NO_MODEL:
        look = partial(check_model, value, resources.settings)
        await run_sync(look, limiter=resources.upload_threads)


def _check_fact(name: str, value: str) -> None:
    try:
        NewFacts.model_validate({name: value})
    except ValidationError as exc:
        words = exc.errors()[0]["msg"]
        raise InvalidRequest(
            f"The field {name!r} cannot be used: {words}.", kind=RULE
        ) from exc


def _check_priority(value: str) -> None:
    is_number = re.fullmatch(r"[+-]?[0-9]{1,4}", value) is not None
    if not is_number or not LOWEST_PRIORITY <= int(value) <= HIGHEST_PRIORITY:
        raise InvalidRequest(
            f"The priority must be a whole number from {LOWEST_PRIORITY} to "
            f"{HIGHEST_PRIORITY}."
        )


async def with_idle_timeout(
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
        raise too_large(limit)
    if content_length == 0:
        raise EmptyUpload(f"The body is empty. {HOW_TO_SEND}")

"""Accept an upload: bytes to storage as they come, then Video and Job, then the bell.

No database session is open while bytes flow; whatever goes wrong, nothing is kept.
"""

import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import NamedTuple
from uuid import UUID

import anyio
import structlog
from anyio.to_thread import run_sync
from starlette.requests import ClientDisconnect

from app.core.db.base import new_id
from app.core.db.models import Job, JobStatus, Video
from app.core.db.queries import video_with_jobs
from app.core.errors import (
    EmptyUpload,
    InvalidRequest,
    KeyInUse,
    StorageFull,
    UploadBroken,
    VideoTooLarge,
)
from app.core.service import Service
from app.core.settings import Settings
from app.core.storage import Receiver, StoredFile, source_key, video_prefix
from app.core.webhooks import check_callback_url
from app.upload_form import (
    FileBytes,
    FileStarted,
    FormReader,
    Piece,
    TextField,
    read_boundary,
)
from app.upload_keys import HeldKey, check_same, fingerprint_of, held_key

FIELDS = ("file", "title", "callback_url", "model")
FORM_OVERHEAD_BYTES = 256 * 1024  # what a form may hold besides the file
LOOK_FOR_ROOM_EVERY = 64 * 2**20  # bytes between two looks at the free space
MAX_TITLE_CHARS = 300
CONTROL_CHARS = re.compile(r"[\x00-\x1f\x7f]")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Body:
    """A request's body and what its headers claim about it; the length can lie."""

    chunks: AsyncIterator[bytes]
    content_type: str | None
    content_length: int | None
    idempotency_key: str | None = None


@dataclass(slots=True)
class Upload:
    """What has been read of the form so far."""

    filename: str | None = None  # None until the file's part began
    fields: dict[str, str] = field(default_factory=dict)
    room_looked_for_at: int = 0  # bytes that had come when the disk was looked at


class Accepted(NamedTuple):
    """What an upload became."""

    video: Video
    job: Job  # its latest
    shown: Job | None  # the one whose timeline is shown, if it was sent before


async def accept_upload(body: Body, *, service: Service, now: datetime) -> Accepted:
    """Store a video and queue the first job for it.

    With a key that was used before, the same upload is answered with the video it
    made then, and nothing new is kept.

    Raises:
        UnsupportedBody, UploadBroken, EmptyUpload, InvalidRequest: the form is not
            what it must be.
        VideoTooLarge, StorageFull: there is too much of it; raised as soon as known.
        CallbackRefused, UnknownModel: a field names what cannot be used.
        KeyInUse, KeyReused: the Idempotency-Key belongs to another upload.
    """
    reader = FormReader(read_boundary(body.content_type))
    _refuse_by_header(body.content_length, service.settings.max_upload_size)
    video_id, upload = new_id(), Upload()
    async with (
        held_key(body.idempotency_key, sessions=service.sessions) as held,
        service.storage.receive(source_key(video_id)) as receiver,
    ):
        await _look_for_room(service, body.content_length or 0)
        async for chunk in _patiently(body.chunks, service.settings):
            await _take_chunk(reader.feed(chunk), receiver, upload, service)
            await held.touch()
        reader.finish()
        _refuse_empty(upload, receiver.size_bytes)
        stored = await receiver.finish()
        finish = _record if held.earlier is None else _answer_again
        accepted = await run_sync(
            partial(finish, video_id, upload, stored, held, service=service, now=now)
        )
    if accepted.video.id == video_id:
        log.info("video_accepted", video=str(video_id), size_bytes=stored.size_bytes)
        await run_sync(service.doorbell.ring_job, accepted.job.id)
    return accepted


async def _take_chunk(
    pieces: Iterable[Piece], receiver: Receiver, upload: Upload, service: Service
) -> None:
    """Send the file's bytes on and gather the fields; each is judged when it comes."""
    limit = service.settings.max_upload_size
    for piece in pieces:
        match piece:
            case FileBytes(data):
                if receiver.size_bytes + len(data) > limit:
                    raise _too_large(limit)
                await receiver.write(data)
            case FileStarted(filename):
                if upload.filename is not None:
                    raise InvalidRequest("The form holds more than one file.")
                upload.filename = filename
            case TextField(name, value):
                await _take_field(name, value, upload, service)
    if receiver.size_bytes - upload.room_looked_for_at > LOOK_FOR_ROOM_EVERY:
        upload.room_looked_for_at = receiver.size_bytes
        await _look_for_room(service, 0)


async def _take_field(name: str, value: str, upload: Upload, service: Service) -> None:
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
        nets = service.settings.webhook_allow_nets
        await run_sync(check_callback_url, value, nets)
    if name == "model":
        await run_sync(service.catalogue.check, value)
    upload.fields[name] = value


async def _patiently(
    chunks: AsyncIterator[bytes], settings: Settings
) -> AsyncIterator[bytes]:
    """Pass chunks on; a client that leaves or falls silent has broken off."""
    idle_s = settings.upload_idle.total_seconds()
    iterator = aiter(chunks)
    while True:
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
        yield chunk


def _refuse_by_header(content_length: int | None, limit: int) -> None:
    if content_length is not None and content_length > limit + FORM_OVERHEAD_BYTES:
        raise _too_large(limit)
    if content_length == 0:
        raise EmptyUpload(f"The body is empty. {_HOW_TO_SEND}")


def _refuse_empty(upload: Upload, size_bytes: int) -> None:
    if upload.filename is None:
        raise EmptyUpload(f"The form has no part named 'file'. {_HOW_TO_SEND}")
    if size_bytes == 0:
        raise EmptyUpload(f"The file {upload.filename!r} is empty, or none was chosen.")


async def _look_for_room(service: Service, coming_bytes: int) -> None:
    """Refuse what would leave the disk (and the database on it) without room."""
    free = await run_sync(service.storage.free_bytes)
    if free - coming_bytes < service.settings.min_free_space:
        raise StorageFull(
            "The server's disk has no room for this upload; nothing was kept. "
            "Delete videos that are no longer needed, or try again later.",
            free_bytes=max(0, free - service.settings.min_free_space),
        )


def _too_large(limit: int) -> VideoTooLarge:
    return VideoTooLarge(
        f"The upload is larger than {limit / 2**20:,.6g} MiB, the most this service "
        "takes (TOUCHLINE_MAX_UPLOAD_SIZE).",
        limit_bytes=int(limit),
    )


def _record(
    video_id: UUID,
    upload: Upload,
    stored: StoredFile,
    held: HeldKey,
    *,
    service: Service,
    now: datetime,
) -> Accepted:
    """Write video and job in one transaction; without them the file goes again."""
    video = Video(
        id=video_id,
        title=upload.fields.get("title"),
        filename=upload.filename or None,
        callback_url=upload.fields.get("callback_url"),
        storage_key=stored.key,
        size_bytes=stored.size_bytes,
        sha256=stored.sha256,
        created_at=now,
    )
    job = Job(
        id=new_id(),
        video_id=video_id,
        model=upload.fields.get("model"),
        status=JobStatus.QUEUED,
        created_at=now,
    )
    try:
        with service.sessions.begin() as session:
            session.add_all((video, job))
            session.flush()
            fingerprint = fingerprint_of(stored, upload.filename, upload.fields)
            held.close(session, fingerprint=fingerprint, video_id=video_id)
    except BaseException:
        service.storage.delete_prefix(video_prefix(video_id))
        raise
    return Accepted(video, job, None)


def _answer_again(
    video_id: UUID,
    upload: Upload,
    stored: StoredFile,
    held: HeldKey,
    *,
    service: Service,
    now: datetime,  # noqa: ARG001  # like `_record`
) -> Accepted:
    """Drop what came and find the video that the same upload made before."""
    service.storage.delete_prefix(video_prefix(video_id))
    check_same(held, fingerprint_of(stored, upload.filename, upload.fields))
    with service.sessions() as session:
        found = session.execute(video_with_jobs(held.earlier_video)).one_or_none()
    if found is None:
        raise KeyInUse("The video of this Idempotency-Key has just been deleted.")
    return Accepted(*found)


_HOW_TO_SEND = "Send the video in a part named 'file', e.g. curl -F file=@match.mp4"

"""An upload whose last byte is there becomes a video, once, whatever dies meanwhile.

Its bytes get the video's key beside their own, which goes only when the video is
recorded: a death in between loses nothing, and the next request does it again.
"""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from uuid import UUID

import structlog
from anyio.to_thread import run_sync
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.core.db.base import new_id
from app.core.db.commit import OutcomeUnknown
from app.core.db.project_sessions import project_of
from app.core.errors import NotReady
from app.core.resources import Resources
from app.core.storage.hash_states import RunningHash
from app.core.storage.interface import StoredFile
from app.core.storage.keys import source_key, upload_key, upload_prefix
from app.idempotency.service import HeldKey
from app.jobs.kinds import KINDS, NO_MODEL, JobKind
from app.jobs.tables import Job
from app.projects.quotas import take_queue
from app.uploads.problems import UploadNotFound
from app.uploads.queries import note_video
from app.uploads.tables import ResumableUpload
from app.uploads.turns import load_upload, turn
from app.videos.in_flight import upload_in_flight
from app.videos.parts import UploadedPart
from app.videos.upload_rows import UploadFormData, record_upload

WAIT_S = 60.0  # for another request that is completing it, and reads all of it

log = structlog.get_logger(__name__)


async def complete_upload(
    upload_id: UUID, *, resources: Resources, now: datetime, wait_s: float = WAIT_S
) -> ResumableUpload:
    """Make the video of an upload that is whole; gives its row as it then is.

    Raises:
        UploadNotFound: there is no such upload.
        UploadLocked: another request has it.
        NotReady: the database cannot be reached, or bytes are missing after all.
    """
    async with turn(
        upload_id, resources=resources, wait_s=wait_s, is_presigned=None
    ) as (upload, opened):
        if upload.video_id is None:
            if upload.multipart_id is not None:
                return await record_from_bucket(upload, resources=resources, now=now)
            is_whole = opened.size_bytes == upload.size_bytes
            if not is_whole or upload.unchecked_from is not None:
                raise NotReady("The upload is not whole yet; ask again how far it is.")
            return await record_video(upload, None, resources=resources, now=now)
        return upload


async def record_from_bucket(
    upload: ResumableUpload, *, resources: Resources, now: datetime
) -> ResumableUpload:
    """Make the video of an upload whose client sent it to the bucket, in our turn.

    Its bytes are read once, for their checksum.

    Raises:
        UploadNotFound, NotReady, QueueQuotaReached: see `record_video`.
    """
    await _look_for_room(upload, resources)
    running = RunningHash()
    async with _unless_deleted(upload, resources):
        key = upload_key(upload.id)
        async with resources.storage.open_range(key) as chunks:
            async for chunk in chunks:
                update = partial(running.update, chunk)
                await run_sync(update, limiter=resources.hash_threads)
    if running.size_bytes != upload.size_bytes:
        raise NotReady("The upload is not whole yet; ask again how far it is.")
    return await record_video(upload, running, resources=resources, now=now)


async def record_video(
    upload: ResumableUpload,
    running: RunningHash | None,
    *,
    resources: Resources,
    now: datetime,
) -> ResumableUpload:
    """Make the video of a whole upload whose turn is ours.

    Args:
        running: the hash of all its bytes; without it they are read once more.

    Raises:
        UploadNotFound: the upload was deleted meanwhile.
        QueueQuotaReached: the project has too much waiting; nothing is lost.
        NotReady: the database left; nothing is lost.
    """
    video_id, key = new_id(), upload_key(upload.id)
    if running is not None and running.size_bytes == upload.size_bytes:
        sha256 = running.sha256.hexdigest()
    else:
        await _look_for_room(upload, resources)
        read = partial(_hash_of, key, resources)
        async with _unless_deleted(upload, resources):
            sha256 = await run_sync(read, limiter=resources.hash_threads)
    stored = StoredFile(source_key(video_id), upload.size_bytes, sha256)
    part = UploadedPart(upload.filename or "", stored)
    form = UploadFormData(filename=upload.filename or "", fields=dict(upload.fields))
    async with upload_in_flight(video_id, resources=resources) as flight:
        flight.is_stored = True  # Or nearly so, if the next call does not return.
        link = partial(resources.storage.link, key, stored.key)
        async with _unless_deleted(upload, resources):
            await run_sync(link, limiter=resources.upload_threads)
        record = partial(
            record_upload,
            flight,
            form,
            [part],
            HeldKey(resources, None),
            now,
            also=partial(_note, upload.id),
            has_room=True,
        )
        try:
            accepted = await run_sync(record, limiter=resources.upload_threads)
        except OutcomeUnknown as exc:
            raise NotReady(
                "The database left while the upload was being recorded; ask again how "
                "far it is."
            ) from exc
    upload.video_id = accepted.video.id
    log.info("upload_completed", upload=str(upload.id), video=str(video_id))
    after = partial(_finish, upload.id, accepted.job, resources)
    await run_sync(after, limiter=resources.upload_threads)
    return upload


async def _look_for_room(upload: ResumableUpload, resources: Resources) -> None:
    """Take a first look at the quota of the queue, before the file is read.

    Raises:
        QueueQuotaReached: the project has too much waiting.
    """
    if upload.fields.get("model") == NO_MODEL:
        return

    def look() -> None:
        with resources.sessions() as session:
            take_queue(session, project_of(session), lock=False)

    await run_sync(look, limiter=resources.upload_threads)


@asynccontextmanager
async def _unless_deleted(
    upload: ResumableUpload, resources: Resources
) -> AsyncIterator[None]:
    """Say of bytes that went meanwhile that their upload was deleted.

    Raises:
        UploadNotFound: so it was.
        NotReady: it is there all the same.
    """
    try:
        yield
    except FileNotFoundError as exc:
        load = partial(load_upload, upload.id, resources)
        await run_sync(load, limiter=resources.upload_threads)
        raise NotReady("The upload is not whole yet; ask again how far it is.") from exc


def _hash_of(key: str, resources: Resources) -> str:
    with resources.storage.local_copy(key) as path, path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _note(upload_id: UUID, session: Session, video_id: UUID) -> None:
    if session.scalar(note_video(upload_id, video_id)) is None:
        raise UploadNotFound("The upload was deleted while it was being recorded.")


def _finish(upload_id: UUID, job: Job, resources: Resources) -> None:
    resources.notifier.notify_job(job.id, queue=KINDS[JobKind(job.kind)].queue)
    try:
        resources.storage.delete_prefix(upload_prefix(upload_id))
    except (OSError, SQLAlchemyError) as exc:  # It goes with the upload's row.
        log.warning("upload_not_removed", upload=str(upload_id), error=str(exc))

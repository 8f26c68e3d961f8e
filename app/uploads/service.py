"""What happens to uploads that may be resumed, but for their bytes (`receive`)."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from anyio.to_thread import run_sync
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.core.db.base import new_id
from app.core.db.project_sessions import project_of
from app.core.errors import EmptyUpload, StorageFull
from app.core.resources import Resources
from app.core.storage.keys import upload_key, upload_prefix
from app.jobs.kinds import NO_MODEL
from app.projects.quotas import take_queue, take_stored
from app.uploads.completion import complete_upload
from app.uploads.problems import upload_not_found
from app.uploads.protocol import read_metadata
from app.uploads.queries import count_unfinished, delete_upload
from app.uploads.tables import ResumableUpload
from app.uploads.turns import load_upload
from app.videos.queries import add_pending_deletion
from app.videos.room import ensure_free_space, too_large
from app.videos.service import delete_objects
from app.videos.upload import FIELDS, take_field
from app.videos.upload_form import clean_filename
from app.videos.upload_rows import UploadFormData

MOST_UNFINISHED = 1000  # of one project
NAMES = ("filename", "name")  # what clients call a file's name


@dataclass(frozen=True, slots=True)
class UploadState:
    """An upload, and how many of its bytes are safe on disk."""

    upload: ResumableUpload
    offset_bytes: int

    @property
    def video_id(self) -> UUID | None:
        """What it became; None while bytes are missing."""
        return self.upload.video_id


async def create_upload(
    *, size_bytes: int, metadata: str | None, resources: Resources, now: datetime
) -> ResumableUpload:
    """Announce an upload; what is said of it is judged as POST /videos judges it.

    Args:
        metadata: the header `Upload-Metadata`; keys that mean nothing here are
            sent back and not used.

    Raises:
        InvalidRequest, EmptyUpload: it cannot become a video.
        VideoTooLarge, StorageFull, StoredQuotaReached, QueueQuotaReached: there is no
            room for it.
        CallbackRefused, UnknownModel: a field names what cannot be used.
    """
    settings = resources.settings
    if size_bytes == 0:
        raise EmptyUpload("Upload-Length is 0: the file is empty.")
    if size_bytes > settings.max_upload_size:
        raise too_large(settings.max_upload_size)
    said, form = read_metadata(metadata), UploadFormData()
    for name in FIELDS:
        if name in said and name != "file":
            await take_field(name, said[name], form, resources)
    names = [clean_filename(said[name]) for name in NAMES if said.get(name)]
    await ensure_free_space(resources, size_bytes)
    upload = ResumableUpload(
        id=new_id(),
        size_bytes=size_bytes,
        client_metadata=(metadata or "").strip(),
        filename=names[0] if names else None,
        fields=form.fields,
        expires_at=now + settings.upload_expiry,
        created_at=now,
    )
    await run_sync(partial(_add, upload, resources), limiter=resources.upload_threads)
    return upload


async def look_at_upload(
    upload_id: UUID, *, resources: Resources, now: datetime
) -> UploadState:
    """Tell how far an upload is; one that is whole becomes its video first.

    Raises:
        UploadNotFound: there is no such upload.
        UploadLocked, NotReady: it is whole, but cannot be recorded now.
    """
    state = await run_sync(
        partial(_look, upload_id, resources), limiter=resources.upload_threads
    )
    if state.video_id is None and state.offset_bytes == state.upload.size_bytes:
        upload = await complete_upload(upload_id, resources=resources, now=now)
        return UploadState(upload, upload.size_bytes)
    return state


def end_upload(
    upload_id: UUID, resources: Resources, *, is_presigned: bool = False
) -> None:
    """Forget an upload and what came of it; its video, if it became one, stays.

    Args:
        is_presigned: whether it is one whose parts the bucket has.

    Raises:
        UploadNotFound: there is no such upload.
    """
    load_upload(upload_id, resources, is_presigned=is_presigned)
    prefix = upload_prefix(upload_id)
    with resources.sessions.begin() as session:
        if session.scalar(delete_upload(upload_id)) is None:
            raise upload_not_found(upload_id)
        session.execute(add_pending_deletion(prefix))
    with suppress(OSError, SQLAlchemyError):  # The sweep tries again.
        delete_objects(prefix, resources.sessions, resources.storage)


def add_upload(session: Session, upload: ResumableUpload) -> None:
    """Keep an upload that was announced, and room for it.

    Raises:
        StorageFull, StoredQuotaReached, QueueQuotaReached: there is none.
    """
    if session.scalars(count_unfinished()).one() >= MOST_UNFINISHED:
        raise StorageFull(
            f"{MOST_UNFINISHED} uploads are unfinished; finish or delete some."
        )
    project_id = project_of(session)
    take_stored(session, project_id, upload.size_bytes)
    if upload.fields.get("model") != NO_MODEL:
        take_queue(session, project_id)
    session.add(upload)


def _add(upload: ResumableUpload, resources: Resources) -> None:
    with resources.sessions.begin() as session:
        add_upload(session, upload)


def _look(upload_id: UUID, resources: Resources) -> UploadState:
    upload = load_upload(upload_id, resources, is_presigned=False)
    if upload.video_id is not None:
        return UploadState(upload, upload.size_bytes)
    try:
        came = resources.storage.safe_size(upload_key(upload_id))
    except FileNotFoundError:
        came = 0
    counts = came if upload.unchecked_from is None else upload.unchecked_from
    return UploadState(upload, min(came, counts))

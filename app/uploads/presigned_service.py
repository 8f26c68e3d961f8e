"""Uploads whose bytes never pass the API: their client sends parts to the bucket.

The row is the one of an upload by tus, so that quotas, expiry and sweeps hold for both.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import NamedTuple, TypeVar
from uuid import UUID

import structlog
from anyio.to_thread import run_sync

from app.core.db.base import new_id
from app.core.errors import IdempotencyKeyInUse, InvalidRequest
from app.core.resources import Resources
from app.core.storage.keys import upload_key
from app.core.storage.multipart import BucketPart
from app.core.storage.part_uploads import PartUploads, part_size
from app.idempotency.fingerprints import announced_fingerprint
from app.idempotency.service import made_before, make_once
from app.uploads.completion import WAIT_S, record_from_bucket
from app.uploads.presigned_parts import is_whole, parts_of, plan_of, put_together
from app.uploads.problems import (
    PresignedUploadsOff,
    UploadIsDone,
    UploadNotFound,
    upload_not_found,
)
from app.uploads.queries import touch_upload
from app.uploads.service import add_upload, end_upload
from app.uploads.tables import ResumableUpload
from app.uploads.turns import load_upload, turn
from app.videos.room import too_large
from app.videos.upload import check_usable, keep_field
from app.videos.upload_form import clean_filename
from app.videos.upload_rows import UploadFormData

T = TypeVar("T")
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Announced:
    """A file that is to come, and what its client says of it, as a form would."""

    filename: str | None
    size_bytes: int
    fields: Mapping[str, str]


class SignedPart(NamedTuple):
    """Where a part is to be sent, and how large it must be.

    Attributes:
        e_tag: that the part will have; None: the bucket answers with it.
    """

    number: int
    size_bytes: int
    url: str
    e_tag: str | None


async def begin_presigned(
    announced: Announced, key: str | None, *, resources: Resources, now: datetime
) -> ResumableUpload:
    """Begin an upload; what is said of it is judged as POST /videos judges it.

    Args:
        key: an Idempotency-Key: the same request, sent again, gets the same upload.

    Raises:
        PresignedUploadsOff: the operator does not have it so.
        InvalidRequest: it cannot become a video.
        VideoTooLarge, StorageFull, StoredQuotaReached, QueueQuotaReached: there is no
            room for it.
        CallbackRefused, UnknownModel: a field names what cannot be used.
        IdempotencyKeyInUse, IdempotencyKeyReused: the key belongs to another request.
    """
    uploads = part_uploads_of(resources)
    limit = resources.settings.max_upload_size
    if announced.size_bytes > limit:
        raise too_large(limit)
    form = UploadFormData()
    for name, value in announced.fields.items():
        keep_field(name, value, form)
    filename = clean_filename(announced.filename or "") or None
    fingerprint = announced_fingerprint(filename, announced.size_bytes, form.fields)
    before = partial(made_before, resources.sessions, key, fingerprint=fingerprint)
    earlier = await _in_thread(resources, before)
    if earlier is not None:
        return await _in_thread(resources, partial(_made_before, earlier, resources))
    for name, value in form.fields.items():
        await check_usable(name, value, resources)
    upload = ResumableUpload(
        id=new_id(),
        size_bytes=announced.size_bytes,
        part_bytes=part_size(announced.size_bytes),
        client_metadata="",
        filename=filename,
        fields=form.fields,
        expires_at=now + resources.settings.upload_expiry,
        created_at=now,
    )
    begin = partial(_begin, upload, key, fingerprint, uploads, resources)
    return await _in_thread(resources, begin)


def sign_parts(
    upload_id: UUID, numbers: Sequence[int], *, resources: Resources
) -> list[SignedPart]:
    """Sign the addresses of parts, and put the upload's expiry off.

    Raises:
        UploadNotFound: there is no such upload.
        PresignedUploadsOff, UploadIsDone: no parts can be sent.
        InvalidRequest: the file has no such part.
    """
    upload = load_upload(upload_id, resources, is_presigned=True)
    uploads = part_uploads_of(resources)
    if upload.video_id is not None:
        raise UploadIsDone(f"The upload is the video {upload.video_id} already.")
    plan, multipart_id = plan_of(upload), str(upload.multipart_id)
    for number in numbers:
        if not plan.size_of(number):
            raise InvalidRequest(
                f"The file has the parts 1 to {plan.count}, and none numbered {number}."
            )
    _touch(upload_id, resources)
    sign = partial(uploads.presigner.upload_part, upload_key(upload_id), multipart_id)
    return [
        SignedPart(
            number,
            plan.size_of(number),
            sign(number, size_bytes=plan.size_of(number)),
            uploads.multipart.e_tag_of(multipart_id, number),
        )
        for number in numbers
    ]


def list_parts(
    upload_id: UUID, *, resources: Resources
) -> tuple[list[BucketPart], bool]:
    """List the parts that the bucket has, and tell whether it made the file of them.

    Then it has no parts any more.

    Raises:
        UploadNotFound: there is no such upload, or the bucket has ended it.
        PresignedUploadsOff: the operator does not have it so any more.
    """
    upload = load_upload(upload_id, resources, is_presigned=True)
    uploads = part_uploads_of(resources)
    if upload.video_id is not None or is_whole(upload, resources):
        return [], True
    return parts_of(upload, uploads), False


async def complete_presigned(
    upload_id: UUID,
    sent: Mapping[int, str] | None,
    *,
    resources: Resources,
    now: datetime,
) -> ResumableUpload:
    """Have the bucket make the file of its parts, and make the video; once.

    The file is read once, for its checksum: this takes a while.

    Args:
        sent: the ETag of each part as its client knows it; None: what the bucket has.

    Raises:
        UploadNotFound: there is no such upload, or the bucket has ended it.
        PresignedUploadsOff: the operator does not have it so any more.
        UploadPartsMissing, UploadPartMismatch: the bucket has not what it should.
        UploadLocked: another request completes it.
        QueueQuotaReached: the project has too much waiting; complete it later.
        NotReady: the database left; nothing is lost.
    """
    load = partial(load_upload, upload_id, resources, is_presigned=True)
    await _in_thread(resources, load)
    uploads = part_uploads_of(resources)
    async with turn(
        upload_id, resources=resources, wait_s=WAIT_S, is_presigned=True
    ) as (upload, _):
        if upload.video_id is not None:
            return upload
        await _in_thread(resources, partial(_touch, upload_id, resources))
        work = partial(put_together, upload, sent, uploads, resources)
        await _in_thread(resources, work)
        return await record_from_bucket(upload, resources=resources, now=now)


def end_presigned(upload_id: UUID, *, resources: Resources) -> None:
    """Forget an upload and its parts; its video, if it became one, stays.

    Raises:
        UploadNotFound: there is no such upload.
    """
    upload = load_upload(upload_id, resources, is_presigned=True)
    end_upload(upload_id, resources, is_presigned=True)
    if upload.video_id is None and resources.part_uploads is not None:
        _abort(upload, resources.part_uploads)


def part_uploads_of(resources: Resources) -> PartUploads:
    """Give what clients' own uploads to the bucket take.

    Raises:
        PresignedUploadsOff: the operator does not have it so.
    """
    if resources.part_uploads is None:
        raise PresignedUploadsOff(
            "This service takes no files by way of its bucket: send them to /uploads "
            "by tus. The operator can allow it with TOUCHLINE_PRESIGNED_UPLOADS."
        )
    return resources.part_uploads


def _begin(
    upload: ResumableUpload,
    key: str | None,
    fingerprint: str,
    uploads: PartUploads,
    resources: Resources,
) -> ResumableUpload:
    """Begin it in the bucket first: no transaction waits for a bucket."""
    upload.multipart_id = uploads.multipart.create(upload_key(upload.id))
    is_new = False
    try:
        with resources.sessions.begin() as session:

            def make() -> UUID:
                add_upload(session, upload)
                return upload.id

            made_id, is_new = make_once(session, key, make, fingerprint=fingerprint)
        return upload if is_new else _made_before(made_id, resources)
    finally:
        if not is_new:
            _abort(upload, uploads)


def _made_before(upload_id: UUID, resources: Resources) -> ResumableUpload:
    try:
        return load_upload(upload_id, resources, is_presigned=True)
    except UploadNotFound as exc:
        raise IdempotencyKeyInUse(
            "The upload of this Idempotency-Key was deleted or has expired."
        ) from exc


def _touch(upload_id: UUID, resources: Resources) -> None:
    expiry = resources.settings.upload_expiry
    with resources.sessions.begin() as session:
        if session.scalar(touch_upload(upload_id, expiry=expiry)) is None:
            raise upload_not_found(upload_id)


def _abort(upload: ResumableUpload, uploads: PartUploads) -> None:
    try:
        uploads.multipart.abort(upload_key(upload.id), str(upload.multipart_id))
    except OSError as exc:  # The sweep ends what is under its prefix.
        log.warning("parts_not_removed", upload=str(upload.id), error=str(exc))


async def _in_thread(resources: Resources, work: Callable[[], T]) -> T:
    return await run_sync(work, limiter=resources.upload_threads)

"""Uploads whose client sends the parts to the bucket, by presigned addresses."""

from anyio.to_thread import run_sync
from fastapi import Response

from app.core.db.base import utc_now
from app.core.errors import (
    CallbackRefused,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    StorageFull,
    UnknownModel,
    VideoTooLarge,
)
from app.core.http.dependencies import IdempotencyKey, ResourcesDep
from app.core.http.problems import problem_responses
from app.core.http.routing import guarded_router
from app.projects.problems import QUOTA_PROBLEMS, QueueQuotaReached
from app.uploads.parameters import UploadId
from app.uploads.presigned_schemas import (
    NewPresignedUpload,
    PartAddress,
    PartAddresses,
    PartAddressRequest,
    PartsToComplete,
    PresignedUpload,
    StoredPart,
    StoredParts,
)
from app.uploads.presigned_service import (
    Announced,
    begin_presigned,
    complete_presigned,
    end_presigned,
    list_parts,
    part_uploads_of,
    sign_parts,
)
from app.uploads.problems import (
    PresignedUploadsOff,
    UploadIsDone,
    UploadLocked,
    UploadNotFound,
    UploadPartMismatch,
    UploadPartsMissing,
)
from app.uploads.turns import load_upload
from app.videos.queries import video_with_jobs
from app.videos.schemas import Video

router = guarded_router("uploads")


@router.post(
    "/presigned-uploads",
    status_code=201,
    responses=problem_responses(
        *(*QUOTA_PROBLEMS, PresignedUploadsOff, VideoTooLarge, StorageFull),
        *(CallbackRefused, UnknownModel, IdempotencyKeyInUse, IdempotencyKeyReused),
    ),
)
async def begin_presigned_upload(
    wanted: NewPresignedUpload,
    response: Response,
    resources: ResourcesDep,
    idempotency_key: IdempotencyKey = None,
) -> PresignedUpload:
    """Begin an upload of which no byte passes the API.

    Then ask for the addresses of its parts, PUT each part there, and complete it.
    """
    announced = Announced(wanted.filename, wanted.size_bytes, wanted.fields)
    upload = await begin_presigned(
        announced, idempotency_key, resources=resources, now=utc_now()
    )
    response.headers["location"] = f"/presigned-uploads/{upload.id}"
    return PresignedUpload.of(upload)


@router.get(
    "/presigned-uploads/{upload_id}", responses=problem_responses(UploadNotFound)
)
def get_presigned_upload(
    upload_id: UploadId, resources: ResourcesDep
) -> PresignedUpload:
    """Look at an upload: how its file is cut, and what it became."""
    return PresignedUpload.of(load_upload(upload_id, resources, is_presigned=True))


@router.get(
    "/presigned-uploads/{upload_id}/parts",
    responses=problem_responses(UploadNotFound, PresignedUploadsOff),
)
def list_stored_parts(upload_id: UploadId, resources: ResourcesDep) -> StoredParts:
    """List the parts that the bucket has, to go on with the others after a break."""
    found, is_whole = list_parts(upload_id, resources=resources)
    return StoredParts(items=[StoredPart.of(part) for part in found], is_whole=is_whole)


@router.post(
    "/presigned-uploads/{upload_id}/parts",
    responses=problem_responses(UploadNotFound, PresignedUploadsOff, UploadIsDone),
)
def sign_part_addresses(
    upload_id: UploadId, wanted: PartAddressRequest, resources: ResourcesDep
) -> PartAddresses:
    """Get the addresses of parts; each takes that part, for a while.

    A part may be sent again; the last one counts.
    """
    signed = sign_parts(upload_id, wanted.numbers, resources=resources)
    return PartAddresses(
        items=[
            PartAddress(
                number=one.number,
                size_bytes=one.size_bytes,
                url=one.url,
                etag=one.e_tag,
            )
            for one in signed
        ],
        expires_at=utc_now() + part_uploads_of(resources).presigner.expiry,
    )


@router.post(
    "/presigned-uploads/{upload_id}/complete",
    status_code=202,
    response_model=Video,
    responses=problem_responses(
        *(UploadNotFound, UploadLocked, PresignedUploadsOff, UploadPartsMissing),
        *(UploadPartMismatch, QueueQuotaReached, StorageFull),
    ),
)
async def complete_presigned_upload(
    upload_id: UploadId,
    wanted: PartsToComplete,
    response: Response,
    resources: ResourcesDep,
) -> Video:
    """Make the file of its parts, and the video of the file; queue its analysis.

    The file is read once for its checksum, so this takes a while. Asked again, also
    after a break, it answers with the same video.
    """
    parts = wanted.parts
    sent = None if parts is None else {part.number: part.etag for part in parts}
    upload = await complete_presigned(
        upload_id, sent, resources=resources, now=utc_now()
    )

    def look() -> Video:
        with resources.sessions() as session:
            found = session.execute(video_with_jobs(upload.video_id)).one_or_none()
        if found is None:
            raise UploadNotFound("The upload's video has just been deleted.")
        return Video.of(*found)

    video = await run_sync(look, limiter=resources.upload_threads)
    response.headers["location"] = f"/videos/{video.id}"
    return video


@router.delete(
    "/presigned-uploads/{upload_id}",
    status_code=204,
    responses=problem_responses(UploadNotFound),
)
def delete_presigned_upload(upload_id: UploadId, resources: ResourcesDep) -> Response:
    """Forget an upload and its parts; the video that it became stays."""
    end_presigned(upload_id, resources=resources)
    return Response(status_code=204)

"""Uploads that may be paused and resumed, by tus 1.0.0 (https://tus.io)."""

from contextlib import suppress
from datetime import datetime
from functools import partial

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request, Response

from app.core.db.base import utc_now
from app.core.errors import (
    CallbackRefused,
    EmptyUpload,
    RequestProblem,
    StorageFull,
    UnknownModel,
    UnsupportedBody,
    VideoTooLarge,
)
from app.core.http.dependencies import AllProjectsResourcesDep, ResourcesDep
from app.core.http.problems import problem_responses
from app.core.http.routing import guarded_router
from app.core.resources import Resources
from app.projects.problems import QUOTA_PROBLEMS, QueueQuotaReached
from app.uploads.chunk import Chunk
from app.uploads.parameters import (
    ANNOUNCED,
    CAPABILITIES,
    CONTINUED,
    SPOKEN,
    TusVersion,
    UploadChecksum,
    UploadId,
    UploadLength,
    UploadMetadata,
    UploadOffset,
    headers_of,
)
from app.uploads.problems import (
    ChecksumMismatch,
    OffsetMismatch,
    UnsupportedTusVersion,
    UploadInterrupted,
    UploadLocked,
    UploadNotFound,
    UploadTooLong,
)
from app.uploads.protocol import (
    CHECKSUMS,
    CONTENT_TYPE,
    EXTENSIONS,
    VERSION,
    http_date,
    read_checksum,
    read_size,
)
from app.uploads.receive import receive_chunk
from app.uploads.schemas import Upload
from app.uploads.service import (
    UploadState,
    create_upload,
    end_upload,
    look_at_upload,
)

router = guarded_router("uploads")
open_router = APIRouter(tags=["uploads"])  # a browser asks before it has sent a key

OF_CHUNKS = (
    *(UnsupportedTusVersion, UnsupportedBody, UploadInterrupted, UploadTooLong),
    *(UploadLocked, ChecksumMismatch, StorageFull),
)


@open_router.options("/uploads", status_code=204, responses={204: CAPABILITIES})
async def get_upload_options(resources: AllProjectsResourcesDep) -> Response:
    """Tell what of tus this service can do; asks for no key."""
    return _capabilities(resources)


@open_router.options(
    "/uploads/{upload_id}",
    status_code=204,
    responses={
        204: CAPABILITIES,
        **problem_responses(UploadNotFound, everywhere=False),
    },
)
async def get_options_of_upload(
    upload_id: UploadId,  # noqa: ARG001  # the same for all
    resources: AllProjectsResourcesDep,
) -> Response:
    """Tell what of tus this service can do; asks for no key, looks for no upload."""
    return _capabilities(resources)


@router.post(
    "/uploads",
    status_code=201,
    response_class=Response,
    dependencies=[TusVersion],
    openapi_extra=ANNOUNCED,
    responses={
        201: {
            "description": "Announced, and what came with it is kept.",
            "headers": headers_of(
                *("Tus-Resumable", "Location", "Upload-Offset", "Upload-Expires"),
                "Touchline-Video",
            ),
        },
        **problem_responses(
            *(*OF_CHUNKS, *QUOTA_PROBLEMS, EmptyUpload, VideoTooLarge),
            *(CallbackRefused, UnknownModel, OffsetMismatch, UploadNotFound),
        ),
    },
)
async def begin_upload(
    request: Request,
    resources: ResourcesDep,
    upload_length: UploadLength = None,
    upload_metadata: UploadMetadata = None,
    upload_checksum: UploadChecksum = None,
) -> Response:
    """Announce an upload; its first bytes may come along.

    Then send the file by PATCH, in one request or many. After a break HEAD tells how
    many bytes are kept; go on from there. The last byte makes the video and queues its
    analysis, as POST /videos does. Where bytes that came along broke off, `Location`
    of the problem says where to go on.
    """
    if "upload-defer-length" in request.headers:
        upload_length = None
    size_bytes = read_size("Upload-Length", upload_length)
    has_body = _brings_bytes(request)
    checksum = read_checksum(upload_checksum)
    now = utc_now()
    upload = await create_upload(
        size_bytes=size_bytes, metadata=upload_metadata, resources=resources, now=now
    )
    state = UploadState(upload, 0)
    if has_body:
        chunk = Chunk(upload.id, 0, request.receive, _content_length(request), checksum)
        state = await _take_first(chunk, resources, now)
    return Response(
        status_code=201,
        headers={**_state_headers(state), "location": f"/uploads/{upload.id}"},
    )


@router.get(
    "/uploads/{upload_id}",
    dependencies=[TusVersion],
    responses={
        200: {
            "headers": headers_of(
                *("Tus-Resumable", "Upload-Offset", "Upload-Expires"),
                *("Touchline-Video", "Location"),
            ),
        },
        **problem_responses(
            *(UploadNotFound, UploadLocked, UnsupportedTusVersion, QueueQuotaReached)
        ),
    },
)
async def get_upload(
    upload_id: UploadId, response: Response, resources: ResourcesDep
) -> Upload:
    """Tell how far an upload is; `HEAD` tells the same in headers, as tus has it."""
    state = await look_at_upload(upload_id, resources=resources, now=utc_now())
    response.headers.update(_state_headers(state))
    response.headers["upload-length"] = str(state.upload.size_bytes)
    if state.upload.client_metadata:
        response.headers["upload-metadata"] = state.upload.client_metadata
    return Upload.of(state)


@router.patch(
    "/uploads/{upload_id}",
    status_code=204,
    dependencies=[TusVersion],
    openapi_extra=CONTINUED,
    responses={
        204: {
            "description": "Kept; with the last byte, `Touchline-Video` names the "
            "video, and so does `Location`.",
            "headers": headers_of(
                *("Tus-Resumable", "Upload-Offset", "Upload-Expires"),
                *("Touchline-Video", "Location"),
            ),
        },
        **problem_responses(
            *(*OF_CHUNKS, UploadNotFound, OffsetMismatch, QueueQuotaReached)
        ),
    },
)
async def continue_upload(
    upload_id: UploadId,
    request: Request,
    resources: ResourcesDep,
    upload_offset: UploadOffset = None,
    upload_checksum: UploadChecksum = None,
) -> Response:
    """Send the next bytes of an upload; what came is kept if the request breaks off."""
    _brings_bytes(request, must=True)
    chunk = Chunk(
        upload_id,
        read_size("Upload-Offset", upload_offset),
        request.receive,
        _content_length(request),
        read_checksum(upload_checksum),
    )
    state = await receive_chunk(chunk, resources=resources, now=utc_now())
    return Response(status_code=204, headers=_state_headers(state))


@router.delete(
    "/uploads/{upload_id}",
    status_code=204,
    dependencies=[TusVersion],
    openapi_extra=SPOKEN,
    responses=problem_responses(UploadNotFound, UnsupportedTusVersion),
)
async def delete_upload(upload_id: UploadId, resources: ResourcesDep) -> Response:
    """Forget an upload and what came of it; the video that it became stays."""
    await run_sync(end_upload, upload_id, resources, limiter=resources.upload_threads)
    return Response(status_code=204)


async def _take_first(chunk: Chunk, resources: Resources, now: datetime) -> UploadState:
    """Take what comes with the announcement; its client cannot ask how far that is."""
    try:
        return await receive_chunk(chunk, resources=resources, now=now)
    except (ChecksumMismatch, UploadTooLong):  # Nothing is kept, and nobody knows it.
        with suppress(UploadNotFound):
            forget = partial(end_upload, chunk.upload_id, resources)
            await run_sync(forget, limiter=resources.upload_threads)
        raise
    except RequestProblem as problem:
        problem.extra["location"] = f"/uploads/{chunk.upload_id}"
        raise


def _capabilities(resources: Resources) -> Response:
    return Response(
        status_code=204,
        headers={
            "tus-version": VERSION,
            "tus-extension": ",".join(EXTENSIONS),
            "tus-max-size": str(int(resources.settings.max_upload_size)),
            "tus-checksum-algorithm": ",".join(CHECKSUMS),
        },
    )


def _state_headers(state: UploadState) -> dict[str, str]:
    headers = {"upload-offset": str(state.offset_bytes), "cache-control": "no-store"}
    if state.video_id is None:
        headers["upload-expires"] = http_date(state.upload.expires_at)
    else:
        headers["touchline-video"] = f"/videos/{state.video_id}"
        headers["location"] = headers["touchline-video"]
    return headers


def _brings_bytes(request: Request, *, must: bool = False) -> bool:
    """Whether a request has a body of bytes; one of another type is refused."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip()
    is_empty = "transfer-encoding" not in request.headers and _content_length(
        request
    ) in (None, 0)
    if content_type.lower() == CONTENT_TYPE:
        return must or not is_empty
    if must or not is_empty:
        raise UnsupportedBody(f"Send the bytes with Content-Type: {CONTENT_TYPE}.")
    return False


def _content_length(request: Request) -> int | None:
    length = request.headers.get("content-length", "")
    return int(length) if length.isdecimal() else None

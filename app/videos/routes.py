"""Videos: upload, list, look at, play, delete."""

from contextlib import suppress

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy.exc import SQLAlchemyError

from app.core.db.base import utc_now
from app.core.errors import (
    CallbackRefused,
    EmptyUpload,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    InvalidCursor,
    RangeNotSatisfiable,
    StorageFull,
    UnknownModel,
    UnsupportedBody,
    UploadBroken,
    VideoNotFound,
    VideoTooLarge,
)
from app.core.http.cursors import VideosCursor
from app.core.http.dependencies import (
    CursorText,
    IdempotencyKey,
    Limit,
    ResourcesDep,
    VideoId,
)
from app.core.http.pagination import json_answer, paginate
from app.core.http.problems import problem_responses
from app.core.http.routing import MediaRoute, guarded_router
from app.core.storage.keys import video_prefix
from app.jobs.kinds import HIGHEST_PRIORITY, LOWEST_PRIORITY
from app.videos.file_response import VideoFile
from app.videos.queries import video_with_jobs, videos_page
from app.videos.schemas import Video, VideoPage
from app.videos.service import (
    delete_objects,
    delete_row,
    find_video,
    video_not_found,
)
from app.videos.upload import Body, accept_upload

router = guarded_router("videos")
file_router = guarded_router("videos", MediaRoute)

# Only what browsers play; anything else is offered as bytes, never as a page.
PLAYABLE = {"mp4": "video/mp4", "webm": "video/webm", "mov": "video/mp4"}
BYTES = "application/octet-stream"
FILE: dict[str, dict[str, str]] = {
    media_type: {} for media_type in (*dict.fromkeys(PLAYABLE.values()), BYTES)
}

UPLOAD_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {
                            "type": "string",
                            "contentMediaType": "application/octet-stream",
                            "format": "binary",
                            "description": "The video.",
                        },
                        "title": {"type": "string", "maxLength": 300},
                        "callback_url": {
                            "type": "string",
                            "format": "uri",
                            "description": "Where to POST the webhook.",
                        },
                        "model": {
                            "type": "string",
                            "description": "A name of GET /models; else the default.",
                        },
                        "priority": {
                            "type": "integer",
                            "minimum": LOWEST_PRIORITY,
                            "maximum": HIGHEST_PRIORITY,
                            "default": 0,
                            "description": "Of the video's jobs; higher ones are run "
                            "first.",
                        },
                    },
                }
            }
        },
    }
}


@router.post(
    "/videos",
    status_code=202,
    response_model=Video,
    openapi_extra=UPLOAD_FORM,
    responses={
        202: {"description": "Stored, and queued for analysis."},
        **problem_responses(
            *(UploadBroken, VideoTooLarge, UnsupportedBody, EmptyUpload),
            *(CallbackRefused, UnknownModel, StorageFull),
            *(IdempotencyKeyInUse, IdempotencyKeyReused),
        ),
    },
)
async def upload_video(
    request: Request,
    response: Response,
    resources: ResourcesDep,
    idempotency_key: IdempotencyKey = None,
) -> Video:
    """Upload a video and queue its analysis.

    The body streams to storage; the answer comes once it is safe on disk. With an
    `Idempotency-Key` an upload may be sent again: it is answered with the first one's
    video.
    """
    length = request.headers.get("content-length", "")
    body = Body(
        chunks=request.stream(),
        content_type=request.headers.get("content-type"),
        content_length=int(length) if length.isdecimal() else None,
        idempotency_key=idempotency_key,
    )
    accepted = await accept_upload(body, resources=resources, now=utc_now())
    response.headers["location"] = f"/videos/{accepted.video.id}"
    return Video.of(*accepted)


@router.get(
    "/videos", response_model=VideoPage, responses=problem_responses(InvalidCursor)
)
def list_videos(
    request: Request,
    response: Response,
    resources: ResourcesDep,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> Response:
    """List videos, the newest first."""
    before = VideosCursor.decode(cursor).before if cursor else None
    with resources.sessions() as session:
        found = session.execute(videos_page(before=before, limit=limit)).all()
    page, next_cursor = paginate(
        found,
        limit=limit,
        cursor_after=lambda row: VideosCursor(before=row[0].id),
        request=request,
        response=response,
    )
    items = [Video.of(*row) for row in page]
    return json_answer(VideoPage(items=items, next_cursor=next_cursor), response)


@router.get(
    "/videos/{video_id}",
    response_model=Video,
    responses=problem_responses(VideoNotFound),
)
def get_video(
    response: Response, video_id: VideoId, resources: ResourcesDep
) -> Response:
    """Look at a video: its facts, and where its analysis stands."""
    with resources.sessions() as session:
        found = session.execute(video_with_jobs(video_id)).one_or_none()
    if found is None:
        raise video_not_found(video_id)
    return json_answer(Video.of(*found), response)


@router.delete(
    "/videos/{video_id}",
    status_code=204,
    responses=problem_responses(VideoNotFound),
)
def delete_video(video_id: VideoId, resources: ResourcesDep) -> Response:
    """Delete a video: file, scores, events and jobs; a running job is canceled."""
    with resources.sessions.begin() as session:
        delete_row(session, video_id)
    with suppress(OSError, SQLAlchemyError):  # The sweep tries again.
        delete_objects(video_prefix(video_id), resources.sessions, resources.storage)
    return Response(status_code=204)


@file_router.get(
    "/videos/{video_id}/file",
    response_class=StreamingResponse,
    responses={
        200: {"content": FILE, "description": "The file as uploaded."},
        206: {
            "content": {**FILE, "multipart/byteranges": {}},
            "description": "The range asked for, or several.",
        },
        **problem_responses(VideoNotFound, RangeNotSatisfiable),
    },
)
def play_video(video_id: VideoId, resources: ResourcesDep) -> VideoFile:
    """Load the file as it was uploaded; ranges are served, so players can seek."""
    with resources.sessions() as session:
        video = find_video(session, video_id)
    try:
        found = resources.storage.stat(video.storage_key)
    except FileNotFoundError as exc:
        raise VideoNotFound("The video's file is gone from the server's disk.") from exc
    suffix = (video.filename or "").rsplit(".", 1)[-1].lower()
    return VideoFile(
        resources.storage,
        found,
        media_type=PLAYABLE.get(suffix, BYTES),
        filename=video.filename or f"{video_id}",
        disposition="inline" if suffix in PLAYABLE else "attachment",
        headers={
            "etag": f'"{video.sha256}"',
            "content-security-policy": "sandbox",
            "cache-control": "private, no-transform",
        },
    )

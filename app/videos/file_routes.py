"""The file of a video, as it was uploaded or as browsers play it."""

from pathlib import PurePosixPath
from typing import Annotated

from fastapi import Query
from fastapi.responses import StreamingResponse

from app.core.errors import RangeNotSatisfiable, VideoNotFound, VideoNotStored
from app.core.http.dependencies import ResourcesDep, VideoId
from app.core.http.problems import problem_responses
from app.core.http.routing import MediaRoute, guarded_router
from app.core.resources import Resources
from app.videos.file_response import PRESIGNED, VideoFile
from app.videos.playability import type_in_browsers
from app.videos.problems import NoProxy
from app.videos.service import find_video, stored_key
from app.videos.tables import Video as VideoRow

router = guarded_router("videos", MediaRoute)

# Only what browsers play; anything else is offered as bytes, never as a page.
PLAYABLE = {"mp4": "video/mp4", "webm": "video/webm", "mov": "video/mp4"}
BYTES = "application/octet-stream"
MEDIA_HEADERS = {
    "content-security-policy": "sandbox",
    "cache-control": "private, no-transform",
}
FILE: dict[str, dict[str, str]] = {
    media_type: {} for media_type in (*dict.fromkeys(PLAYABLE.values()), BYTES)
}


@router.get(
    "/videos/{video_id}/file",
    response_class=StreamingResponse,
    responses={
        200: {"content": FILE, "description": "The file as uploaded, or its proxy."},
        206: {
            "content": {**FILE, "multipart/byteranges": {}},
            "description": "The range asked for, or several.",
        },
        **PRESIGNED,
        **problem_responses(
            VideoNotFound, VideoNotStored, NoProxy, RangeNotSatisfiable
        ),
    },
)
def play_video(
    video_id: VideoId,
    resources: ResourcesDep,
    proxy: Annotated[
        bool, Query(description="Load the copy that browsers play, see `playable`.")
    ] = False,
) -> VideoFile:
    """Load the file as it was uploaded; ranges are served, so players can seek."""
    with resources.sessions() as session:
        video = find_video(session, video_id)
    if proxy:
        return _proxy_of(video, resources)
    key = stored_key(video)
    try:
        found = resources.storage.stat(key)
    except FileNotFoundError as exc:
        raise VideoNotFound("The video's file is gone from the server's disk.") from exc
    suffix = (video.filename or "").rsplit(".", 1)[-1].lower()
    media_type = type_in_browsers(video) or PLAYABLE.get(suffix, BYTES)
    return VideoFile(
        resources.storage,
        found,
        media_type=media_type,
        filename=video.filename or f"{video_id}",
        disposition="attachment" if media_type == BYTES else "inline",
        headers={"etag": f'"{video.sha256}"', **MEDIA_HEADERS},
        presigner=resources.presigner,
    )


def _proxy_of(video: VideoRow, resources: Resources) -> VideoFile:
    none = NoProxy(
        f"The video {video.id} has no proxy: its file plays as it is, or the proxy is "
        "still being made. See `playable`."
    )
    if video.proxy_key is None:
        raise none
    try:
        found = resources.storage.stat(video.proxy_key)
    except FileNotFoundError as exc:
        raise none from exc
    key = PurePosixPath(video.proxy_key)
    return VideoFile(
        resources.storage,
        found,
        media_type="video/mp4",
        filename=f"{PurePosixPath(video.filename or str(video.id)).stem}.mp4",
        disposition="inline",
        headers={"etag": f'"proxy-{key.stem}"', **MEDIA_HEADERS},
        presigner=resources.presigner,
    )

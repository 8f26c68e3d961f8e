"""Pictures of a video: its poster, and thumbnails for the seek bar of a player."""

from pathlib import PurePosixPath
from uuid import UUID

from fastapi import Request, Response

from app.clips.problems import NoThumbnails
from app.clips.service import find_thumbnails, no_thumbnails
from app.core.errors import VideoNotFound
from app.core.http.dependencies import ResourcesDep, VideoId
from app.core.http.etags import has_already
from app.core.http.problems import problem_responses
from app.core.http.routing import MediaRoute, guarded_router
from app.core.resources import Resources

router = guarded_router("videos", MediaRoute)

JPEG, VTT = "image/jpeg", "text/vtt"
MAX_AGE_S = 3600  # They change only when someone asks for new ones.


def _documented(
    media_type: str, description: str
) -> dict[int | str, dict[str, object]]:
    return {
        200: {"content": {media_type: {}}, "description": description},
        304: {"description": "Unchanged since the `ETag` in `If-None-Match`."},
        **problem_responses(VideoNotFound, NoThumbnails),
    }


@router.get(
    "/videos/{video_id}/poster",
    response_class=Response,
    responses=_documented(JPEG, "A JPEG of up to 640x360."),
)
def get_poster(
    request: Request, video_id: VideoId, resources: ResourcesDep
) -> Response:
    """Load one picture of the video, from about a tenth into it."""
    with resources.sessions() as session:
        key = find_thumbnails(session, video_id).poster
    return _answer(request, resources, video_id, key, JPEG)


@router.get(
    "/videos/{video_id}/thumbnails.jpg",
    response_class=Response,
    responses=_documented(JPEG, "Up to 100 stills within 160x90 each, ten in a row."),
)
def get_thumbnail_sheet(
    request: Request, video_id: VideoId, resources: ResourcesDep
) -> Response:
    """Load the sheet of small stills that `thumbnails.vtt` refers to."""
    with resources.sessions() as session:
        key = find_thumbnails(session, video_id).sheet
    return _answer(request, resources, video_id, key, JPEG)


@router.get(
    "/videos/{video_id}/thumbnails.vtt",
    response_class=Response,
    responses=_documented(VTT, "WebVTT; each cue names a place in `thumbnails.jpg`."),
)
def get_thumbnail_cues(
    request: Request, video_id: VideoId, resources: ResourcesDep
) -> Response:
    """Load which still stands for which time, as players' seek bars take it."""
    with resources.sessions() as session:
        key = find_thumbnails(session, video_id).cues
    return _answer(request, resources, video_id, key, VTT)


def _answer(
    request: Request, resources: Resources, video_id: UUID, key: str, media_type: str
) -> Response:
    """Send a stored file, or nothing to whoever has it already."""
    path = PurePosixPath(key)
    headers = {
        "etag": f'"{path.parent.name}-{path.name}"',
        "cache-control": f"private, max-age={MAX_AGE_S}",
        "content-security-policy": "sandbox",
    }
    if has_already(request, headers["etag"]):
        return Response(status_code=304, headers=headers)
    try:
        content = resources.storage.get(key)
    except FileNotFoundError as exc:
        raise no_thumbnails(video_id) from exc
    return Response(content, media_type=media_type, headers=headers)

"""The file of a clip: what was rendered, or the playlist."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from uuid import UUID

from fastapi import Response
from sqlalchemy import select

from app.clips.clip_options import PLAYLIST, events_by_video, provenance_of_clip
from app.clips.path_ids import ClipId
from app.clips.problems import ClipNotFound, ClipNotReady
from app.clips.stored_clips import clip_not_found, find_clip
from app.clips.tables import Clip as ClipRow
from app.core.errors import RangeNotSatisfiable
from app.core.http.dependencies import ResourcesDep
from app.core.http.problems import problem_responses
from app.core.http.routing import MediaRoute, guarded_router
from app.core.resources import Resources
from app.jobs.tables import Job as JobRow
from app.videos.file_response import PRESIGNED, VideoFile
from app.videos.tables import Video
from model.video.file_names import is_video_name
from model.video.playlist import Stretch, write_m3u8

router = guarded_router("clips", MediaRoute)

MP4, ZIP = "video/mp4", "application/zip"
M3U8 = "application/vnd.apple.mpegurl"
SEVERAL = "matches"


@router.get(
    "/clips/{clip_id}/file",
    response_class=Response,
    responses={
        200: {
            "content": {MP4: {}, ZIP: {}, M3U8: {}},
            "description": "The reel, the archive or the playlist.",
        },
        206: {
            "content": {MP4: {}, ZIP: {}, "multipart/byteranges": {}},
            "description": "The range asked for, or several.",
        },
        **PRESIGNED,
        **problem_responses(ClipNotFound, ClipNotReady, RangeNotSatisfiable),
    },
)
def load_clip(clip_id: ClipId, resources: ResourcesDep) -> Response:
    """Load what was rendered, in ranges if asked; or the playlist."""
    with resources.sessions() as session:
        clip, job = find_clip(session, clip_id)
        ids = events_by_video(clip)
        videos = {
            one.id: one
            for one in session.scalars(select(Video).where(Video.id.in_(ids)))
        }
    titles = [title_of(video) for video in videos.values()]
    title = titles[0] if len(ids) == 1 and titles else SEVERAL
    if clip.form == PLAYLIST:
        stretches = _stretches(clip, videos, resources.settings.base_url)
        return Response(
            write_m3u8(stretches, title=title, comments=_told(clip)),
            media_type=M3U8,
            headers={"content-disposition": 'attachment; filename="clips.m3u8"'},
        )
    return _file(clip, job, title, resources)


def _told(clip: ClipRow) -> Iterator[str]:
    return (one.to_line() for one in provenance_of_clip(clip))


def title_of(video: Video) -> str:
    """Say what people call a video."""
    return video.title or video.filename or str(video.id)


def stem_of(title: str) -> str:
    """Name a file by what people call a video; what follows a dot may be of that."""
    path = PurePosixPath(title.replace("/", "-"))
    return path.stem if is_video_name(path) else path.name


def _stretches(
    clip: ClipRow, videos: Mapping[UUID, Video], base_url: str
) -> Iterator[Stretch]:
    """Give the places of a playlist; those of deleted videos are left out."""
    types = {one["id"]: one["type"] for one in clip.events}
    is_of_several = clip.video_id is None
    for cut in clip.cuts:
        video_id = UUID(str(cut.get("video_id") or clip.video_id))
        if video_id not in videos:
            continue
        name = ", ".join(types[one] for one in cut["events"])
        if is_of_several:
            name = f"{name} ({title_of(videos[video_id])})"
        address = f"{base_url}/videos/{video_id}/file"
        yield Stretch(cut["start_s"], cut["end_s"], name, address)


def _file(
    clip: ClipRow, job: JobRow | None, title: str, resources: Resources
) -> VideoFile:
    if clip.file_key is None:
        status = "being rendered" if job is None else job.status
        raise ClipNotReady(
            f"The clip {clip.id} has no file: its job is {status}. See GET "
            f"/clips/{clip.id}.",
        )
    try:
        found = resources.storage.stat(clip.file_key)
    except FileNotFoundError as exc:
        raise clip_not_found(clip.id) from exc
    facts, key = clip.file or {}, PurePosixPath(clip.file_key)
    stem = stem_of(title)
    return VideoFile(
        resources.storage,
        found,
        media_type=str(facts.get("media_type", MP4)),
        filename=f"{stem}-clips{key.suffix}",
        disposition="attachment" if clip.form == "zip" else "inline",
        headers={
            "etag": f'"clip-{key.stem}"',
            "cache-control": "private, no-cache",
            "content-security-policy": "sandbox",
        },
        presigner=resources.presigner,
    )

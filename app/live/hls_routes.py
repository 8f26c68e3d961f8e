"""The recording of a live stream as it grows: an HLS playlist and its segments."""

import re
from typing import Annotated
from uuid import UUID

from fastapi import Path, Response

from app.core.db.base import utc_now
from app.core.db.snapshot import snapshot
from app.core.errors import FileDropped, RangeNotSatisfiable
from app.core.http.dependencies import ResourcesDep
from app.core.http.problems import problem_responses
from app.core.http.routing import MediaRoute, guarded_router
from app.jobs.tables import JobStatus
from app.live.lost_segments import KEPT_FOR
from app.live.playlist import MEDIA_TYPE, SEGMENT_TYPE, segment_name, write_playlist
from app.live.problems import (
    LiveHasEnded,
    LiveNotFound,
    NotRecorded,
    SegmentNotFound,
)
from app.live.queries import segments_of
from app.live.routes import LiveId
from app.live.service import find_stream
from app.live.tables import LiveSegment, LiveStream
from app.videos.file_response import VideoFile
from app.videos.service import stored_key
from app.videos.tables import Video

router = guarded_router("live", MediaRoute)

NAME = r"^seg([0-9]{1,7})\.mp4$"


@router.get(
    "/live/{video_id}/hls/index.m3u8",
    response_class=Response,
    responses={
        200: {"content": {MEDIA_TYPE: {}}, "description": "The playlist."},
        **problem_responses(LiveNotFound, NotRecorded, LiveHasEnded, FileDropped),
    },
)
def get_live_playlist(video_id: LiveId, resources: ResourcesDep) -> Response:
    """Load the playlist of the recording: the player's time is that of the events."""
    with snapshot(resources) as session:
        stream, video, job = find_stream(session, video_id)
        segments = session.scalars(segments_of(video_id)).all()
    _refuse_gone(stream, video)
    if not segments:
        words = "is not recorded" if not stream.record else "has no segment yet"
        raise NotRecorded(f"The stream {words}; see GET /live/{video_id}.")
    is_over = JobStatus(job.status).is_final or stream.ended_at is not None
    return Response(
        write_playlist(segments, began_at=stream.began_at, is_over=is_over),
        media_type=MEDIA_TYPE,
        headers={"cache-control": "no-cache"},
    )


@router.get(
    "/live/{video_id}/hls/{segment}",
    response_class=Response,
    responses={
        200: {"content": {SEGMENT_TYPE: {}}, "description": "A segment."},
        206: {
            "content": {SEGMENT_TYPE: {}, "multipart/byteranges": {}},
            "description": "The range asked for, or several.",
        },
        **problem_responses(
            *(LiveNotFound, SegmentNotFound, LiveHasEnded, FileDropped),
            RangeNotSatisfiable,
        ),
    },
)
def load_live_segment(
    video_id: LiveId,
    segment: Annotated[
        str, Path(json_schema_extra={"examples": ["seg0.mp4"], "pattern": NAME})
    ],
    resources: ResourcesDep,
) -> Response:
    """Load a segment of the recording, in ranges if asked: a fragmented MP4."""
    named = re.fullmatch(NAME, segment)
    number = int(named[1]) if named else -1
    with resources.sessions() as session:
        stream, video, _ = find_stream(session, video_id)
        row = session.get(LiveSegment, (video_id, number))
    _refuse_gone(stream, video)
    if row is None:
        raise _no_segment(video_id, segment)
    try:
        found = resources.storage.stat(row.key)
    except FileNotFoundError as exc:
        raise _no_segment(video_id, segment) from exc
    return VideoFile(
        resources.storage,
        found,
        media_type=SEGMENT_TYPE,
        filename=segment_name(number),
        disposition="inline",
        headers={
            "etag": f'"live-{row.key.rpartition("/")[2]}-{row.size_bytes}"',
            "cache-control": "private, max-age=3600, immutable",
            "content-security-policy": "sandbox",
        },
    )


def _refuse_gone(stream: LiveStream, video: Video) -> None:
    """Refuse a recording that has become the video's file some time ago, or is gone.

    Raises:
        LiveHasEnded: it is the video's file.
        FileDropped: it is gone by the project's rules.
    """
    if video.dropped_at is not None:
        stored_key(video)  # raises
    has_file = video.storage_key is not None
    if has_file and stream.ended_at and utc_now() - stream.ended_at > KEPT_FOR:
        raise LiveHasEnded(
            f"The stream has ended: its recording is GET /videos/{video.id}/file."
        )


def _no_segment(video_id: UUID, segment: str) -> SegmentNotFound:
    return SegmentNotFound(f"The recording of {video_id} has no {segment[:64]!r}.")

"""What a browser plays of a video: its file, a proxy made of it, or nothing yet."""

from collections.abc import Collection
from typing import Literal
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.jobs.kinds import JobKind
from app.jobs.tables import Job, JobStatus
from app.videos.tables import Video
from model.video.playable import browser_type

Playable = Literal["original", "proxy", "pending", "none"]

OPEN = (JobStatus.QUEUED, JobStatus.RUNNING)


def playable_of(video: Video, *, is_looked_at: bool, is_being_made: bool) -> Playable:
    """Tell what a browser plays; a proxy that was made goes before the file.

    Args:
        video: the row.
        is_looked_at: whether the job that looks at a new video has ended.
        is_being_made: whether a proxy waits to be made, or is.
    """
    if video.proxy_key is not None:
        return "proxy"
    if plays_itself(video):
        return "original"
    is_unknown = video.facts is None and not is_looked_at and not video.dropped_at
    return "pending" if is_being_made or is_unknown else "none"


def plays_itself(video: Video) -> bool:
    """Whether browsers play the file as it was uploaded; unknown: they do not."""
    return type_in_browsers(video) is not None


def type_in_browsers(video: Video) -> str | None:
    """Return the media type as which browsers play a video's file; None: not at all."""
    if video.facts is None or video.dropped_at is not None:
        return None
    return browser_type(video.facts, filename=video.filename)


def being_made(session: Session, videos: Collection[Video]) -> set[UUID]:
    """Find the videos of which a proxy is being made; asks only where it matters."""
    ids = [
        video.id
        for video in videos
        if video.proxy_key is None
        and video.facts is not None
        and not plays_itself(video)
    ]
    if not ids:
        return set()
    found: Select[UUID | None] = select(Job.video_id).where(
        Job.video_id.in_(ids), Job.kind == JobKind.PROXY, Job.status.in_(OPEN)
    )
    return {video_id for video_id in session.scalars(found) if video_id is not None}

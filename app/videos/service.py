"""What happens to videos, in transactions given to it."""

from uuid import UUID

from sqlalchemy.orm import Session

from app.core.errors import VideoNotFound
from app.videos.tables import Video


def find_video(session: Session, video_id: UUID) -> Video:
    """Load a video's row.

    Raises:
        VideoNotFound: no video has that id.
    """
    video = session.get(Video, video_id)
    if video is None:
        raise video_not_found(video_id)
    return video


def video_not_found(video_id: UUID) -> VideoNotFound:
    """Say that a video is not there."""
    return VideoNotFound(f"No video has the id {video_id}.")

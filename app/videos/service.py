"""What happens to videos, in transactions given to it."""

from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.orm import Session

from app.core.db.session import Sessions
from app.core.errors import VideoNotFound
from app.core.storage.interface import Storage
from app.core.storage.keys import video_prefix
from app.videos.queries import add_pending_deletion, note_deletion
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


def delete_row(session: Session, video_id: UUID) -> None:
    """Delete a video's row with all that hangs on it; its objects follow by a sweep.

    Raises:
        VideoNotFound: no video has that id.
    """
    gone = delete(Video).where(Video.id == video_id).returning(Video.id)
    if session.execute(gone).one_or_none() is None:
        raise video_not_found(video_id)
    session.execute(add_pending_deletion(video_prefix(video_id)))


def delete_objects(prefix: str, sessions: Sessions, storage: Storage) -> None:
    """Delete the objects of a pending deletion, and note it.

    Raises:
        OSError: something is left.
    """
    storage.delete_prefix(prefix)
    with sessions.begin() as session:
        session.execute(note_deletion(prefix))

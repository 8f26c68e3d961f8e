"""What happens to videos, in transactions given to it."""

from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.orm import Session

from app.core.db.session import Sessions
from app.core.errors import FileDropped, VideoNotFound, VideoNotStored
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


def stored_key(video: Video) -> str:
    """Tell where a video's file is in storage.

    Raises:
        VideoNotStored: its bytes are still on their way.
        FileDropped: it is gone by the project's rules.
    """
    if video.dropped_at is not None:
        raise FileDropped(
            f"The video's file was removed on {video.dropped_at:%Y-%m-%d} by the rules "
            "of the project (GET /retention); its events are kept."
        )
    if video.storage_key is None:
        raise VideoNotStored(
            "The video's file is not here yet: it is still being fetched, or could not "
            "be. See the video's job."
        )
    return video.storage_key


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

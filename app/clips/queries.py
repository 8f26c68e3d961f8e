"""Statements about a video's pictures, built without a session."""

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import Select, Update, select, update

from app.videos.tables import Video


def show_thumbnails(video_id: UUID, keys: Mapping[str, str]) -> Update:
    """Let a video be shown by these files; those of the run before are not named."""
    return (
        update(Video)
        .where(Video.id == video_id)
        .values(thumbnails=dict(keys))
        .execution_options(synchronize_session=False)
    )


def thumbnails_of(video_ids: Collection[UUID]) -> Select[UUID, dict[str, str] | None]:
    """The files by which videos are shown; no row: no such video."""
    return select(Video.id, Video.thumbnails).where(Video.id.in_(video_ids))

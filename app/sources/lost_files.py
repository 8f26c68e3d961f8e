"""Files that jobs brought and that no video has: of runs that lost their lease."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.storage.keys import is_fetched_key, video_of
from app.videos.lost_objects import ObjectOwner
from app.videos.tables import Video


def _find_lost(session: Session, keys: Collection[str]) -> set[str]:
    """Find what is not the file of its video; nothing while that is on its way."""
    videos = {video_of(key) for key in keys}
    rows = session.execute(
        select(Video.id, Video.storage_key).where(
            Video.id.in_(videos), Video.storage_key.is_not(None)
        )
    ).all()
    stored = {row.id: row.storage_key for row in rows}
    return {key for key in keys if stored.get(video_of(key), key) != key}


FETCHED = ObjectOwner("fetched", is_fetched_key, _find_lost)

"""Which stored pictures of videos nobody needs any more."""

from collections.abc import Collection

from sqlalchemy.orm import Session

from app.clips.queries import thumbnails_of
from app.core.storage.keys import is_thumbnail_key, video_of
from app.videos.lost_objects import ObjectOwner


def _find_lost(session: Session, keys: Collection[str]) -> set[str]:
    """Find pictures that no video is shown by: of earlier runs, and of lost ones."""
    rows = session.execute(thumbnails_of({video_of(key) for key in keys})).all()
    named = {video_id: set((stored or {}).values()) for video_id, stored in rows}
    return {key for key in keys if key not in named.get(video_of(key), {key})}


THUMBNAILS = ObjectOwner("thumbnails", is_thumbnail_key, _find_lost)

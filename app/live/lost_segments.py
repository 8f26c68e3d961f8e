"""Which stored segments of recordings nobody needs any more."""

from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.storage.keys import is_live_segment_key, video_of
from app.live.queries import ended_before
from app.live.tables import LiveSegment
from app.videos.lost_objects import ObjectOwner
from app.videos.tables import Video

KEPT_FOR = timedelta(hours=1)  # players that are behind read on


def _find_lost(session: Session, keys: Collection[str]) -> set[str]:
    """Find those that no row names, and those that have become the video's file."""
    videos = {video_of(key) for key in keys}
    known = set(session.scalars(select(Video.id).where(Video.id.in_(videos))))
    named = set(
        session.scalars(select(LiveSegment.key).where(LiveSegment.key.in_(keys)))
    )
    over = set(session.scalars(ended_before(KEPT_FOR).where(Video.id.in_(videos))))
    return {
        key
        for key in keys
        if video_of(key) in known and (key not in named or video_of(key) in over)
    }


LIVE_SEGMENTS = ObjectOwner("live_segments", is_live_segment_key, _find_lost)

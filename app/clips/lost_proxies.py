"""Which stored proxies nobody needs any more."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.storage.keys import is_proxy_key, video_of
from app.videos.lost_objects import ObjectOwner
from app.videos.tables import Video


def _find_lost(session: Session, keys: Collection[str]) -> set[str]:
    """Find those that their video does not name: of earlier runs, and of lost ones."""
    videos = {video_of(key) for key in keys}
    statement = select(Video.id, Video.proxy_key).where(Video.id.in_(videos))
    named = dict(session.execute(statement).all())
    return {key for key in keys if named.get(video_of(key), key) != key}


PROXIES = ObjectOwner("proxies", is_proxy_key, _find_lost)

"""Which stored score curves nobody needs any more."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.storage.keys import is_scores_key, video_of
from app.timelines.queries import named_scores
from app.videos.lost_objects import ObjectOwner
from app.videos.tables import Video


def _find_lost(session: Session, keys: Collection[str]) -> set[str]:
    """Find score files that no analysis names: of runs that lost."""
    named = set(session.scalars(named_scores(keys)))
    ids = {video_of(key) for key in keys}
    known = set(session.scalars(select(Video.id).where(Video.id.in_(ids))))
    return {key for key in keys if key not in named and video_of(key) in known}


SCORES = ObjectOwner("scores", is_scores_key, _find_lost)

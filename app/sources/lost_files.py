"""Files that jobs brought and that no video has: of runs that lost their lease.

What came of a file whose jobs have all ended without it is kept for a while, so that
the next one can go on.
"""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.core.storage.keys import is_fetched_key, video_of
from app.jobs.kinds import KINDS
from app.jobs.tables import Job
from app.videos.lost_objects import ObjectOwner
from app.videos.tables import Video

KEPT_FOR = timedelta(days=7)
SOURCES = [kind for kind, spec in KINDS.items() if spec.is_source]


def _find_lost(session: Session, keys: Collection[str]) -> set[str]:
    """Find what is not the file of its video; nothing while that may still come."""
    videos = {video_of(key) for key in keys}
    rows = session.execute(
        select(Video.id, Video.storage_key).where(
            Video.id.in_(videos), Video.storage_key.is_not(None)
        )
    ).all()
    stored = {row.id: row.storage_key for row in rows}
    given_up = set(session.scalars(_given_up(videos)))
    return {
        key
        for key in keys
        if stored.get(video_of(key), key) != key or video_of(key) in given_up
    }


def _given_up(videos: Collection[UUID]) -> Select[UUID]:
    """List those without a file whose jobs that were to bring it ended long ago."""
    is_long_ago = func.coalesce(Job.finished_at < func.now() - KEPT_FOR, False)
    return (
        select(Video.id)
        .join(Job, Job.video_id == Video.id)
        .where(Video.id.in_(videos), Video.storage_key.is_(None))
        .where(Job.kind.in_(SOURCES))
        .group_by(Video.id)
        .having(func.bool_and(is_long_ago))
    )


FETCHED = ObjectOwner("fetched", is_fetched_key, _find_lost)

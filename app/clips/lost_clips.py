"""Which stored files of clips nobody needs any more."""

from collections.abc import Collection
from contextlib import suppress
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.clips.clip_queries import clips_that_show_what_is_gone, files_of
from app.clips.problems import ClipNotFound
from app.clips.stored_clips import find_clip, remove_clip
from app.core.db.session import Sessions
from app.core.settings import Settings
from app.core.storage.keys import is_clip_key, match_clips_prefix, video_of
from app.videos.lost_objects import ObjectOwner
from app.videos.queries import add_pending_deletion
from app.videos.tables import Video

BATCH = 100


def _find_lost(session: Session, keys: Collection[str]) -> set[str]:
    """Find those that no clip names: of deleted clips, and of lost runs."""
    named = set(session.scalars(files_of(keys)))
    ids = {video_of(key) for key in keys}
    known = set(session.scalars(select(Video.id).where(Video.id.in_(ids))))
    return {key for key in keys if video_of(key) in known and key not in named}


def forget_clips(sessions: Sessions, *, settings: Settings) -> int:
    """Delete the clips of several matches that show one which is deleted.

    Their files go by the sweep.

    Its footage may be gone by the project's rules as well. Some at a time.

    Returns:
        How many were deleted.
    """
    with sessions() as session:
        found = session.scalars(clips_that_show_what_is_gone(limit=BATCH)).all()
    for clip_id in found:
        with suppress(ClipNotFound), sessions.begin() as session:
            clip, _ = find_clip(session, clip_id)
            key, _ = remove_clip(session, clip_id, settings=settings)
            first = UUID(clip.events[0]["video_id"])  # in whose folder its files lie
            if session.get(Video, first) is None:  # Then nobody knows what is there.
                session.execute(add_pending_deletion(match_clips_prefix(first)))
            elif key is not None:
                session.execute(add_pending_deletion(key))
    return len(found)


CLIPS = ObjectOwner("clips", is_clip_key, _find_lost)

"""What a killed process leaves in storage, and how it is cleared away."""

from datetime import timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app.core.db.models import Video
from app.core.db.queries import lock_video
from app.core.db.session import Sessions
from app.core.storage import Storage, source_key, video_of, video_prefix

# What a worker made anew of a deleted video's folder; it removes that itself, unless
# it dies first.
STRAY_AFTER = timedelta(hours=1)

log = structlog.get_logger(__name__)


def sweep_leftovers(*, sessions: Sessions, storage: Storage) -> int:
    """Remove half-written files, unnamed ones, and what a deletion did not finish.

    Only what was being written or deleted when a process died is looked at, and
    folders without an upload, so that a wrong database address never costs a video.
    Trouble is logged, never raised: a start or a sweep goes on without.

    Returns:
        How many files and folders were found.
    """
    try:
        keys = storage.sweep_incoming()
        for key in keys:
            _remove_unless_known(key, sessions, storage)
        trash = storage.in_trash()
        for prefix in trash:
            _end_deletion(prefix, sessions, storage)
        strays = [
            prefix
            for prefix in storage.sourceless(older_than=STRAY_AFTER)
            if _remove_stray(prefix, sessions, storage)
        ]
    except (OSError, SQLAlchemyError) as exc:
        log.warning("leftovers_not_swept", error=str(exc))
        return 0
    found = len(keys) + len(trash) + len(strays)
    if found:
        log.info("leftovers_swept", found=found)
    return found


def _end_deletion(prefix: str, sessions: Sessions, storage: Storage) -> None:
    """Remove what was set aside, or put it back if its row was not deleted after all.

    The row's lock waits for a deletion that is under way.
    """
    with sessions.begin() as session:
        if session.scalar(lock_video(video_of(prefix))) is not None:
            storage.put_back(prefix)
    storage.empty_trash(prefix)


def _remove_stray(prefix: str, sessions: Sessions, storage: Storage) -> bool:
    with sessions() as session:
        is_known = session.get(Video, video_of(prefix)) is not None
    if not is_known:
        storage.delete_prefix(prefix)
    return not is_known


def _remove_unless_known(key: str, sessions: Sessions, storage: Storage) -> None:
    video_id = video_of(key)
    if key != source_key(video_id):
        return  # A job's scores: the job runs again and writes them anew.
    with sessions() as session:
        known = session.scalar(select(Video.id).where(Video.id == video_id))
    if known is None:
        storage.delete_prefix(video_prefix(video_id))

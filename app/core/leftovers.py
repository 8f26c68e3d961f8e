"""What a killed process leaves in storage, and how it is cleared away."""

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app.core.db.models import Video
from app.core.db.session import Sessions
from app.core.storage import Storage, source_key, video_of, video_prefix

log = structlog.get_logger(__name__)


def sweep_leftovers(*, sessions: Sessions, storage: Storage) -> int:
    """Remove half-written files, and files put in place that no row ever named.

    Only what was being written when a process died is looked at, so that a wrong
    database address never costs a video. Trouble is logged, never raised: a start or
    a sweep goes on without.

    Returns:
        How many files were found half-written or unnamed.
    """
    try:
        keys = storage.sweep_incoming()
        for key in keys:
            _remove_unless_known(key, sessions, storage)
    except (OSError, SQLAlchemyError) as exc:
        log.warning("leftovers_not_swept", error=str(exc))
        return 0
    if keys:
        log.info("leftovers_swept", files=len(keys))
    return len(keys)


def _remove_unless_known(key: str, sessions: Sessions, storage: Storage) -> None:
    video_id = video_of(key)
    if key != source_key(video_id):
        return  # A job's scores: the job runs again and writes them anew.
    with sessions() as session:
        known = session.scalar(select(Video.id).where(Video.id == video_id))
    if known is None:
        storage.delete_prefix(video_prefix(video_id))

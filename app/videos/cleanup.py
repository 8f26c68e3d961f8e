"""What killed processes left in storage, and how it is cleared away."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.core.db.session import Sessions
from app.core.logging import warn_once
from app.core.storage.earlier_layout import interrupted_deletions, interrupted_uploads
from app.core.storage.interface import Storage
from app.core.storage.keys import video_prefix
from app.videos.in_flight import give_up_uploads
from app.videos.lost_objects import STRAY_AFTER
from app.videos.queries import (
    add_pending_deletion,
    due_deletions,
    end_deletion,
    lock_video,
)
from app.videos.service import delete_objects

BATCH = 1000  # deletions at once

log = structlog.get_logger(__name__)


def clean_up(
    *,
    sessions: Sessions,
    storage: Storage,
    upload_idle: timedelta = timedelta(0),
    is_start: bool = False,
) -> int:
    """Remove what unfinished uploads and deletions left.

    Objects go only if a row says so, so that a wrong database address never costs a
    video. Trouble is logged, never raised: a start or a sweep goes on without. What
    fails of it does not keep the rest.

    Args:
        upload_idle: how long an upload may be silent.
        is_start: the API starts, so that nothing of its earlier run goes on.

    Returns:
        How many files and folders were cleared away.
    """
    found = 0
    try:
        found += storage.remove_unfinished()
    except OSError as exc:
        log.warning("unfinished_files_not_removed", error=str(exc))
    try:
        give_up_uploads(sessions, upload_idle=upload_idle, is_start=is_start)
        with sessions() as session:
            due = due_deletions(again_after=STRAY_AFTER, limit=BATCH)
            prefixes = session.scalars(due).all()
        found += sum(_delete(prefix, sessions, storage) for prefix in prefixes)
    except (OSError, SQLAlchemyError) as exc:
        log.warning("not_cleaned_up", error=str(exc))
    if found:
        log.info("cleaned_up", found=found)
    return found


def adopt_earlier_layout(*, sessions: Sessions, data_dir: Path) -> None:
    """Turn what the first release left in a data directory into rows; for a start.

    Trouble is logged, never raised; the next start tries again.
    """
    try:
        for video_id in interrupted_uploads(data_dir):
            _delete_unless_known(video_id, sessions)
        for video_id in interrupted_deletions(data_dir):
            _delete_unless_known(video_id, sessions)
    except SQLAlchemyError as exc:
        log.warning("earlier_layout_not_adopted", error=str(exc))


def _delete(prefix: str, sessions: Sessions, storage: Storage) -> bool:
    """Delete the objects of a pending deletion, and its row after the last time."""
    try:
        delete_objects(prefix, sessions, storage)
    except OSError as exc:
        reason = exc.strerror or str(exc)
        path = str(exc.filename or prefix)
        warn_once("leftover_not_removed", path=path, reason=reason)
        return False
    with sessions.begin() as session:
        session.execute(end_deletion(prefix, again_after=STRAY_AFTER))
    return True


def _delete_unless_known(video_id: UUID, sessions: Sessions) -> None:
    """Have a video's objects deleted, unless its row is there.

    The row's lock waits for a deletion that is under way.
    """
    with sessions.begin() as session:
        if session.scalar(lock_video(video_id)) is None:
            session.execute(add_pending_deletion(video_prefix(video_id)))

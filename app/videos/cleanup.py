"""What a killed process leaves in storage, and how it is cleared away."""

from collections.abc import Callable, Iterable
from datetime import timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app.core.db.session import Sessions
from app.core.logging import warn_once
from app.core.storage.interface import Storage
from app.core.storage.keys import source_key, video_of, video_prefix
from app.timelines.queries import named_scores
from app.videos.queries import lock_video
from app.videos.tables import Video

# What a worker made anew of a deleted video's folder, or the scores of a run that
# lost; it removes that itself, unless it dies first.
STRAY_AFTER = timedelta(hours=1)
BATCH = 1000  # score files looked up at once

log = structlog.get_logger(__name__)


def clean_up(*, sessions: Sessions, storage: Storage) -> int:
    """Remove half-written files, unnamed ones, and what a deletion did not finish.

    Only what was being written or deleted when a process died is looked at, and
    folders without an upload, so that a wrong database address never costs a video.
    Trouble is logged, never raised: a start or a sweep goes on without. One entry that
    cannot be removed does not keep the others.

    Returns:
        How many files and folders were cleared away.
    """
    try:
        with sessions() as session:  # What is known of leftovers is asked for once.
            session.execute(select(1))
        found = (
            _each(storage.sweep_incoming(), _remove_unless_known, sessions, storage)
            + _each(storage.in_trash(), _end_deletion, sessions, storage)
            + _each(
                storage.orphaned(older_than=STRAY_AFTER),
                *(_remove_stray, sessions, storage),
            )
        )
    except (OSError, SQLAlchemyError) as exc:
        log.warning("not_cleaned_up", error=str(exc))
        return 0
    if found:
        log.info("cleaned_up", found=found)
    return found


def sweep_lost_scores(*, sessions: Sessions, storage: Storage) -> int:
    """Remove score files of runs that lost and died before they could tidy up.

    A file that no analysis names stays for an hour: its run may be about to end. Every
    video's folder is looked into, so this is for now and then.

    Returns:
        How many files were removed.
    """
    keys, removed = storage.scores_files(older_than=STRAY_AFTER), 0
    for start in range(0, len(keys), BATCH):
        batch = keys[start : start + BATCH]
        with sessions() as session:
            named = set(session.scalars(named_scores(batch)))
        for key in batch:
            if key not in named and _is_known(key, sessions):
                storage.delete_file(key)
                removed += 1
    if removed:
        log.info("lost_scores_removed", files=removed)
    return removed


Clear = Callable[[str, Sessions, Storage], bool]


def _each(
    names: Iterable[str], clear: Clear, sessions: Sessions, storage: Storage
) -> int:
    """Clear away one after another; returns how many were."""
    found = 0
    for name in names:
        try:
            found += clear(name, sessions, storage)
        except OSError as exc:
            reason = exc.strerror or str(exc)
            warn_once("leftover_not_removed", path=str(exc.filename), reason=reason)
    return found


def _end_deletion(prefix: str, sessions: Sessions, storage: Storage) -> bool:
    """Remove what was set aside, or put it back if its row was not deleted after all.

    The row's lock waits for a deletion that is under way.
    """
    with sessions.begin() as session:
        if session.scalar(lock_video(video_of(prefix))) is not None:
            storage.restore(prefix)
    storage.empty_trash(prefix)
    return True


def _remove_stray(prefix: str, sessions: Sessions, storage: Storage) -> bool:
    is_stray = not _is_known(prefix, sessions)
    if is_stray:
        storage.delete_prefix(prefix)
    return is_stray


def _remove_unless_known(key: str, sessions: Sessions, storage: Storage) -> bool:
    video_id = video_of(key)
    # The scores of a run: `sweep_lost_scores` removes them unless they are named.
    if key == source_key(video_id) and not _is_known(key, sessions):
        storage.delete_prefix(video_prefix(video_id))
    return True


def _is_known(key: str, sessions: Sessions) -> bool:
    with sessions() as session:
        video = session.scalar(select(Video.id).where(Video.id == video_of(key)))
    return video is not None

"""Objects of videos that no row names any more, whatever feature stored them.

A run that lost its lease and died before it could tidy up leaves them. A feature that
stores objects says by an `ObjectOwner` which are its own, and which of them are lost.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.db.base import utc_now
from app.core.db.session import Sessions
from app.core.logging import warn_once
from app.core.storage.interface import Storage, StorageUnavailable
from app.core.storage.keys import FOLDERS, video_of

# How old an object must be: its run may be about to end, or someone may read it.
STRAY_AFTER = timedelta(hours=1)
BATCH = 1000  # objects looked up at once
MOST_FAILED = 20  # objects that could not be removed, then a sweep gives up

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ObjectOwner:
    """What a feature stores of videos.

    Attributes:
        name: for the log.
        is_its_key: whether a key is one of its own.
        find_lost: which of some of its keys nobody needs. Objects of videos that are
            not known are not lost: their deletion is a row's affair, so that a wrong
            database address costs nothing.
    """

    name: str
    is_its_key: Callable[[str], bool]
    find_lost: Callable[[Session, Collection[str]], set[str]]


def sweep_lost_objects(
    owners: Sequence[ObjectOwner], *, sessions: Sessions, storage: Storage
) -> int:
    """Remove what is lost. All objects are listed, once: this is for now and then.

    One that cannot be removed does not keep the others.

    Returns:
        How many objects were removed.

    Raises:
        OSError: many could not be removed, or the storage does not answer.
    """
    waiting: dict[ObjectOwner, list[str]] = {owner: [] for owner in owners}
    removed: Counter[str] = Counter()
    failed: list[str] = []

    def settle(owner: ObjectOwner) -> None:
        with sessions() as session:
            lost = owner.find_lost(session, waiting[owner])
        removed[owner.name] += _remove(lost, storage, failed)
        waiting[owner].clear()

    for key in _old_keys(storage, before=_now(sessions) - STRAY_AFTER):
        for owner in owners:
            if owner.is_its_key(key):
                waiting[owner].append(key)
                if len(waiting[owner]) >= BATCH:
                    settle(owner)
    for owner in owners:
        if waiting[owner]:
            settle(owner)
    if removed.total():
        log.info("lost_objects_removed", **removed)
    return removed.total()


def _remove(keys: Collection[str], storage: Storage, failed: list[str]) -> int:
    """Remove objects; tell how many. Those that cannot be removed join `failed`."""
    count = 0
    for key in keys:
        try:
            storage.delete(key)
        except StorageUnavailable:  # Each try waits long, and no other sweep begins.
            raise
        except OSError as exc:
            failed.append(key)
            reason = exc.strerror or str(exc)
            warn_once("lost_object_not_removed", path=key, reason=reason)
            if len(failed) >= MOST_FAILED:  # The storage itself may be away.
                raise
        else:
            count += 1
    return count


def _now(sessions: Sessions) -> datetime:
    """Tell the time by this machine and by the database, whichever is earlier.

    A clock that is ahead must not make the objects of runs under way look old.
    """
    with sessions() as session:
        by_database = session.scalar(select(func.now()))
    now = utc_now()
    return now if by_database is None else min(now, by_database)


def _old_keys(storage: Storage, *, before: datetime) -> Iterator[str]:
    """List those of all videos' objects that have not been changed since.

    What lies among them and is no video's stays, with one warning.
    """
    for found in chain.from_iterable(map(storage.list, FOLDERS)):
        try:
            video_of(found.key)
        except ValueError:
            reason = "not a video's file"
            warn_once("stray_file_skipped", path=found.key, reason=reason)
            continue
        if found.modified_at < before:
            yield found.key

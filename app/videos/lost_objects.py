"""Objects of videos that no row names any more, whatever feature stored them.

A run that lost its lease and died before it could tidy up leaves them. A feature that
stores objects says by an `ObjectOwner` which are its own, and which of them are lost.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy.orm import Session

from app.core.db.base import utc_now
from app.core.db.session import Sessions
from app.core.logging import warn_once
from app.core.storage.interface import Storage
from app.core.storage.keys import video_of

# How old an object must be: its run may be about to end, or someone may read it.
STRAY_AFTER = timedelta(hours=1)
BATCH = 1000  # objects looked up at once

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

    Returns:
        How many objects were removed.
    """
    waiting: dict[ObjectOwner, list[str]] = {owner: [] for owner in owners}
    removed: Counter[str] = Counter()

    def settle(owner: ObjectOwner) -> None:
        with sessions() as session:
            lost = owner.find_lost(session, waiting[owner])
        for key in lost:
            storage.delete(key)
        removed[owner.name] += len(lost)
        waiting[owner].clear()

    for key in _old_keys(storage):
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


def _old_keys(storage: Storage) -> Iterator[str]:
    """List those of all videos' objects that are no longer young.

    What lies among them and is no video's stays, with one warning.
    """
    for found in storage.list("videos"):
        try:
            video_of(found.key)
        except ValueError:
            reason = "not a video's file"
            warn_once("stray_file_skipped", path=found.key, reason=reason)
            continue
        if utc_now() - found.modified_at > STRAY_AFTER:
            yield found.key

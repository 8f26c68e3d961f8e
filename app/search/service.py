"""Keep what is searched in step with timelines: copied when it is stale, exactly.

No writer of timelines knows of the search. Each copy says what it was made of; a
search compares that with what there is, and copies what has changed before it reads.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from uuid import UUID

from psycopg.errors import LockNotAvailable
from sqlalchemy import insert, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.annotations.merge import TimelineEvent
from app.annotations.queries import lock_for_edit
from app.annotations.service import merged_timeline
from app.annotations.timelines import View
from app.core.db.session import Sessions
from app.core.storage.interface import Storage
from app.search.copy_queries import (
    LAYOUT,
    copied_events,
    forget_counts,
    forget_events,
    stale_videos,
    thresholds_tag,
)
from app.search.tables import SearchedCount, SearchedEvent, SearchedTimeline
from app.statistics.play import team_names
from app.videos.tables import Video

MAX_STALE = 1000  # looked at in one search
LOCK_MS = 1000  # that a match is waited for which somebody changes
PLAYER = "player"
# No search asks for as much; four bytes each, and the label's, fit into an index.
MOST_CHARS = 500
ALIKE = ("video_id", "project_id", "label", "state", "team", "team_name")


Read = Callable[[Callable[[Session], Sequence[UUID]]], Sequence[UUID]]


def refresh_stale(
    read: Read,
    sessions: Sessions,
    storage: Storage,
    view: View,
    *,
    has_time: Callable[[], bool],
) -> int:
    """Copy the timelines that have changed since they were copied, one by one.

    Args:
        read: gives a session to look for them, such as `Resources.read`.
        has_time: asked before each; at least one is copied. One that is being changed
            all the time is left for the next search.

    Returns:
        How many are left, up to `MAX_STALE`.
    """
    stale = read(lambda session: session.scalars(stale_videos(limit=MAX_STALE)).all())
    held = 0
    for index, video_id in enumerate(stale):
        if index and not has_time():
            return held + len(stale) - index
        try:
            with sessions.begin() as session:
                session.execute(text(f"set local lock_timeout = {LOCK_MS}"))
                copy_timeline(session, storage, video_id, view)
        except OperationalError as exc:
            if not isinstance(exc.orig, LockNotAvailable):
                raise
            held += 1
    return held


def copy_timeline(
    session: Session, storage: Storage, video_id: UUID, view: View
) -> None:
    """Make the events of a video searchable as they are; its row is locked."""
    video = session.scalar(lock_for_edit(video_id))
    if video is None:
        return
    # Read before the thresholds: if they change in between, the copy is stale.
    tag = session.scalar(thresholds_tag(video.project_id)) or LAYOUT
    timeline = merged_timeline(session, storage, video, view=view)
    names = team_names(video.teams)
    rows = {event.id: _row(video, event, names) for event in timeline.events}
    before = {
        row.event_id: dict(row._mapping)
        for row in session.execute(copied_events(video_id))
    }
    changed = [row for key, row in rows.items() if before.get(key) != row]
    old = [key for key, row in before.items() if rows.get(key) != row]
    if old:
        session.execute(forget_events(video_id, old))
    if changed:
        session.execute(insert(SearchedEvent), changed)
    session.execute(forget_counts(video_id))
    if rows:
        session.execute(insert(SearchedCount), count_alike(rows.values()))
    copied = session.get(SearchedTimeline, video_id)
    if copied is None:
        copied = SearchedTimeline(video_id=video_id, project_id=video.project_id)
        session.add(copied)
    copied.analysis_id = video.current_analysis_id
    copied.revision = video.revision
    copied.facts_version = video.facts_version
    copied.thresholds_tag = tag


def count_alike(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Count the events of a match that are alike."""
    alike: defaultdict[tuple[Any, ...], list[float | None]] = defaultdict(list)
    for row in rows:
        alike[tuple(row[column] for column in ALIKE)].append(row["score"])
    counts = []
    for number, (values, scores) in enumerate(alike.items()):
        known = [score for score in scores if score is not None]
        counts.append(
            {
                **dict(zip(ALIKE, values, strict=True)),
                "number": number,
                "count": len(scores),
                "max_score": max(known, default=None),
            }
        )
    return counts


def _row(video: Video, event: TimelineEvent, names: dict[str, str]) -> dict[str, Any]:
    team, player = event.team, event.attributes.get(PLAYER)
    return {
        "video_id": video.id,
        "event_id": event.id,
        "project_id": video.project_id,
        "label": event.label,
        "time_ms": event.time_ms,
        "frame": event.frame,
        "state": event.state,
        "score": event.score,
        "team": None if team is None else team[:MOST_CHARS],
        "team_name": None if team is None else names.get(team),
        "player": None if player is None else str(player)[:MOST_CHARS],
        "attributes": dict(event.attributes),
    }

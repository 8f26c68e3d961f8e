"""Statements of the search over all matches, built without a session.

There are three ways to a page, each of which stops when it is full: off an index in
its order; by the players' events, whose indexes are in that order as well; and match
by match, looking only into those that have what is wanted.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    exists,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute, aliased

from app.search.criteria import EventColumns, EventSearch
from app.search.tables import SearchedCount, SearchedEvent
from app.videos.tables import Video

Place = tuple[UUID, int, UUID]  # video, time in ms, event
MOST_INDEX_SCANS = 50


def search_page(
    project_id: UUID, wanted: EventSearch, *, after: Place | None, limit: int
) -> Select[SearchedEvent, Video]:
    """Find events by (video, time, id), with their videos."""
    event = SearchedEvent
    if wanted.players:
        found = aliased(event, _by_players(project_id, wanted, after, limit))
        return _with_videos(found, wanted, limit)
    if wanted.is_narrow or list(wanted.videos.conditions()):
        _, statement = match_by_match(
            project_id, wanted, wanted.labels, after=after, limit=limit
        )
        return statement
    return (
        select(event, Video)
        .join(Video, Video.id == event.video_id)
        .where(
            event.project_id == project_id,
            *of_labels(event, wanted.labels),
            *wanted.conditions(event),
            *after_place(event, after, wanted),
        )
        .order_by(*by_place(event, wanted))
        .limit(limit)
    )


def match_by_match(
    project_id: UUID,
    wanted: EventSearch,
    labels: Sequence[str],
    *,
    after: Place | None,
    limit: int,
) -> tuple[EventColumns, Select[SearchedEvent, Video]]:
    """Take a page at most of each match that has what is wanted, until it is full.

    Returns:
        The statement, and before it the name by which it knows the events.
    """
    event = SearchedEvent
    some = (
        select(event)
        .where(
            event.video_id == Video.id,
            event.project_id == project_id,
            *of_labels(event, labels),
            *wanted.conditions(event),
            *after_place(event, after, wanted),
        )
        .order_by(*by_place(event, wanted)[1:])
        .limit(limit)
        .correlate(Video)
        .lateral("some")
    )
    its = aliased(event, some)
    statement = (
        select(its, Video)
        .select_from(Video)
        .join(some, true())
        .where(
            Video.project_id == project_id,
            *wanted.videos.conditions(),
            *_matches_with(project_id, wanted),
            *_after_match(after, wanted),
        )
        .order_by(*by_place(its, wanted, video_id=Video.id))
        .limit(limit)
    )
    return its, statement


def of_labels(event: EventColumns, labels: Sequence[str]) -> list[ColumnElement[bool]]:
    """Keep events of some types; of all if there are none."""
    if len(labels) == 1:
        return [event.label == labels[0]]
    return [event.label.in_(labels)] if labels else []


def _matches_with(project_id: UUID, wanted: EventSearch) -> list[ColumnElement[bool]]:
    """Keep the matches that have an event as it is wanted, by their counts.

    A sequence needs each of its types.
    """
    count = SearchedCount
    if wanted.sequence is not None:
        kinds = [[label] for label in dict.fromkeys(wanted.sequence.labels)]
    elif wanted.labels or wanted.is_narrow:
        kinds = [list(wanted.labels)]
    else:
        return []
    return [
        exists().where(
            count.video_id == Video.id,
            count.project_id == project_id,
            *([count.label.in_(labels)] if labels else []),
            *wanted.count_conditions(),
        )
        for labels in kinds
    ]


def after_place(
    event: EventColumns, after: Place | None, wanted: EventSearch
) -> list[ColumnElement[bool]]:
    """Keep what comes after an event."""
    if after is None:
        return []
    place = tuple_(event.video_id, event.time_ms, event.event_id)
    return [place < after if wanted.is_descending else place > after]


def _after_match(after: Place | None, wanted: EventSearch) -> list[ColumnElement[bool]]:
    """Keep the match of an event, and what comes after it."""
    if after is None:
        return []
    return [Video.id <= after[0] if wanted.is_descending else Video.id >= after[0]]


def by_place(
    event: EventColumns,
    wanted: EventSearch,
    *,
    video_id: InstrumentedAttribute[UUID] | None = None,
) -> list[ColumnElement[Any]]:
    """Order by match, then time.

    Args:
        video_id: the column to order by instead of the event's.
    """
    match = event.video_id if video_id is None else video_id
    columns = (match, event.time_ms, event.event_id)
    return [one.desc() if wanted.is_descending else one.asc() for one in columns]


def _by_players(
    project_id: UUID, wanted: EventSearch, after: Place | None, limit: int
) -> Any:
    """Read a page of each player's events, of each type; their union in any order."""
    event = SearchedEvent
    labels: list[str | None] = list(wanted.labels) or [None]
    by_label = len(labels) * len(wanted.players) <= MOST_INDEX_SCANS
    chosen = list(wanted.videos.conditions())

    def branch(player: str, label: str | None) -> Select[SearchedEvent]:
        some = select(event).where(
            event.project_id == project_id,
            event.player == player,
            *([] if label is None else [event.label == label]),
            *([] if by_label else of_labels(event, wanted.labels)),
            *wanted.conditions(event),
            *after_place(event, after, wanted),
        )
        if chosen:
            some = some.join(Video, Video.id == event.video_id).where(*chosen)
        return some.order_by(*by_place(event, wanted)).limit(limit)

    branches = [
        branch(player, label)
        for player in dict.fromkeys(wanted.players)
        for label in (dict.fromkeys(labels) if by_label else [None])
    ]
    if len(branches) == 1:
        return branches[0].subquery("found")
    parts = [select(one.subquery()) for one in branches]
    return union_all(*parts).subquery("found")


def _with_videos(
    found: EventColumns, wanted: EventSearch, limit: int
) -> Select[SearchedEvent, Video]:
    return (
        select(found, Video)
        .join(Video, Video.id == found.video_id)
        .order_by(*by_place(found, wanted))
        .limit(limit)
    )

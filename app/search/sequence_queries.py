"""Statements that find events one after another, built without a session.

What is found are minimal occurrences (Mannila, Toivonen, Verkamo: Discovery of
Frequent Episodes in Event Sequences, 1997): such as hold no other one. They are looked
for around each event of one step, the anchor. From it the nearest steps before lead
back to the latest start, from there the nearest steps after lead to the earliest end.
If that way leads by the anchor, and no later start leads to that end, it is one.
"""

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Select,
    String,
    Uuid,
    and_,
    any_,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.selectable import FromClause

from app.search.criteria import EventColumns, EventSearch, SequenceWanted
from app.search.queries import Place, after_place, by_place, match_by_match
from app.search.tables import SearchedCount, SearchedEvent
from app.videos.tables import Video

COUNTED_ROWS = 200  # of each type, of the latest matches, to tell which is rare


def frequencies(project_id: UUID, labels: Collection[str]) -> Select[str, int]:
    """Count the events of each type in the latest matches, to compare them."""
    count = SearchedCount

    def latest(label: str) -> Select[str, int]:
        return (
            select(count.label, count.count)
            .where(count.project_id == project_id, count.label == label)
            .order_by(count.video_id.desc())
            .limit(COUNTED_ROWS)
        )

    every = union_all(*(select(latest(one).subquery()) for one in labels)).subquery()
    return select(every.c.label, func.sum(every.c.count)).group_by(every.c.label)


def anchors(
    project_id: UUID,
    wanted: EventSearch,
    label: str,
    *,
    after: Place | None,
    limit: int,
) -> Select[Any]:
    """Find the events that sequences are looked for around, in the order of pages."""
    if wanted.is_narrow or list(wanted.videos.conditions()):
        its, statement = match_by_match(
            project_id, wanted, [label], after=after, limit=limit
        )
        return statement.with_only_columns(*_columns(its), maintain_column_froms=True)
    event = SearchedEvent
    return (
        select(*_columns(event))
        .where(
            event.project_id == project_id,
            event.label == label,
            *wanted.conditions(event),
            *after_place(event, after, wanted),
        )
        .order_by(*by_place(event, wanted))
        .limit(limit)
    )


def sequences_page(
    project_id: UUID,
    wanted: EventSearch,
    sequence: SequenceWanted,
    anchor: int,
    *,
    after: Place | None,
    limit: int,
    most_anchors: int,
) -> Select[Any]:
    """Find sequences in the order of their anchors: by match, then time.

    Args:
        anchor: which step, from 0.
        after: the anchor of the sequence before.
        most_anchors: so many are looked around.

    Returns:
        `video_id`, `time_ms` and `event_id` of the anchor, and `steps`: the ids of all
        events, by step.
    """
    last = len(sequence.labels) - 1
    center = anchors(
        *(project_id, wanted, sequence.labels[anchor]),
        after=after,
        limit=most_anchors,
    ).subquery("center")
    chain = _Chain(project_id, wanted, sequence, center)
    place = _Step("center")
    start = chain.lead_back("to_start", place, anchor)
    forth = chain.lead_forth(start)
    checks = [forth[anchor].event_id == place.event_id]
    if anchor != last:  # Else the way back has found the latest start already.
        again = chain.lead_back("again", forth[last], last)
        checks.append(again.event_id == start.event_id)
    if wanted.players:
        checks.append(or_(*(one.player.in_(wanted.players) for one in forth)))
    order = (place.video_id, place.time_ms, place.event_id)
    columns: list[ColumnElement[Any]] = [
        place.video_id.label("video_id"),
        place.time_ms.label("time_ms"),
        place.event_id.label("event_id"),
        array([one.event_id for one in forth]).label("steps"),
    ]
    return (
        select(*columns)
        .select_from(chain.joined)
        .where(*checks)
        .order_by(*(one.desc() if wanted.is_descending else one for one in order))
        .limit(limit)
    )


def events_of(places: Collection[tuple[UUID, UUID]]) -> Select[SearchedEvent]:
    """Read events by video and id."""
    event = SearchedEvent
    # Two parameters, however many there are.
    columns = [literal(list(ids), ARRAY(Uuid())) for ids in zip(*places, strict=True)]
    wanted = func.unnest(*columns).table_valued("video_id", "event_id").render_derived()
    return select(event).join(
        wanted,
        and_(event.video_id == wanted.c.video_id, event.event_id == wanted.c.event_id),
    )


def videos_of(ids: Collection[UUID]) -> Select[Video]:
    """Read some videos."""
    return select(Video).where(Video.id == any_(literal(list(ids), ARRAY(Uuid()))))


class _Step:
    """The columns of a joined event, by the name of its join.

    They are written as text: columns that know where they are from cost ten steps
    three times as long to build as Postgres takes to read them.
    """

    def __init__(self, name: str) -> None:
        self.video_id = literal_column(f"{name}.video_id", Uuid())
        self.time_ms = literal_column(f"{name}.time_ms", BigInteger())
        self.event_id = literal_column(f"{name}.event_id", Uuid())
        self.team = literal_column(f"{name}.team", String())
        self.player = literal_column(f"{name}.player", String())


class _Chain:
    """Joins that lead from event to event, each by the index of its type."""

    def __init__(
        self,
        project_id: UUID,
        wanted: EventSearch,
        sequence: SequenceWanted,
        center: FromClause,
    ) -> None:
        self.joined = center
        self._sequence = sequence
        event = SearchedEvent
        self._nearest = select(*_columns(event)).where(
            event.project_id == project_id, *wanted.conditions(event)
        )
        self._forth = (event.time_ms, event.event_id)
        self._back = (event.time_ms.desc(), event.event_id.desc())

    def lead_back(self, name: str, place: _Step, step: int) -> _Step:
        """Join the nearest steps before one, down to the first, and give that."""
        end = place
        for one in range(step - 1, -1, -1):
            is_before = (
                SearchedEvent.time_ms < place.time_ms,
                SearchedEvent.time_ms >= end.time_ms - self._sequence.within_ms,
            )
            place = self._join(f"{name}_{one}", one, place, is_before, is_back=True)
        return place

    def lead_forth(self, start: _Step) -> list[_Step]:
        """Join the nearest steps after the first, and give all of them."""
        steps = [start]
        for one in range(1, len(self._sequence.labels)):
            is_after = (
                SearchedEvent.time_ms > steps[-1].time_ms,
                SearchedEvent.time_ms <= start.time_ms + self._sequence.within_ms,
            )
            steps.append(self._join(f"step_{one}", one, steps[-1], is_after))
        return steps

    def _join(
        self,
        name: str,
        step: int,
        neighbour: _Step,
        conditions: Iterable[ColumnElement[bool]],
        *,
        is_back: bool = False,
    ) -> _Step:
        """Join the event of a step that is nearest to its neighbour."""
        event = SearchedEvent
        its_team = [event.team == neighbour.team] if self._sequence.same_team else []
        nearest = (
            self._nearest.where(
                event.video_id == neighbour.video_id,
                event.label == self._sequence.labels[step],
                *conditions,
                *its_team,
            )
            .order_by(*(self._back if is_back else self._forth))
            .limit(1)
            .lateral(name)
        )
        self.joined = self.joined.join(nearest, true())
        return _Step(name)


def _columns(event: EventColumns) -> tuple[InstrumentedAttribute[Any], ...]:
    return event.video_id, event.time_ms, event.event_id, event.team, event.player

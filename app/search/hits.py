"""What searches find: single events or sequences, page by page or all of them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from app.core.db.project_sessions import project_of
from app.search.criteria import EventSearch, SequenceWanted
from app.search.queries import Place, search_page
from app.search.sequence_queries import (
    anchors,
    events_of,
    frequencies,
    sequences_page,
    videos_of,
)
from app.search.tables import SearchedEvent
from app.videos.tables import Video

MOST_ANCHORS = 1000  # that a page of sequences looks around
READ_AT_ONCE = 1000  # hits, where all are read

Read = Callable[[Callable[[Session], "Hits"]], "Hits"]


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page begins.

    Attributes:
        after: the event before it; None: at the start.
        step: of a sequence, that whose events are looked around.
    """

    after: Place | None = None
    step: int | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """What was found.

    Attributes:
        events: one, or those of a sequence by time.
        position: the page after it begins there.
    """

    video: Video
    events: Sequence[SearchedEvent]
    position: Position

    @property
    def from_ms(self) -> int:
        """When its first event is."""
        return self.events[0].time_ms

    @property
    def to_ms(self) -> int:
        """When its last event is."""
        return self.events[-1].time_ms


@dataclass(frozen=True, slots=True)
class Hits:
    """A page of them.

    Attributes:
        following: where the next page begins; None: this is the last one. A page may
            have fewer hits than were asked for, and others follow it.
    """

    found: Sequence[Hit]
    following: Position | None


def find_hits(
    session: Session, wanted: EventSearch, *, start: Position, limit: int
) -> Hits:
    """Find a page of hits."""
    if wanted.sequence is not None:
        return _find_sequences(
            session, wanted, wanted.sequence, start=start, limit=limit
        )
    statement = search_page(
        project_of(session), wanted, after=start.after, limit=limit + 1
    )
    found = [
        Hit(video, [event], Position(_place(event)))
        for event, video in session.execute(statement)
    ]
    page = found[:limit]
    return Hits(page, page[-1].position if len(found) > limit else None)


def every_hit(
    read: Read, wanted: EventSearch, *, most: int | None = None
) -> Iterator[Hit]:
    """Find all hits, in order; each page in a transaction of its own.

    Args:
        read: gives a session, such as `Resources.read`.
        most: how many at most.
    """

    def page_from(start: Position, limit: int) -> Hits:
        return read(
            lambda session: find_hits(session, wanted, start=start, limit=limit)
        )

    position: Position | None = Position()
    left = most
    while position is not None and left != 0:
        limit = READ_AT_ONCE if left is None else min(READ_AT_ONCE, left)
        page = page_from(position, limit)
        yield from page.found
        position = page.following
        left = None if left is None else left - len(page.found)


def _find_sequences(
    session: Session,
    wanted: EventSearch,
    sequence: SequenceWanted,
    *,
    start: Position,
    limit: int,
) -> Hits:
    """Look around so many anchors at most: a page ends there, full or not."""
    project_id = project_of(session)
    step = start.step
    if step is None:
        step = rarest_step(session, project_id, sequence)
    rows = session.execute(
        sequences_page(
            *(project_id, wanted, sequence, step),
            after=start.after,
            limit=limit + 1,
            most_anchors=MOST_ANCHORS,
        )
    ).all()
    found = _read_hits(session, rows[:limit], step)
    if len(rows) > limit:
        last = rows[limit - 1]
        following = Position((last.video_id, last.time_ms, last.event_id), step)
        return Hits(found, following)
    label = sequence.labels[step]
    looked_at = anchors(
        project_id, wanted, label, after=start.after, limit=MOST_ANCHORS
    )
    end = session.execute(looked_at.limit(1).offset(MOST_ANCHORS - 1)).first()
    if end is None:
        return Hits(found, None)
    return Hits(found, Position((end.video_id, end.time_ms, end.event_id), step))


def _read_hits(session: Session, rows: Sequence[Row[Any]], step: int) -> list[Hit]:
    """Read the events of sequences, but for those that have changed meanwhile."""
    if not rows:
        return []
    places = {(row.video_id, one) for row in rows for one in row.steps}
    events = {
        (event.video_id, event.event_id): event
        for event in session.scalars(events_of(places))
    }
    ids = {row.video_id for row in rows}
    videos = {video.id: video for video in session.scalars(videos_of(ids))}
    return [
        Hit(
            videos[row.video_id],
            [events[row.video_id, one] for one in row.steps],
            Position((row.video_id, row.time_ms, row.event_id), step),
        )
        for row in rows
        if row.video_id in videos
        and all((row.video_id, one) in events for one in row.steps)
    ]


def rarest_step(session: Session, project_id: UUID, sequence: SequenceWanted) -> int:
    """Choose the step whose type has the fewest events; of several the last."""
    labels = sequence.labels
    counted = session.execute(frequencies(project_id, set(labels))).all()
    counts: dict[str, int] = {row[0]: row[1] for row in counted}
    steps = range(len(labels))
    return min(steps, key=lambda step: (counts.get(labels[step], 0), -step))


def _place(event: SearchedEvent) -> Place:
    return event.video_id, event.time_ms, event.event_id

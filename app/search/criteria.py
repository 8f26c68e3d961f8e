"""What a search looks for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, or_

from app.annotations.selection import SHOWN
from app.annotations.states import State
from app.search.tables import SearchedCount, SearchedEvent
from app.videos.search import VideoFilter

EventColumns = type[SearchedEvent]  # or an alias of it
ALL_STATES: frozenset[State] = SHOWN | {"rejected"}


@dataclass(frozen=True, slots=True)
class SequenceWanted:
    """Events of these types one after another.

    Attributes:
        labels: two at least.
        within_ms: from the first to the last at most.
        same_team: whether one team does all of them.
    """

    labels: tuple[str, ...]
    within_ms: int
    same_team: bool = False


@dataclass(frozen=True, slots=True)
class EventSearch:
    """What is looked for; None and () ask for nothing.

    Attributes:
        teams: as the event has it, or as the match facts call it.
        players: of a sequence: whoever does one of its events.
        min_score: of suggestions; what a person decided is found whatever its score.
        videos: which matches.
        sequence: None: single events. Else `labels` is empty.
    """

    labels: Sequence[str] = ()
    teams: Sequence[str] = ()
    players: Sequence[str] = ()
    states: frozenset[State] = SHOWN
    min_score: float | None = None
    videos: VideoFilter = field(default_factory=VideoFilter)
    is_descending: bool = True
    sequence: SequenceWanted | None = None

    @property
    def is_narrow(self) -> bool:
        """Whether it asks for more of an event than one type."""
        return (
            len(self.labels) > 1
            or bool(self.teams)
            or self.min_score is not None
            or not self.states >= SHOWN
        )

    def conditions(
        self, event: EventColumns = SearchedEvent
    ) -> Iterator[ColumnElement[bool]]:
        """Write what an event must hold, but for its type and its player."""
        yield from self._shared(event)
        if self.min_score is not None:
            is_decided = event.state != "suggested"
            yield or_(is_decided, event.score >= self.min_score)

    def count_conditions(self) -> Iterator[ColumnElement[bool]]:
        """Write what a match must have events of, likewise."""
        count = SearchedCount
        yield from self._shared(count)
        if self.min_score is not None:
            is_decided = count.state != "suggested"
            yield or_(is_decided, count.max_score >= self.min_score)

    def _shared(
        self, row: EventColumns | type[SearchedCount]
    ) -> Iterator[ColumnElement[bool]]:
        if self.states < ALL_STATES:
            yield row.state.in_(sorted(self.states))
        if self.teams:
            yield or_(row.team.in_(self.teams), row.team_name.in_(self.teams))

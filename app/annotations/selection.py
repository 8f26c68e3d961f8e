"""Which events of a merged timeline are asked for."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from app.annotations.merge import TimelineEvent
from app.annotations.states import State

SHOWN: frozenset[State] = frozenset({"suggested", "accepted", "edited", "added"})


@dataclass(frozen=True, slots=True)
class EventQuery:
    """What a request asks for; None and () mean all.

    Attributes:
        min_score: of suggestions; what a person decided is there whatever its score.
        from_ms: included; so is `to_ms`.
    """

    labels: Sequence[str] = ()
    teams: Sequence[str] = ()
    min_score: float | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    is_descending: bool = False
    states: frozenset[State] = SHOWN
    is_human: bool = False  # only what people saw first


def select_events(
    events: Sequence[TimelineEvent],
    wanted: EventQuery,
    *,
    after: tuple[int, int] | None = None,
    limit: int | None = None,
) -> list[TimelineEvent]:
    """Select from events in order of (time, id).

    Args:
        after: the place of the last event of the page before.
        limit: how many at most; None: all.
    """
    start, end = 0, len(events)
    if wanted.from_ms is not None:
        start = bisect_left(events, wanted.from_ms, key=_time_ms)
    if wanted.to_ms is not None:
        end = bisect_right(events, wanted.to_ms, key=_time_ms)
    if after is not None and wanted.is_descending:
        end = min(end, bisect_left(events, after, key=_place))
    elif after is not None:
        start = max(start, bisect_right(events, after, key=_place))
    places = range(start, end)
    ordered: Iterable[int] = reversed(places) if wanted.is_descending else places
    passes = _test(wanted)
    found = (events[place] for place in ordered if passes(events[place]))
    return list(islice(found, limit))


def _test(wanted: EventQuery) -> Callable[[TimelineEvent], bool]:
    labels, teams = frozenset(wanted.labels), frozenset(wanted.teams)

    def passes(event: TimelineEvent) -> bool:
        return (
            event.state in wanted.states
            and (not wanted.is_human or event.source == "human")
            and (not labels or event.label in labels)
            and (not teams or event.team in teams)
            and (
                wanted.min_score is None
                or event.state != "suggested"
                or (event.score or 0.0) >= wanted.min_score
            )
        )

    return passes


def _time_ms(event: TimelineEvent) -> int:
    return event.time_ms


def _place(event: TimelineEvent) -> tuple[int, int]:
    return event.place

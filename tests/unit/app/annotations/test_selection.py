"""Events are selected and paged as a plain reading of the query would."""

from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.annotations.merge import TimelineEvent
from app.annotations.selection import EventQuery, select_events
from app.annotations.states import State

STATES: tuple[State, ...] = ("suggested", "accepted", "rejected", "edited", "added")


def event(number: int, time_ms: int, state: State, score: float) -> TimelineEvent:
    team = ("left", None)[number % 2]
    return TimelineEvent(
        id=UUID(int=(number * 7919) % 1000),
        state=state,
        source="model",
        label=("PASS", "DRIVE")[number % 3 == 0],
        time_ms=time_ms,
        frame=time_ms,
        score=score,
        attributes={"team": team} if team else {},
    )


events_st = st.lists(
    st.builds(
        event,
        st.integers(0, 999),
        st.integers(0, 20),
        st.sampled_from(STATES),
        st.sampled_from([0.1, 0.5, 0.9]),
    ),
    max_size=30,
    unique_by=lambda one: one.id,
).map(lambda found: sorted(found, key=lambda one: one.place))
queries_st = st.builds(
    EventQuery,
    labels=st.sampled_from([(), ("PASS",), ("PASS", "DRIVE")]),
    teams=st.sampled_from([(), ("left",)]),
    min_score=st.none() | st.sampled_from([0.0, 0.5, 1.0]),
    from_ms=st.none() | st.integers(0, 20),
    to_ms=st.none() | st.integers(0, 20),
    is_descending=st.booleans(),
    states=st.frozensets(st.sampled_from(STATES)),
)


def plainly(events: list[TimelineEvent], query: EventQuery) -> list[TimelineEvent]:
    found = [
        one
        for one in events
        if one.state in query.states
        and (not query.labels or one.label in query.labels)
        and (not query.teams or one.attributes.get("team") in query.teams)
        and (query.from_ms is None or one.time_ms >= query.from_ms)
        and (query.to_ms is None or one.time_ms <= query.to_ms)
        and (
            query.min_score is None
            or one.state != "suggested"
            or (one.score or 0) >= query.min_score
        )
    ]
    return found[::-1] if query.is_descending else found


@settings(derandomize=True, database=None, max_examples=200, deadline=None)
@given(events_st, queries_st, st.integers(1, 5))
@pytest.mark.slow
def test_pages_together_are_what_passes(
    events: list[TimelineEvent], query: EventQuery, limit: int
) -> None:
    assert select_events(events, query) == plainly(events, query)

    pages: list[TimelineEvent] = []
    while True:
        after = pages[-1].place if pages else None
        page = select_events(events, query, after=after, limit=limit)
        pages += page
        if len(page) < limit:
            break
    assert pages == plainly(events, query)

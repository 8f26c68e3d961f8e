"""Suggestions and decisions become one timeline: nothing said is lost or doubled."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.annotations.merge import TimelineEvent, match, merge, merged
from app.annotations.states import Anchor, Decided, EventState
from app.timelines.suggestions import Suggestion, suggestion_id

VIDEO = UUID(int=99)
THEN, NOW = UUID(int=1), UUID(int=2)  # analyses
TOLERANCE_MS = 500
WHEN = datetime(2026, 1, 2, tzinfo=UTC)


def suggested(
    label: str, time_ms: int, *, score: float = 0.8, is_ghost: bool = False
) -> Suggestion:
    """Suggest an event; a frame is a millisecond here."""
    name = suggestion_id(VIDEO, label, time_ms)
    return Suggestion(name, label, time_ms, time_ms, score, None, is_ghost)


def decided(
    label: str,
    time_ms: int,
    *,
    state: str = "accepted",
    was: tuple[str, int] | None = None,
    analysis_id: UUID = THEN,
) -> Decided:
    """Decide an event; `was`: label and time that the model gave it."""
    anchor_label, anchor_ms = was or (label, time_ms)
    event = EventState.suggested(suggested(anchor_label, anchor_ms), analysis_id)
    event = replace(event, label=label, frame=time_ms, time_ms=time_ms, author="a")
    return Decided(replace(event, state=state, decided_at=WHEN), 7)  # type: ignore[arg-type]  # one of the states


def added(label: str, time_ms: int, *, number: int = 1) -> Decided:
    """Add an event of a person."""
    event_id = UUID(int=1000 + number)
    return Decided(EventState(event_id, "added", label, time_ms, time_ms), 7)


def timeline(
    suggestions: list[Suggestion], decisions: list[Decided]
) -> list[TimelineEvent]:
    return merge(suggestions, decisions, tolerance_ms=TOLERANCE_MS, analysis_id=NOW)


def told(events: list[TimelineEvent]) -> list[tuple[str, str, int]]:
    return [(event.state, event.label, event.time_ms) for event in events]


def test_the_very_suggestion_takes_its_decision_wherever_it_was_moved() -> None:
    events = timeline(
        [suggested("PASS", 1000, score=0.3), suggested("PASS", 9000)],
        [decided("SHOT", 5000, state="edited", was=("PASS", 1000))],
    )

    assert told(events) == [("edited", "SHOT", 5000), ("suggested", "PASS", 9000)]
    assert (events[0].score, events[0].version) == (0.3, 7)


@pytest.mark.parametrize(("distance", "count"), [(0, 1), (500, 1), (501, 2)])
def test_another_analysis_suggests_the_same_event_within_the_tolerance(
    distance: int, count: int
) -> None:
    for sign in (1, -1):
        events = timeline(
            [suggested("PASS", 2000 + sign * distance)], [decided("PASS", 2000)]
        )
        assert len(events) == count


def test_another_type_is_another_event() -> None:
    events = timeline([suggested("SHOT", 2000)], [decided("PASS", 2000)])

    assert len(events) == 2


def test_the_nearest_takes_the_decision_and_the_other_stays() -> None:
    events = timeline(
        [suggested("PASS", 1700), suggested("PASS", 2100)],
        [decided("PASS", 2000, state="rejected")],
    )

    assert told(events) == [("suggested", "PASS", 1700), ("rejected", "PASS", 2000)]


def test_of_two_decisions_each_takes_one() -> None:
    events = timeline(
        [suggested("PASS", 2050), suggested("PASS", 2300)],
        [decided("PASS", 2000), decided("PASS", 2100)],
    )

    assert told(events) == [("accepted", "PASS", 2000), ("accepted", "PASS", 2100)]


def test_other_suggestions_of_the_same_analysis_are_other_events() -> None:
    suggestions = [suggested("PASS", 1900)]
    ghost = decided("PASS", 2000, analysis_id=NOW)  # its own is below the threshold

    assert len(timeline(suggestions, [ghost])) == 2
    assert len(timeline(suggestions, [decided("PASS", 2000)])) == 1


def test_an_event_made_another_type_is_neither_of_what_it_was_and_is() -> None:
    decision = decided("SHOT", 2000, state="edited", was=("PASS", 2000))

    events = timeline([suggested("PASS", 2040), suggested("SHOT", 2010)], [decision])

    assert told(events) == [("edited", "SHOT", 2000)]


def test_a_nudged_event_takes_one_suggestion_only() -> None:
    decision = decided("PASS", 2100, state="edited", was=("PASS", 2000))

    events = timeline([suggested("PASS", 2000), suggested("PASS", 2200)], [decision])

    assert told(events) == [("edited", "PASS", 2100), ("suggested", "PASS", 2200)]


def test_an_event_moved_far_takes_what_lies_where_it_is_now() -> None:
    decision = decided("PASS", 9000, state="edited", was=("PASS", 2000))

    events = timeline([suggested("PASS", 2100), suggested("PASS", 9100)], [decision])

    assert told(events) == [("edited", "PASS", 9000)]


def test_what_a_person_added_has_no_score_whatever_the_model_says_later() -> None:
    events = timeline([suggested("PASS", 2100)], [added("PASS", 2000)])

    assert told(events) == [("added", "PASS", 2000)]
    assert (events[0].score, events[0].source) == (None, "human")


def test_a_decision_without_a_suggestion_keeps_the_score_it_had() -> None:
    (event,) = timeline([], [decided("PASS", 2000)])

    assert event.score == 0.8


def test_a_decided_ghost_is_an_event_and_no_ghost() -> None:
    (event,) = timeline(
        [suggested("PASS", 2000, is_ghost=True, score=0.2)],
        [decided("PASS", 2000, analysis_id=NOW)],
    )

    assert (event.state, event.is_ghost, event.score) == ("accepted", False, 0.2)


def test_events_of_before_are_used_again_while_they_hold() -> None:
    suggestions = [suggested("PASS", 1000), suggested("SHOT", 1000)]
    decisions = [decided("PASS", 1000), decided("SHOT", 1000)]
    by_id = {one.id: one for one in suggestions}
    taken = match(suggestions, decisions, tolerance_ms=500, analysis_id=NOW)
    before = {one.id: one for one in merged([], by_id, decisions, taken)}
    moved = decided("SHOT", 2000, state="edited", was=("SHOT", 1000))
    later = [decisions[0], replace(moved, revision=8)]

    after = {one.id: one for one in merged([], by_id, later, taken, before)}

    kept, new = (one.event.event_id for one in decisions)
    assert after[kept] is before[kept]
    assert (after[new].time_ms, after[new].version) == (2000, 8)


labels = st.sampled_from(["PASS", "DRIVE"])
times = st.integers(0, 6000)
suggestions_st = st.lists(
    st.builds(
        suggested,
        labels,
        times,
        score=st.sampled_from([0.2, 0.5, 0.9]),
        is_ghost=st.booleans(),
    ),
    max_size=25,
    unique_by=lambda one: one.id,
)
decisions_st = st.lists(
    st.one_of(
        st.builds(
            decided,
            labels,
            times,
            state=st.sampled_from(["accepted", "rejected", "edited"]),
            was=st.none() | st.tuples(labels, times),
            analysis_id=st.sampled_from([THEN, NOW]),
        ),
        st.builds(added, labels, times, number=st.integers(1, 50)),
    ),
    max_size=25,
    unique_by=lambda one: one.event.event_id,
)
thorough = settings(derandomize=True, database=None, max_examples=100, deadline=None)


@thorough
@given(suggestions_st, decisions_st)
def test_no_decision_is_lost_or_changed(
    suggestions: list[Suggestion], decisions: list[Decided]
) -> None:
    found = {event.id: event for event in timeline(suggestions, decisions)}

    for decision in decisions:
        event, said = found[decision.event.event_id], decision.event
        assert (event.state, event.label, event.frame, event.time_ms) == (
            *(said.state, said.label, said.frame, said.time_ms),
        )
        assert (event.version, event.author) == (decision.revision, said.author)
        assert not event.is_ghost


@thorough
@given(suggestions_st, decisions_st)
def test_every_suggestion_is_shown_once_or_taken_by_one_decision(
    suggestions: list[Suggestion], decisions: list[Decided]
) -> None:
    taken = match(suggestions, decisions, tolerance_ms=TOLERANCE_MS, analysis_id=NOW)
    events = timeline(suggestions, decisions)

    by_id = {one.id: one for one in suggestions}
    said = {one.event.event_id: one.event for one in decisions}
    ids = [event.id for event in events]
    assert len(ids) == len(set(ids))
    assert set(ids) == (by_id.keys() - taken.keys()) | said.keys()
    for name, event_id in taken.items():
        assert name == event_id or _is_near(by_id[name], said[event_id])
    # Beside its own, a decision takes one for what it was and one for what it is.
    others = Counter(taker for name, taker in taken.items() if name != taker)
    assert all(count <= 2 for count in others.values())
    places = [event.place for event in events]
    assert places == sorted(places)


@pytest.mark.costly
@thorough
@given(suggestions_st, decisions_st, st.randoms(use_true_random=False))
@pytest.mark.slow
def test_the_order_of_what_is_given_does_not_matter(
    suggestions: list[Suggestion], decisions: list[Decided], random: Random
) -> None:
    before = timeline(suggestions, decisions)
    random.shuffle(suggestions)
    random.shuffle(decisions)

    assert timeline(suggestions, decisions) == before


@thorough
@given(suggestions_st, decisions_st)
@pytest.mark.slow
def test_showing_ghosts_changes_nothing_else(
    suggestions: list[Suggestion], decisions: list[Decided]
) -> None:
    with_ghosts = timeline(suggestions, decisions)
    without = timeline([one for one in suggestions if not one.is_ghost], decisions)

    shown = [(one.id, one.state) for one in with_ghosts if not one.is_ghost]
    assert shown == [(one.id, one.state) for one in without]


@thorough
@given(suggestions_st, decisions_st)
@pytest.mark.slow
def test_a_suggestion_is_left_only_if_every_near_decision_has_another(
    suggestions: list[Suggestion], decisions: list[Decided]
) -> None:
    """No decision of another analysis stands free beside a suggestion of its event."""
    real = [one for one in suggestions if not one.is_ghost]
    taken = match(real, decisions, tolerance_ms=TOLERANCE_MS, analysis_id=NOW)

    takers = set(taken.values())
    for one in real:
        if one.id in taken:
            continue
        for decision in decisions:
            anchor = decision.event.anchor
            if anchor is not None and anchor.analysis_id == NOW:
                continue
            if _is_near(one, decision.event):
                assert decision.event.event_id in takers


def _is_near(one: Suggestion, event: EventState) -> bool:
    places = [(event.label, event.time_ms)]
    if event.anchor is not None:
        places.append((event.anchor.label, event.anchor.time_ms))
    return any(
        one.label == label and abs(one.time_ms - time_ms) <= TOLERANCE_MS
        for label, time_ms in places
    )


def test_a_state_comes_back_from_the_log_as_it_was() -> None:
    event = decided("SHOT", 5000, state="edited", was=("PASS", 1000)).event
    bare = EventState(UUID(int=3), "added", "PASS", 1, 40, author="a", decided_at=WHEN)

    for one in (event, replace(event, attributes={"player": 7, "x": True}), bare):
        assert EventState.from_json(one.event_id, one.to_json()) == one
    assert Anchor("PASS", 1, 40, "left").attributes == {"team": "left"}

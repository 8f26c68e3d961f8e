"""The order of a review, what is counted of a timeline, and what a decision costs."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import numpy as np
import pytest

from app.annotations.calibration import Verdict, draw_calibrations
from app.annotations.decision_cost import STATED_S, Cost, Decided, decision_cost
from app.annotations.estimate import Tally, TypeTally
from app.annotations.merge import TimelineEvent
from app.annotations.priority import (
    SAMPLE_EVERY,
    ReviewItem,
    Stretches,
    order_of,
    tally_of,
)
from app.annotations.states import Source, State

SPACE = UUID(int=7)
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def event(
    time_s: float,
    score: float | None,
    *,
    label: str = "PASS",
    state: State = "suggested",
    source: Source = "model",
    is_ghost: bool = False,
) -> TimelineEvent:
    return TimelineEvent(
        id=uuid5(SPACE, f"{label}@{time_s}"),
        state=state,
        source=source,
        label=label,
        time_ms=round(time_s * 1000),
        frame=round(time_s * 30),
        score=score,
        attributes={},
        is_ghost=is_ghost,
    )


def ordered(
    events: list[TimelineEvent], *, stretches: Stretches = ()
) -> list[ReviewItem]:
    rng = np.random.default_rng(0)
    draws = draw_calibrations([], ["DRIVE", "PASS"], draws=500, rng=rng)
    return order_of(events, stretches=stretches, calibrations=draws)


def by_gain(items: list[ReviewItem]) -> list[ReviewItem]:
    return [item for item in items if item.reason != "sample"]


def test_what_is_nearest_to_the_threshold_comes_first_from_both_sides() -> None:
    suggested = [event(10 * n, score) for n, score in enumerate((0.9, 0.55, 0.7))]
    ghosts = [
        event(100 + 10 * n, score, is_ghost=True) for n, score in enumerate((0.12, 0.4))
    ]

    items = by_gain(ordered(suggested + ghosts))

    first = {item.event.score: item.reason for item in items[:2]}
    assert first == {0.55: "doubt", 0.4: "ghost"}
    gains = [item.gain for item in items]
    assert gains == sorted(gains, reverse=True)
    assert all(0 <= gain <= 1 for gain in gains)


def test_two_types_at_one_moment_are_checked_before_one_alone() -> None:
    alone, first = event(10, 0.8), event(20, 0.8)
    second = event(20.6, 0.85, label="DRIVE")
    far = event(31, 0.85, label="DRIVE")

    items = {item.event.id: item for item in ordered([alone, first, second, far])}

    assert items[first.id].gain > items[alone.id].gain
    assert items[first.id].other == second.id
    assert items[first.id].reason == "disagreement"
    assert items[second.id].gain > items[far.id].gain
    assert items[far.id].other is None
    assert items[first.id].probability == items[alone.id].probability


def test_what_a_person_decided_and_what_is_reviewed_is_not_asked_again() -> None:
    events = [
        event(1, 0.5),
        event(2, 0.5, state="accepted"),
        event(3, 0.5, state="rejected"),
        event(4, None, state="added", source="human"),
        event(50, 0.5),
        event(51, 0.3, is_ghost=True),
    ]

    items = ordered(events, stretches=[(40_000, 51_000)])

    assert [item.event.time_ms for item in items] == [1000, 51_000]


def test_a_rejected_neighbour_is_no_disagreement_and_an_accepted_one_is() -> None:
    one = event(20, 0.8)
    beside = [event(20.5, 0.8, label="DRIVE", state="rejected")]
    gains = {"rejected": ordered([one, *beside])[0].gain}
    beside = [event(20.5, 0.8, label="DRIVE", state="accepted")]
    gains["accepted"] = ordered([one, *beside])[0].gain

    assert gains["rejected"] == pytest.approx(1 - ordered([one])[0].probability)
    assert gains["accepted"] > gains["rejected"]


def test_every_fifth_is_picked_at_random_and_all_are_there_once() -> None:
    scores = np.linspace(0.3, 0.99, 203)
    events = [event(10 * n, float(score)) for n, score in enumerate(scores)]

    items = ordered(events)

    assert sorted(item.event.time_ms for item in items) == [
        one.time_ms for one in events
    ]
    samples = [n for n, item in enumerate(items) if item.reason == "sample"]
    assert samples == list(range(SAMPLE_EVERY - 1, len(items), SAMPLE_EVERY))
    picked = [items[n].event.score or 0 for n in samples[:20]]
    assert np.mean(picked) == pytest.approx(np.mean(scores), abs=0.12)
    assert items == ordered(events)


def test_what_is_known_of_a_timeline_is_counted() -> None:
    moved = event(5, 0.7, label="DRIVE", state="edited")
    taken = event(22, None, state="added", source="human")
    events = [
        event(1, 0.9),
        event(2, 0.2, is_ghost=True),
        event(3, 0.8, state="accepted"),
        event(4, 0.6, state="rejected"),
        moved,  # the network said PASS
        event(10, 0.5),  # from here on in a reviewed stretch
        event(11, 0.3, is_ghost=True),
        event(12, None, state="added", source="human"),
        taken,
        event(30, None, state="added", source="human"),  # beyond it
        event(31, None, state="rejected", source="human"),
    ]

    tally = tally_of(
        events,
        said={moved.id: "PASS"},
        hinted={taken.id},
        stretches=[(10_000, 25_000)],
        duration_ms=60_000,
        has_ghosts=True,
    )

    assert tally == Tally(
        types={
            "PASS": TypeTally(right=1 + 1 + 3, undecided=[0.9], ghosts=[0.2], added=1),
            "DRIVE": TypeTally(right=1),
        },
        verdicts=[
            Verdict("PASS", 0.8, True),
            Verdict("PASS", 0.6, False),
            Verdict("PASS", 0.7, False),
            Verdict("PASS", 0.5, True),
            Verdict("PASS", 0.3, False),
        ],
        reviewed_s=15.0,
        duration_s=60.0,
        has_ghosts=True,
    )


def test_the_end_of_a_stretch_is_not_in_it() -> None:
    def undecided(time_s: float) -> int:
        tally = tally_of(
            [event(time_s, 0.5)],
            said={},
            hinted=(),
            stretches=[(1000, 2000), (5000, 6000)],
            duration_ms=9000,
            has_ghosts=True,
        )
        return len(tally.types["PASS"].undecided)

    assert [undecided(s) for s in (0.999, 1, 1.999, 2, 4.999, 5, 5.999, 6)] == [
        *(1, 0, 0, 1),
        *(1, 0, 0, 1),
    ]


def steps_of(author: str, *, gap_s: float, count: int) -> list[Decided]:
    return [
        Decided(author, NOON + timedelta(seconds=gap_s * number))
        for number in range(count)
    ]


def test_a_decision_costs_the_median_time_between_two_of_one_person() -> None:
    steps = steps_of("me", gap_s=3, count=30) + steps_of("you", gap_s=2, count=11)

    assert decision_cost(steps, asked_s=None) == Cost(3.0, "measured")
    assert decision_cost(reversed(steps), asked_s=None) == Cost(3.0, "measured")
    assert decision_cost(steps, asked_s=7.5) == Cost(7.5, "asked")


@pytest.mark.parametrize(
    "steps",
    [
        [],
        steps_of("me", gap_s=3, count=20),  # 19 gaps
        steps_of("me", gap_s=61, count=100),  # each after a break
        [Decided(f"author {n}", NOON) for n in range(100)],
    ],
)
def test_too_few_decisions_measure_nothing(steps: list[Decided]) -> None:
    assert decision_cost(steps, asked_s=None) == Cost(STATED_S, "stated")

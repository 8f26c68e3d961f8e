"""Counts, bins and tempo of small timelines made by hand."""

from typing import Any

import pytest

from app.statistics.counts import Count, bin_events, count_events, measure_tempo
from app.statistics.play import Half, half_at, halves_of, team_names
from tests.unit.app.statistics.timelines import moments

FIRST, SECOND = Half(1, 10, 610, 0), Half(2, 700, 1300, 600)
HALVES = [FIRST, SECOND]


@pytest.mark.parametrize(
    ("time_s", "half"),
    [
        (9.999, None),
        (10, FIRST),
        (609.999, FIRST),
        (610, None),
        (699.999, None),
        (700, SECOND),
        (1300, SECOND),
        (1300.001, None),
    ],
)
def test_a_half_begins_with_its_kick_off(time_s: float, half: Half | None) -> None:
    assert half_at(HALVES, time_s) is half


def test_halves_without_an_end_last_until_the_next() -> None:
    facts: list[dict[str, Any]] = [
        {"start_s": 10, "end_s": None, "clock_start_s": None},
        {"start_s": 700, "end_s": None, "clock_start_s": None},
        {"start_s": 900, "end_s": 5000, "clock_start_s": 2700},
    ]

    assert halves_of(facts, end_s=1000) == [
        Half(1, 10, 700, 0),
        Half(2, 700, 900, 690),
        Half(3, 900, 1000, 2700),
    ]
    assert halves_of(None, end_s=1000) == [Half(None, 0, 1000)]
    beyond = [{"start_s": 700, "end_s": None, "clock_start_s": None}]
    assert halves_of(beyond, end_s=100) == [Half(1, 700, 700, 0)]


def test_events_are_counted_by_type_team_and_half() -> None:
    timeline = moments(
        *((5, "PASS", "A"), (20, "PASS", "A"), (21, "PASS", "B"), (22, "PASS", "A")),
        *((700, "PASS", "A"), (701, "SHOT", None), (702, "SHOT", None)),
    )

    assert count_events(timeline, HALVES) == [
        Count("PASS", "A", 1, 2),
        Count("PASS", "B", 1, 1),
        Count("PASS", "A", 2, 1),
        Count("SHOT", None, 2, 2),
        Count("PASS", "A", None, 1),
    ]


def test_bins_begin_with_the_half_and_end_with_it() -> None:
    halves = [Half(1, 10, 710, 0), Half(2, 800, 900, 2700)]
    timeline = moments(
        *((5, "PASS", "A"), (10, "PASS", "A"), (309.9, "SHOT", "A")),
        *((310, "PASS", "B"), (709, "PASS", "A"), (720, "PASS", "A")),
        (900, "PASS", "B"),
    )

    bins = bin_events(timeline, halves, bin_s=300)

    assert [(one.half, one.from_s, one.to_s, one.clock_from_s) for one in bins] == [
        *((1, 10, 310, 0), (1, 310, 610, 300), (1, 610, 710, 600)),
        (2, 800, 900, 2700),
    ]
    assert [one.count for one in bins] == [2, 1, 1, 1]
    assert bins[0].counts == (Count("PASS", "A", 1, 1), Count("SHOT", "A", 1, 1))
    assert bins[3].counts == (Count("PASS", "B", 2, 1),)


def test_empty_bins_are_there() -> None:
    bins = bin_events([], [Half(None, 0, 900)], bin_s=300)

    assert [(one.to_s, one.count) for one in bins] == [(300, 0), (600, 0), (900, 0)]
    assert [one.count for one in bin_events([], [Half(None, 0, 0)], bin_s=300)] == [0]


def test_the_last_moment_belongs_to_the_last_bin() -> None:
    bins = bin_events(moments((600, "PASS", "A")), [Half(None, 0, 600)], bin_s=300)

    assert [one.count for one in bins] == [0, 1]


def test_tempo_is_events_a_minute_of_play() -> None:
    timeline = moments(
        *((5, "PASS", "A"), (650, "PASS", "A")),  # not in play
        *((20, "PASS", "A"), (21, "PASS", "B"), (22, "PASS", None)),
        (1200, "PASS", "B"),
    )

    match, first, second = measure_tempo(timeline, HALVES)

    assert (match.half, match.minutes, match.count) == (None, 20, 4)
    assert match.per_minute == pytest.approx(0.2)
    assert match.teams == (("A", 1), ("B", 2))
    assert (first.half, first.minutes, first.count) == (1, 10, 3)
    assert second.rate(1) == pytest.approx(0.1)


def test_tempo_of_no_time_is_none() -> None:
    (match,) = measure_tempo([], [Half(None, 0, 0)])

    assert (match.count, match.per_minute) == (0, None)


def test_a_side_and_a_name_are_one_team() -> None:
    facts = [
        {"name": "Reds", "side": "left", "colour": None},
        {"name": "Harbour", "side": None, "colour": None},
    ]

    assert team_names(facts) == {"left": "Reds", "Reds": "Reds", "Harbour": "Harbour"}
    assert team_names(None) == {}

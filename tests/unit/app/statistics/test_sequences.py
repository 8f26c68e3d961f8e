"""Sequences and the passes before a shot, of small timelines made by hand."""

from app.statistics.play import Half
from app.statistics.sequences import (
    Chain,
    count_labels,
    find_chains,
    longest_chains,
    passes_before_shots,
)
from tests.unit.app.statistics.timelines import moments

WHOLE = [Half(None, 0, 1000)]


def times(chains: list[Chain]) -> list[tuple[str | None, list[float]]]:
    """Show sequences as teams with times."""
    return [(one.team, [each.time_s for each in one.moments]) for one in chains]


def test_the_other_team_ends_a_sequence() -> None:
    timeline = moments(
        *((1, "PASS", "A"), (2, "DRIVE", "A"), (3, "PASS", "B"), (4, "PASS", "A"))
    )

    assert times(find_chains(timeline, WHOLE)) == [
        ("A", [1, 2]),
        ("B", [3]),
        ("A", [4]),
    ]


def test_a_gap_ends_a_sequence_its_end_does_not() -> None:
    timeline = moments((1, "PASS", "A"), (6, "PASS", "A"), (11.001, "PASS", "A"))

    assert times(find_chains(timeline, WHOLE, gap_s=5)) == [
        ("A", [1, 6]),
        ("A", [11.001]),
    ]


def test_a_half_ends_a_sequence_and_the_break_has_none() -> None:
    halves = [Half(1, 0, 10, 0), Half(2, 12, 20, 10)]
    timeline = moments(
        *((9, "PASS", "A"), (11, "PASS", "A"), (12, "PASS", "A"), (13, "PASS", "A"))
    )

    chains = find_chains(timeline, halves)

    assert times(chains) == [("A", [9]), ("A", [12, 13])]
    assert [one.half for one in chains] == [1, 2]


def test_an_event_without_a_team_is_passed_over() -> None:
    timeline = moments((1, "PASS", "A"), (2, "OUT", None), (3, "PASS", "A"))

    assert times(find_chains(timeline, WHOLE)) == [("A", [1, 3])]


def test_without_any_team_only_gaps_count() -> None:
    timeline = moments((1, "PASS", None), (2, "PASS", None), (20, "PASS", None))

    assert times(find_chains(timeline, WHOLE)) == [(None, [1, 2]), (None, [20])]
    assert find_chains([], WHOLE) == []


def test_the_longest_have_most_events_then_most_time() -> None:
    timeline = moments(
        *((1, "PASS", "A"), (2, "PASS", "A")),
        *((3, "PASS", "B"), (5, "PASS", "B")),
        (6, "PASS", "A"),
        *((7, "PASS", "B"), (8, "PASS", "B"), (9, "PASS", "B")),
    )
    chains = find_chains(timeline, WHOLE)

    assert times(longest_chains(chains, limit=9)) == [
        ("B", [7, 8, 9]),
        ("B", [3, 5]),
        ("A", [1, 2]),
    ]
    assert len(longest_chains(chains, limit=1)) == 1


def test_passes_before_each_shot_of_its_own_sequence() -> None:
    timeline = moments(
        *((1, "PASS", "B"), (2, "Pass", "A"), (3, "DRIVE", "A"), (4, "CROSS", "A")),
        *((5, "SHOT", "A"), (6, "PASS", "A"), (7, "shot", "A"), (8, "SHOT", "B")),
    )

    found = passes_before_shots(
        find_chains(timeline, WHOLE), passes=["pass", "CROSS"], shots=["SHOT"]
    )

    assert [(one.shot.time_s, one.passes) for one in found] == [(5, 2), (7, 1), (8, 0)]
    assert count_labels(find_chains(timeline, WHOLE)[1], ["PASS"]) == 2

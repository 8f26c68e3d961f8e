"""Who may enter when places are few."""

import pytest

from worker.webhooks.lanes import Lane, Lanes


def fill(lanes: Lanes, lane: Lane) -> int:
    """Let in as many as may; tells how many."""
    count = 0
    while lanes.has_room(lane):
        lanes.enter(lane)
        count += 1
    return count


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ((Lane.SLOW, Lane.NEW, Lane.QUICK), (8, 4, 4)),
        ((Lane.NEW, Lane.SLOW, Lane.QUICK), (12, 0, 4)),
        ((Lane.QUICK, Lane.NEW, Lane.SLOW), (16, 0, 0)),
    ],
)
def test_slow_ones_take_half_and_a_quarter_is_left_to_quick_ones(
    order: tuple[Lane, ...], expected: tuple[int, ...]
) -> None:
    lanes = Lanes(16)

    assert tuple(fill(lanes, lane) for lane in order) == expected
    assert lanes.taken == 16


@pytest.mark.parametrize("lane", Lane)
def test_even_a_single_place_is_open_to_all(lane: Lane) -> None:
    lanes = Lanes(1)

    assert fill(lanes, lane) == 1
    lanes.leave(lane)
    assert fill(lanes, Lane.QUICK) == 1


def test_a_copy_counts_on_by_itself() -> None:
    lanes = Lanes(2)
    lanes.enter(Lane.QUICK)

    copied = lanes.copy()
    copied.enter(Lane.QUICK)

    assert (copied.taken, lanes.taken) == (2, 1)


def test_an_endpoint_is_new_quick_or_slow_by_its_streak() -> None:
    assert [Lane.of(streak) for streak in (None, 0, 1, 9)] == [
        *(Lane.NEW, Lane.QUICK, Lane.SLOW, Lane.SLOW)
    ]

"""The simulated fleet: nothing is lost or done twice; sums that hands can do agree."""

import heapq
import math
import random
from dataclasses import replace

import pytest

from benchmarks.fleet import draw_minutes
from benchmarks.fleet_model import Fleet, Mode, Service, simulate

SERVICE = Service("test", start_s=10.0, a_minute_s=6.0, decode_a_minute_s=2.0)
HOUR = 3600.0
MODES: tuple[Mode, ...] = ("anew", "resume", "segments")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("life_s", [0.2 * HOUR, HOUR, math.inf])
@pytest.mark.parametrize("seed", range(5))
def test_every_match_is_done_once_and_work_is_accounted_for(
    mode: Mode, life_s: float, seed: int
) -> None:
    minutes = draw_minutes(120, seed=seed)
    fleet = Fleet(7, mean_life_s=life_s)

    done = simulate(minutes, SERVICE, fleet, mode, seed=seed)

    assert done.finished == [1] * 120
    assert done.useful_s == pytest.approx(sum(10 + 6 * one for one in minutes))
    assert done.busy_s >= done.useful_s * (1 - 1e-9)
    assert done.up_s >= done.busy_s * (1 - 1e-9)
    assert done.up_s <= done.makespan_s * 7 * (1 + 1e-9)
    assert 0 <= done.wasted < 1
    assert (done.deaths == 0) == (life_s == math.inf)


@pytest.mark.parametrize(("matches", "machines"), [(1, 1), (7, 3), (100, 9), (9, 50)])
def test_without_deaths_equal_matches_take_whole_rounds(
    matches: int, machines: int
) -> None:
    for mode in ("anew", "resume"):
        done = simulate([90.0] * matches, SERVICE, Fleet(machines), mode, seed=1)

        assert done.makespan_s == pytest.approx(
            math.ceil(matches / machines) * (10 + 6 * 90)
        )
        assert done.wasted == pytest.approx(0)


def test_without_deaths_each_match_goes_to_the_machine_that_is_free_first() -> None:
    minutes = draw_minutes(50, seed=3)
    free_at = [0.0] * 6
    for length in minutes:
        heapq.heappush(free_at, heapq.heappop(free_at) + 10 + 6 * length)

    done = simulate(minutes, SERVICE, Fleet(6), "resume", seed=1)

    assert done.makespan_s == pytest.approx(max(free_at))


def test_segments_use_machines_that_a_last_match_would_leave_idle() -> None:
    fleet = Fleet(10, segment_s=600, halo_s=6)

    whole = simulate([100.0], SERVICE, fleet, "anew", seed=1)
    cut = simulate([100.0], SERVICE, fleet, "segments", seed=1)

    assert whole.makespan_s == pytest.approx(10 + 600)
    assert cut.makespan_s == pytest.approx(10 + 6 * 10.1)
    assert cut.busy_s == pytest.approx(10 * cut.makespan_s)


def test_one_interruption_costs_what_it_must() -> None:
    """A machine with one death, whose time is known, against a sum by hand."""
    fleet = Fleet(1, mean_life_s=5000.0, notice_s=0.0, restart_s=100.0)
    seed = next(
        one
        for one in range(1000)
        if simulate([100.0], SERVICE, fleet, "resume", seed=one).deaths == 1
    )
    dies_at = _first_life_s(seed, 5000.0)

    done = simulate([100.0], SERVICE, fleet, "resume", seed=seed)
    anew = simulate([100.0], SERVICE, fleet, "anew", seed=seed)

    saved_s = (dies_at - 10) / 6 * 60 // 60 * 60
    rest_s = 10 + saved_s / 60 * 2 + (6000 - saved_s) / 60 * 6
    assert done.makespan_s == pytest.approx(dies_at + 100 + rest_s)
    assert done.busy_s == pytest.approx(dies_at + rest_s)
    assert anew.makespan_s >= dies_at + 100 + 610 - 1e-9


def test_going_on_wastes_less_than_beginning_anew_where_machines_die_often() -> None:
    minutes, fleet = draw_minutes(300, seed=1), Fleet(10, mean_life_s=0.2 * HOUR)
    service = replace(SERVICE, start_s=1.0)

    lost = {
        mode: simulate(minutes, service, fleet, mode, seed=1).wasted for mode in MODES
    }

    assert lost["resume"] < lost["anew"]
    assert lost["segments"] < lost["anew"]


def test_the_same_seed_gives_the_same_and_another_one_does_not() -> None:
    minutes, fleet = draw_minutes(50, seed=1), Fleet(5, mean_life_s=HOUR)

    first, same, other = (
        simulate(minutes, SERVICE, fleet, "resume", seed=seed) for seed in (1, 1, 2)
    )

    assert first == same
    assert first.makespan_s != other.makespan_s


def test_what_is_saved_more_often_is_lost_less() -> None:
    minutes, fleet = draw_minutes(200, seed=1), Fleet(5, mean_life_s=HOUR / 2)

    often, seldom = (
        simulate(
            minutes,
            replace(SERVICE, decode_a_minute_s=0.0),
            replace(fleet, save_every_s=every_s),
            "resume",
            seed=1,
        ).wasted
        for every_s in (60.0, 1800.0)
    )

    assert often < seldom


def _first_life_s(seed: int, mean_s: float) -> float:
    return random.Random(seed).expovariate(1 / mean_s)

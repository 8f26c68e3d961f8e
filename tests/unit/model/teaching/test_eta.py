"""When a teaching may be done: by the pace of its stages, not by its budget alone."""

import pytest

from model.teaching.eta import Eta


def planned() -> Eta:
    """A teaching whose later stages are known."""
    eta = Eta()
    eta.plan(finetune=100.0, calibrate=10.0, engines=20.0)
    return eta


def test_it_is_what_the_stage_has_taken_so_far_and_what_later_ones_are_planned() -> (
    None
):
    eta = planned()
    eta.left_s("head", 0.0, used_s=50.0, budget_s=2000.0)

    quarter = eta.left_s("head", 0.25, used_s=60.0, budget_s=1990.0)
    half = eta.left_s("head", 0.5, used_s=90.0, budget_s=1960.0)

    assert quarter == pytest.approx(3 * 10.0 + 130.0)
    assert half == pytest.approx(40.0 + 130.0)


def test_a_stage_that_was_gone_on_with_has_the_pace_of_this_try() -> None:
    eta = planned()
    eta.left_s("head", 0.8, used_s=500.0, budget_s=2000.0)

    assert eta.left_s("head", 0.9, used_s=505.0, budget_s=1995.0) == pytest.approx(135)


def test_other_work_of_a_stage_has_a_pace_of_its_own() -> None:
    eta = planned()
    eta.left_s("head", 0.0, used_s=0.0, budget_s=2000.0)
    eta.left_s("head", 0.1, used_s=100.0, budget_s=1900.0)
    eta.begin_anew()
    eta.left_s("head", 1 / 3, used_s=100.0, budget_s=1900.0)

    left_s = eta.left_s("head", 2 / 3, used_s=110.0, budget_s=1890.0)

    assert left_s == pytest.approx(10.0 + 130.0)


def test_it_is_never_more_than_the_budget_where_a_stage_keeps_to_it() -> None:
    eta = planned()
    eta.left_s("finetune", 0.0, used_s=0.0, budget_s=100.0)

    assert eta.left_s("finetune", 0.1, used_s=50.0, budget_s=50.0) == 50.0


def test_what_is_not_known_is_the_budget_and_without_one_nothing() -> None:
    eta = Eta()

    assert eta.left_s("prepare", 0.0, used_s=0.0, budget_s=600.0) == 600.0
    assert eta.left_s("prepare", 0.5, used_s=60.0, budget_s=540.0) == 540.0
    assert eta.left_s("prepare", 0.6, used_s=700.0, budget_s=-100.0) is None


def test_the_last_stages_tell_their_time_after_the_budget_is_over() -> None:
    eta = planned()

    first = eta.left_s("calibrate", 0.0, used_s=700.0, budget_s=-100.0)
    eta.left_s("engines", 0.0, used_s=710.0, budget_s=-110.0)
    last = eta.left_s("engines", 0.3, used_s=713.0, budget_s=-113.0)

    assert first == pytest.approx(30.0)
    assert last == pytest.approx(7.0)

"""Spots meet events by three rules; each case is worked by hand."""

from model.evaluation.matching import Scored, pair_by_event, pair_by_score


def test_the_best_spot_chooses_first_and_takes_the_nearest_event() -> None:
    spots = [Scored(1.2, 0.5), Scored(1.4, 0.9)]

    pairing = pair_by_score(spots, [1.0, 1.5], tolerance_s=0.5)

    assert pairing.event_of.tolist() == [0, 1]


def test_a_second_spot_on_one_event_is_a_false_alarm() -> None:
    spots = [Scored(1.0, 0.9), Scored(1.1, 0.8)]

    pairing = pair_by_score(spots, [1.0], tolerance_s=0.5)

    assert pairing.hits.tolist() == [True, False]


def test_the_end_of_the_tolerance_is_inside_for_both_rules() -> None:
    spots = [Scored(0.1 + 0.2 + 0.2, 0.9)]  # 0.5000000000000001

    by_score = pair_by_score(spots, [0.0, 1.0], tolerance_s=0.5)
    by_event = pair_by_event(spots, [0.0], delta_s=1.0)

    assert by_score.event_of.tolist() == [0]
    assert by_event.event_of.tolist() == [0]


def test_a_spot_whose_nearest_event_is_taken_may_have_the_next_one() -> None:
    spots = [Scored(1.0, 0.9), Scored(1.1, 0.8)]

    pairing = pair_by_score(spots, [1.0, 1.4], tolerance_s=0.5)

    assert pairing.event_of.tolist() == [0, 1]


def test_events_choose_the_best_spot_not_the_nearest_in_soccernets_rule() -> None:
    spots = [Scored(1.0, 0.3), Scored(1.4, 0.9)]

    by_event = pair_by_event(spots, [1.0], delta_s=1.0)
    by_score = pair_by_score(spots, [1.0], tolerance_s=0.1)

    assert by_event.event_of.tolist() == [-1, 0]
    assert by_score.event_of.tolist() == [0, -1]


def test_nothing_meets_nothing() -> None:
    assert pair_by_score([], [], tolerance_s=1).event_of.tolist() == []
    assert pair_by_event([Scored(1, 1)], [], delta_s=1).hits.tolist() == [False]

"""The scripted annotator: what it does to a timeline, and what that costs."""

import pytest

from app.timelines.suggestions import Suggestion, suggestion_id
from benchmarks.review import from_nothing, go_through_list, play
from benchmarks.review_annotator import (
    ADD_S,
    DECIDE_S,
    FIX_S,
    KEY_S,
    SPACE,
    TAG_S,
    Session,
    Truth,
)
from model.data.labels import Event

TRUTH = Truth(
    [
        Event("PASS", 10.0),
        Event("DRIVE", 20.0),
        Event("PASS", 30.0),
        Event("SHOT", 40.0),
    ],
    duration_s=60.0,
)


def said(
    label: str, time_s: float, score: float = 0.8, *, is_ghost: bool = False
) -> Suggestion:
    frame = round(time_s * 30)
    return Suggestion(
        *(suggestion_id(SPACE, label, frame), label, round(time_s * 1000), frame),
        *(score, None, is_ghost),
    )


RIGHT = said("PASS", 10.1)
WRONG_TYPE = said("PASS", 20.1)
GHOST = said("PASS", 30.0, 0.2, is_ghost=True)
FALSE = said("DRIVE", 50.0)
IDLE_GHOST = said("SHOT", 55.0, 0.2, is_ghost=True)
SUGGESTIONS = [RIGHT, WRONG_TYPE, GHOST, FALSE, IDLE_GHOST]


def test_a_timeline_that_was_played_through_is_complete_and_costs_what_it_says() -> (
    None
):
    session = Session(TRUTH, SUGGESTIONS)
    assert list(session.quality()) == pytest.approx([1 / 3, 1 / 4])

    play(session, 1.0)

    assert session.quality() == (1.0, 1.0)
    # The type, the ghost and the false one are set right; the SHOT is added.
    assert session.spent_s == pytest.approx(60 + 3 * FIX_S + ADD_S)


def test_a_list_ends_as_soon_as_it_is_good_enough_and_else_the_video_is_played() -> (
    None
):
    session = Session(TRUTH, SUGGESTIONS)

    go_through_list(session, 1.0, [], is_by_time=False)

    assert session.quality() == (1.0, 1.0)
    # Nothing hints at the SHOT: all were decided, and it was found by playing.
    assert session.spent_s == pytest.approx(5 * DECIDE_S + KEY_S + 60 + ADD_S)

    easy = Session(TRUTH, [RIGHT])
    go_through_list(easy, 0.25, [], is_by_time=False)
    assert easy.spent_s == 0


def test_from_nothing_the_cheaper_way_counts() -> None:
    crowd = [Event("PASS", 10 + 0.1 * number) for number in range(100)]

    assert from_nothing(TRUTH, 1.0) == pytest.approx(60 + 4 * ADD_S)
    assert from_nothing(Truth(crowd, 20.0), 1.0) == pytest.approx(
        40 + 99 * (TAG_S + 2 * KEY_S)
    )
    assert from_nothing(TRUTH, 0.5) == pytest.approx(20 + 2 * ADD_S)

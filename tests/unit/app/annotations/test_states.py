"""What a change makes of an event, and how the log calls it."""

from datetime import UTC, datetime
from uuid import UUID

import numpy as np
import pytest

from app.annotations.changes import Change, Rules, WantedState, changed
from app.annotations.frame_clock import FrameClock
from app.annotations.problems import FrameBeyondEnd
from app.annotations.states import EventState, State, action_between
from app.timelines.suggestions import Suggestion
from model.video.frame_times import FrameTimes


def clock_of(fps: float, frames: int) -> FrameClock:
    """Suppose a constant rate."""
    return FrameClock(FrameTimes.constant(fps=fps, frames=frames))


RULES = Rules(
    clock=lambda: clock_of(25.0, 1000),
    check_label=lambda label: None,
    author="b",
    now=datetime(2026, 1, 2, tzinfo=UTC),
)
SUGGESTED = EventState.suggested(
    Suggestion(UUID(int=1), "PASS", 4013, 100, 0.7, "left"), UUID(int=2)
)


def after(*changes: Change, event: EventState = SUGGESTED) -> EventState:
    for change in changes:
        found = changed(event, change, RULES)
        assert found is not None
        event = found
    return event


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ([Change(state="accepted")], "accepted"),
        ([Change(state="rejected")], "rejected"),
        ([Change(label="SHOT")], "edited"),
        ([Change(label="PASS")], "accepted"),
        ([Change(frame=101)], "edited"),
        ([Change(attributes={"player": "7"})], "edited"),
        ([Change(attributes={"team": None})], "edited"),
        ([Change(frame=101), Change(state="accepted")], "edited"),
        ([Change(frame=101), Change(frame=100)], "accepted"),
        ([Change(state="rejected"), Change(frame=101)], "rejected"),
        ([Change(state="rejected", frame=101), Change(state="accepted")], "edited"),
        ([Change(state="rejected"), Change(state="accepted")], "accepted"),
    ],
)
def test_the_state_says_whether_the_model_was_right(
    changes: list[Change], state: State
) -> None:
    assert after(*changes).state == state


def test_the_models_time_comes_back_with_its_frame() -> None:
    assert after(Change(frame=101)).time_ms == 4040
    assert after(Change(frame=101), Change(frame=100)).time_ms == 4013


@pytest.mark.parametrize("state", ["accepted", "rejected"])
def test_what_is_said_again_changes_nothing(state: WantedState) -> None:
    once = after(Change(state=state))

    assert after(Change(state=state), event=once) is once


@pytest.mark.parametrize(
    ("changes", "action"),
    [
        ([Change(state="accepted")], "accept"),
        ([Change(state="rejected")], "reject"),
        ([Change(frame=101)], "edit"),
        ([Change(state="rejected"), Change(state="accepted")], "accept"),
        ([Change(frame=101, state="rejected"), Change(state="accepted")], "accept"),
        ([Change(frame=101), Change(frame=102)], "edit"),
    ],
)
def test_the_log_names_what_was_done(changes: list[Change], action: str) -> None:
    states = [None, *(after(*changes[: end + 1]) for end in range(len(changes)))]

    assert action_between(states[-2], states[-1]) == action
    assert action_between(states[-1], None) == "reset"


@pytest.mark.parametrize("fps", [23.976, 25.0, 29.97, 30.0, 50.0, 59.94, 120.0])
def test_a_time_in_milliseconds_comes_back_to_its_frame(fps: float) -> None:
    clock = clock_of(fps, 500_000)

    for frame in [*range(2000), *range(490_000, 491_000)]:
        assert clock.frame_at(clock.time_ms_of(frame) / 1000) == frame


def test_there_is_no_frame_beyond_the_last() -> None:
    clock = clock_of(25.0, 100)

    assert clock.frame_at(3.999) == 99
    with pytest.raises(FrameBeyondEnd) as by_time:
        clock.frame_at(4.0)
    with pytest.raises(FrameBeyondEnd) as by_frame:
        clock.time_ms_of(100)
    for caught in (by_time, by_frame):
        assert caught.value.extra["last_frame"] == 99


def test_a_variable_rate_is_followed() -> None:
    clock = FrameClock(FrameTimes(np.array([0.04, 0.08, 1.0, 1.0334]), 1.05))

    assert [clock.time_ms_of(frame) for frame in range(4)] == [40, 80, 1000, 1033]
    told = [0.0, 0.04, 0.079, 0.08, 0.999, 1.0, 1.033, 1.049]
    assert [clock.frame_at(time_s) for time_s in told] == [0, 0, 0, 1, 1, 2, 3, 3]
    with pytest.raises(FrameBeyondEnd):
        clock.frame_at(1.05)

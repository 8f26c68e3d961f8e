"""Both halves of a match in one of SoccerNet's files, and in one video."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.data.formats.base import ReadOptions
from model.data.formats.clock import ConstantRate
from model.data.formats.events import EventFacts, ExportedVideo
from model.data.formats.reading import read_events
from model.data.formats.writing import write_events
from model.errors import CannotWrite

STARTS_S = (12.5, 2890.013)
ROWS = [
    {"gameTime": "1 - 00:10", "label": "PASS", "position": "10000"},
    {"gameTime": "2 - 00:01", "label": "SHOT", "position": "1000"},
]
DATA = json.dumps({"annotations": ROWS}).encode()


def test_which_half_a_video_is_must_be_told_or_when_each_starts() -> None:
    asked = read_events(DATA)
    second = read_events(DATA, options=ReadOptions(half=2))
    both = read_events(DATA, options=ReadOptions(half_starts_s=STARTS_S))

    assert (asked.needs[0].option, asked.needs[0].choices) == ("half", ("1", "2"))
    assert [(e.label, e.time_s) for e in second.events] == [("SHOT", 1.0)]
    assert [(e.label, e.time_s) for e in both.events] == [
        ("PASS", 22.5),
        ("SHOT", pytest.approx(2891.013)),
    ]


def test_a_half_whose_start_is_not_told_is_asked_for() -> None:
    asked = read_events(DATA, options=ReadOptions(half_starts_s=(0.0,)))

    assert asked.needs[0].option == "half_starts_s"


@pytest.mark.parametrize("name", ["soccernet", "soccernet-labels"])
@given(frames=st.sets(st.integers(313, 140_000), max_size=8))
def test_halves_keep_every_frame(name: str, frames: set[int]) -> None:
    clock = ConstantRate(25.0)
    events = [
        EventFacts(str(frame), "PASS", frame * 40, frame, 0.5)
        for frame in sorted(frames)
    ]
    video = ExportedVideo("m", 25.0, half_starts_s=STARTS_S)

    text = write_events(events, video, format=name)
    read = read_events(
        text.encode(), options=ReadOptions(clock, half_starts_s=STARTS_S)
    )

    assert [event.frame for event in read.events] == sorted(frames)
    rows = json.loads(text).popitem()[1]
    halves = [int(row["gameTime"][0]) for row in rows]
    assert halves == [1 if frame / 25 < STARTS_S[1] else 2 for frame in sorted(frames)]


def test_an_event_before_the_first_half_is_refused() -> None:
    video = ExportedVideo("m", 25.0, half_starts_s=STARTS_S)

    with pytest.raises(CannotWrite, match="before the first half"):
        write_events(
            [EventFacts("1", "PASS", 400, 10, None)], video, format="soccernet-labels"
        )

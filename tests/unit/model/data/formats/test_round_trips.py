"""Every format that says so gives back every frame it was given."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.data.formats.base import EventFormat
from model.data.formats.clock import ConstantRate
from model.data.formats.events import EventFacts, ExportedVideo
from model.data.formats.registry import FORMATS, detect
from model.errors import CannotWrite
from tests.unit.model.data.formats.drawn import (
    RATES,
    TEXTS,
    constant_clocks,
    got,
    kept,
    late_clocks,
    round_trip,
    timelines,
    variable_clocks,
)

pytestmark = pytest.mark.slow

# Types as people name them, for the format that has no &, < and >.
PLAIN = st.sampled_from(["PASS", "HIGH PASS", "Tir cadré", "4-4-2; ball, left", "ÖÄ"])
BOTH_WAYS = [one for one in FORMATS.values() if one.read and one.write]
EXACT = [one for one in BOTH_WAYS if one.holds.frames != "none"]
EXACT_ANYWHERE = [one for one in BOTH_WAYS if one.holds.frames == "all"]
WITH_ATTRIBUTES = [one for one in BOTH_WAYS if one.holds.attributes]
by_name = pytest.mark.parametrize


def _texts(one: EventFormat) -> st.SearchStrategy[str]:
    return PLAIN if one.name == "sportscode" else TEXTS


@pytest.mark.costly
@by_name("one", EXACT, ids=lambda one: one.name)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_constant_rate_keeps_every_frame(
    one: EventFormat, data: st.DataObject
) -> None:
    clock = data.draw(constant_clocks())
    events = data.draw(timelines(clock, _texts(one)))

    read = round_trip(one, events, clock)

    assert read.problems == ()
    assert read.needs == ()
    assert got(read) == kept(one, events)


@by_name("one", EXACT_ANYWHERE, ids=lambda one: one.name)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_variable_rate_keeps_every_frame(
    one: EventFormat, data: st.DataObject
) -> None:
    clock = data.draw(variable_clocks())
    events = data.draw(timelines(clock, _texts(one)))

    read = round_trip(one, events, clock)

    assert read.problems == ()
    assert got(read) == kept(one, events)


@pytest.mark.costly
@by_name("one", EXACT, ids=lambda one: one.name)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_video_that_starts_late_keeps_every_frame(
    one: EventFormat, data: st.DataObject
) -> None:
    clock = data.draw(late_clocks())
    events = data.draw(timelines(clock, _texts(one)))

    read = round_trip(one, events, clock)

    assert read.problems == ()
    assert got(read) == kept(one, events)


@by_name("fps", RATES)
@by_name("one", EXACT, ids=lambda one: one.name)
def test_frames_all_over_an_hour_come_back(one: EventFormat, fps: float) -> None:
    frames = [round(second * fps) + second % 3 - 1 for second in range(1, 3601, 7)]
    events = [
        EventFacts(str(n), f"E{n % 5}", round(frame * 1000 / fps), frame, None)
        for n, frame in enumerate(frames)
    ]

    read = round_trip(one, events, ConstantRate(fps))

    assert [event.frame for event in read.events] == frames


@by_name(
    "one", [one for one in BOTH_WAYS if one.holds.attributes], ids=lambda o: o.name
)
def test_attributes_come_back_where_the_format_says_so(one: EventFormat) -> None:
    told = {"Player": "Nº 7", "body part": "left foot", "Lead": "1", "label": "x"}
    if one.name == "osl":  # It has members of these names itself.
        told.pop("label")
    if one.name == "sportscode":  # Its reader keeps what is called like ours apart.
        told = {"Player": "Nº 7", "body part": "left foot"}
    event = EventFacts("1", "PASS", 1000, 25, 0.5, "left", told)

    read = round_trip(one, [event], ConstantRate(25.0))

    assert dict(read.events[0].attributes) == told


@by_name("one", BOTH_WAYS, ids=lambda one: one.name)
@pytest.mark.parametrize("count", [0, 3])
def test_a_file_is_known_by_its_content_or_else_by_its_ending(
    one: EventFormat, count: int
) -> None:
    assert one.write is not None
    events = [
        EventFacts(str(n), "PASS", n * 20_000, n * 500, None) for n in range(count)
    ]
    if one.name == "youtube" and not count:
        with pytest.raises(CannotWrite, match="at least 3 chapters"):
            one.write(events, ExportedVideo("m", 25.0))
        return

    text = one.write(events, ExportedVideo("m", 25.0))

    assert detect(text.encode(), f".{one.suffix}").name == one.name

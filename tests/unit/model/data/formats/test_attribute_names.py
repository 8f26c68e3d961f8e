"""What an event's attributes are called is no matter to a file that holds them."""

import pytest

from model.data.formats.base import EventFormat, ReadOptions
from model.data.formats.clock import ConstantRate
from model.data.formats.events import EventFacts, ExportedVideo
from model.data.formats.reading import read_events
from model.data.formats.registry import FORMATS
from model.data.formats.writing import write_events

HOLDING = [one for one in FORMATS.values() if one.holds.attributes and one.write]
# What formats call things of their own, and names that look so.
NAMES = (
    *("score", "Score", "Team", "label", "type", "head", "Lead", "position_ms"),
    *("confidence_score", "time_s", "frame", "provenance", "attribute:x"),
    "attribute:score",
)
VIDEO = ExportedVideo("m", 25.0, frame_count=5000, duration_s=200)


@pytest.mark.parametrize("one", HOLDING, ids=lambda one: one.name)
@pytest.mark.parametrize("score", [None, 0.5])
@pytest.mark.parametrize("name", NAMES)
def test_an_attribute_is_taken_for_nothing_else(
    one: EventFormat, score: float | None, name: str
) -> None:
    if not one.is_installed:
        pytest.skip(one.how_to_install)
    if one.name == "sportscode" and name in ("Score", "Team", "Lead"):
        pytest.skip("is called NAME (2) in what people read in Sportscode")
    event = EventFacts("1", "SHOT", 2000, 50, score, "left", {name: "1-0"})

    text = write_events([event], VIDEO, format=one.name)
    options = ReadOptions(clock=ConstantRate(25.0))
    read = read_events(text.encode(), format=one.name, options=options)

    assert read.problems == ()
    (found,) = read.events
    assert (found.label, found.team, found.score) == ("SHOT", "left", score)
    assert dict(found.attributes) == {name: "1-0"}

"""Sportscode's XML: read by others, and read from others."""

import io

import pytest
from kloppy import sportscode

from model.data.formats.base import ReadOptions
from model.data.formats.events import EventFacts, ExportedVideo
from model.data.formats.provenance import Provenance
from model.data.formats.reading import read_events
from model.data.formats.sportscode import to_sportscode
from model.errors import CannotWrite

FOREIGN = """<?xml version="1.0" encoding="utf-8"?>
<file><SORT_INFO><sort_type>sort order</sort_type></SORT_INFO><ALL_INSTANCES>
<instance><ID>1</ID><start>78.467</start><end>86.467</end><code>DRIVE</code>
<label><group>Team</group><text>Home</text></label><label><text>risky</text></label>
</instance>
<instance><ID>2</ID><start>90</start><end>80</end><code>PASS</code></instance>
</ALL_INSTANCES><ROWS></ROWS></file>"""


@pytest.mark.parametrize(
    "told", [None, Provenance(reviewers=("<A & B> --",), reviewed=())]
)
def test_kloppy_reads_what_we_write(told: Provenance | None) -> None:
    events = [
        EventFacts("1", "PASS", 2000, 50, 0.9, "left"),
        EventFacts("2", "HIGH PASS", 60_000, 1500, None, None, {"player": "7"}),
    ]

    video = ExportedVideo("m", 25.0, lead_s=4, lag_s=2, provenance=told)
    text = to_sportscode(events, video)
    codes = sportscode.load(io.BytesIO(text.encode())).codes

    assert [
        (one.code, one.timestamp.total_seconds(), one.end_timestamp.total_seconds())
        for one in codes
    ] == [("PASS", 0.0, 4.0), ("HIGH PASS", 56.0, 62.0)]
    assert codes[0].labels == {"Lead": 2.0, "Team": "left", "Score": 0.9}
    assert codes[1].labels == {"Lead": 4.0, "player": 7}


def test_the_file_needs_no_entity_and_has_a_colour_for_each_type() -> None:
    events = [EventFacts("1", "A & <B>", 0, 0, None, 'R&D "x"')]

    text = to_sportscode(events, ExportedVideo("m", 25.0))

    assert "&" not in text
    assert "<code>A + (B)</code>" in text
    assert "<R>0</R>" in text
    assert "<B>45746</B>" in text


def test_two_types_that_would_have_one_name_are_refused() -> None:
    events = [
        EventFacts("1", "A&B", 0, 0, None),
        EventFacts("2", "A+B", 400, 10, None),
    ]

    with pytest.raises(CannotWrite, match="both be called 'A\\+B'"):
        to_sportscode(events, ExportedVideo("m", 25.0))


def test_where_in_an_instance_the_event_is_must_be_told() -> None:
    asked = read_events(FOREIGN.encode())
    told = read_events(FOREIGN.encode(), options=ReadOptions(lead_s=5.0))

    assert asked.needs[0].option == "lead_s"
    (event,) = told.events
    assert (event.label, event.time_s, event.team) == ("DRIVE", 83.467, "Home")
    assert dict(event.attributes) == {"label": "risky"}
    assert str(told.problems[0]) == (
        "instance 2 ends at 80 s, before it starts at 90 s"
    )


def test_an_instance_that_was_moved_moves_its_event() -> None:
    text = to_sportscode(
        [EventFacts("1", "PASS", 60_000, 1500, None)], ExportedVideo("m", 25.0)
    )
    moved = text.replace("55.000", "57.500").replace("63.000", "65.500")

    assert read_events(moved.encode()).events[0].time_s == 62.5


def test_an_attribute_that_is_called_like_a_label_of_ours_changes_nothing() -> None:
    told = {"Lead": "9", "Team": "x", "Score": "2:1"}
    event = EventFacts("1", "PASS", 60_000, 1500, 0.5, "left", told)

    text = to_sportscode([event], ExportedVideo("m", 25.0))

    (read,) = read_events(text.encode()).events
    assert (read.time_s, read.team, read.score) == (60.0, "left", 0.5)
    assert dict(read.attributes) == {
        f"{name} (2)": value for name, value in told.items()
    }


@pytest.mark.parametrize(
    ("encoding", "team"),
    [("windows-1250", "Šťastný"), ("windows-1251", "ђак"), ("ISO-8859-2", "Źdźbło")],
)
def test_a_file_is_read_in_the_encoding_that_it_states(
    encoding: str, team: str
) -> None:
    text = FOREIGN.replace("utf-8", encoding).replace("Home", team)
    text = text.replace("<end>80<", "<end>99<")

    read = read_events(text.encode(encoding), options=ReadOptions(lead_s=0))

    assert read.format == "sportscode"
    assert [one.team for one in read.events] == [team, None]

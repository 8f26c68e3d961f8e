"""Files that are damaged, hostile, or something else altogether."""

import json
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.data.formats.base import EventFormat, ReadOptions
from model.data.formats.clock import ConstantRate
from model.data.formats.events import EventFacts, ExportedVideo
from model.data.formats.reading import read_events, read_file
from model.data.formats.registry import FORMATS, detect
from model.errors import BadAnnotations, ModelError

READABLE = [one for one in FORMATS.values() if one.read is not None]
IN_JSON = [one for one in READABLE if one.media_type == "application/json"]

WORDS = (
    *("annotations", "predictions", "events", "items", "data", "inputs", "video"),
    *("label", "type", "position", "position_ms", "frame", "fps", "num_frames"),
    *("time_s", "gameTime", "score", "confidence", "team", "half", "head", "path"),
    *("OTIO_SCHEMA", "attributes", "next_cursor", "version", "metadata"),
    *("provenance", "format", "touchline-provenance", "reviewed", "models"),
)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(WORDS)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5)
    ),
    max_leaves=15,
)
BILLION_LAUGHS = """<?xml version="1.0"?>
<!DOCTYPE file [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<file><ALL_INSTANCES><instance><start>1</start><end>2</end><code>&b;</code></instance>
</ALL_INSTANCES></file>"""
EXTERNAL = """<?xml version="1.0"?>
<!DOCTYPE ANNOTATION_DOCUMENT [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<ANNOTATION_DOCUMENT><HEADER>&x;</HEADER></ANNOTATION_DOCUMENT>"""
BARE_DOCTYPE = '<!DOCTYPE file SYSTEM "http://example.org/a.dtd"><file/>'


@pytest.mark.parametrize("one", READABLE, ids=lambda one: one.name)
@given(data=st.binary(max_size=200), cut=st.integers(0, 600))
@settings(max_examples=60, deadline=None)
def test_damaged_bytes_raise_nothing_but_our_errors(
    one: EventFormat, data: bytes, cut: int
) -> None:
    assert one.write is not None
    events = [EventFacts(str(n), "PASS", n * 20_000, n * 500, None) for n in range(4)]
    whole = one.write(events, ExportedVideo("m", 25.0)).encode()
    for damaged in (data, whole[:cut] + data + whole[cut + len(data) :]):
        for options in (ReadOptions(), ReadOptions(ConstantRate(25.0), lead_s=1)):
            with suppress(ModelError):
                read_events(damaged, format=one.name, options=options)
        with suppress(ModelError):
            detect(damaged, f".{one.suffix}")


@pytest.mark.parametrize("one", IN_JSON, ids=lambda one: one.name)
@given(value=VALUES)
@settings(max_examples=150, deadline=None)
def test_json_of_any_shape_raises_nothing_but_our_errors(
    one: EventFormat, value: object
) -> None:
    data = json.dumps(value).encode()

    with suppress(ModelError):
        read_events(data, format=one.name)


@pytest.mark.parametrize("name", ["sportscode", "elan"])
@pytest.mark.parametrize("text", [BILLION_LAUGHS, EXTERNAL, BARE_DOCTYPE])
def test_entities_and_doctypes_are_refused(name: str, text: str) -> None:
    with pytest.raises(BadAnnotations, match="DOCTYPE or entities"):
        read_events(text.encode(), format=name)


BACKWARDS = {
    "sportscode": "<file><ALL_INSTANCES><instance><start>9</start><end>8</end>"
    "<code>PASS</code></instance></ALL_INSTANCES></file>",
    "vtt": "WEBVTT\n\n1\n00:00:09.000 --> 00:00:08.000\nPASS\n",
    "edl": "TITLE: m\n001  AX  V  C  00:00:09:00 00:00:08:00 00:00:00:00 00:00:01:00\n",
    "boris": "Observation id,Subject,Behavior,Behavior type,Start (s),Stop (s)\n"
    "m1,home,PRESSING,STATE,9.0,8.0\n",
    "elan": '<ANNOTATION_DOCUMENT FORMAT="3.0" VERSION="3.0" xmlns:xsi="http://www.w3'
    '.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation=""><HEADER/>'
    "<TIME_ORDER>"
    '<TIME_SLOT TIME_SLOT_ID="t1" TIME_VALUE="9000"/>'
    '<TIME_SLOT TIME_SLOT_ID="t2" TIME_VALUE="8000"/></TIME_ORDER>'
    '<TIER LINGUISTIC_TYPE_REF="default" TIER_ID="PASS"><ANNOTATION>'
    '<ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="t1" TIME_SLOT_REF2="t2">'
    "<ANNOTATION_VALUE>PASS</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>"
    '</TIER><LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="default" TIME_ALIGNABLE="true"/>'
    "</ANNOTATION_DOCUMENT>",
}


@pytest.mark.parametrize("name", BACKWARDS)
def test_what_ends_before_it_starts_is_named_and_left_out(name: str) -> None:
    options = ReadOptions(ConstantRate(25.0), lead_s=1.0)

    read = read_events(BACKWARDS[name].encode(), format=name, options=options)

    assert read.events == ()
    (problem,) = read.problems
    assert "before it starts" in str(problem)


@pytest.mark.parametrize("tag", ["start", "end"])
@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "soon", ""])
def test_an_instance_whose_times_are_no_numbers_is_named_and_left_out(
    tag: str, text: str
) -> None:
    times = {"start": "8", "end": "9"} | {tag: text}
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in times.items())
    data = (
        f"<file><ALL_INSTANCES><instance>{inner}<code>PASS</code></instance>"
        "</ALL_INSTANCES></file>"
    )

    read = read_events(data.encode(), options=ReadOptions(lead_s=1.0))

    assert read.events == ()
    assert [str(problem) for problem in read.problems] == [
        f"instance 1 {tag} is not a number: {text!r}"
    ]


@pytest.mark.parametrize("member", [{}, {"tracks": 3}, {"tracks": None}])
def test_a_timeline_without_tracks_is_refused(member: dict[str, object]) -> None:
    timeline = {"OTIO_SCHEMA": "Timeline.1", "metadata": {}, "name": "m", **member}

    with pytest.raises(BadAnnotations, match="OpenTimelineIO"):
        read_events(json.dumps(timeline).encode(), format="otio")


def test_a_state_that_never_ends_is_read_by_its_start() -> None:
    data = "Behavior,Start (s),Stop (s)\nPRESSING,9.0,NA\nPRESSING,12.0,\n"

    read = read_events(data.encode(), format="boris")

    assert ([event.time_s for event in read.events], read.problems) == ([9.0, 12.0], ())


def test_a_row_that_cannot_be_read_costs_no_other() -> None:
    rows = [
        {"gameTime": "1 - 00:01", "label": "PASS", "position": "1000"},
        {"gameTime": "1 - 00:02", "label": "PASS"},
        {"gameTime": "1 - 00:03", "label": " ", "position": "3000"},
        {"gameTime": "1 - 00:04", "label": "PASS", "position": "400000"},
        *(
            {"gameTime": f"1 - 00:{n}", "label": "SHOT", "position": f"{n}000"}
            for n in range(10, 50)
        ),
    ]

    read = read_events(json.dumps({"annotations": rows}).encode(), duration_s=60.0)

    assert read.counts == {"SHOT": 40, "PASS": 1}
    assert [str(problem) for problem in read.problems] == [
        "annotation 1 needs `label` and `position` (ms): "
        "{'gameTime': '1 - 00:02', 'label': 'PASS'}",
        "annotation 2 has no label.",
        "annotation 3 is at 400.000 s, the video lasts 60.000 s.",
    ]
    assert "disagree in 1 of" in read.notes[0]


def test_a_format_whose_library_is_missing_says_how_to_get_it() -> None:
    gone = replace(FORMATS["otio"], package="no_such_library")

    assert not gone.is_installed
    with pytest.raises(BadAnnotations, match=r"pip install 'touchline\[formats\]'"):
        read_file(b"{}", gone, ReadOptions())


@pytest.mark.parametrize("broken", ["\ud83d", "\0"])
@pytest.mark.parametrize("place", ["type", "team", "attributes"])
def test_half_a_character_is_told_before_anything_is_made_of_it(
    broken: str, place: str
) -> None:
    row = {"type": "PASS", "time_s": 1.0, "team": "left"}
    row[place] = {"player": f"x{broken}"} if place == "attributes" else f"x{broken}"

    read = read_events(json.dumps({"events": [row]}).encode())

    assert read.events == ()
    (problem,) = read.problems
    assert f"U+{ord(broken):04X}" in str(problem)

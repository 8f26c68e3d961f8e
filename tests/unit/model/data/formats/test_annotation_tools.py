"""Files of tools for researchers: BORIS, ELAN, OSL."""

import json

import pytest
from pympi import Elan

from model.data.formats.base import ReadOptions
from model.data.formats.events import EventFacts, ExportedVideo
from model.data.formats.osl import to_osl
from model.data.formats.reading import read_events

TABULAR = (
    "Observation id\tObservation date\tSubject\tBehavior\tBehavior type\tTime\t"
    "Media file name\tImage index\tComment\n"
    "m1\t2024-01-01\thome\tPASS\tPOINT\t2.100\tm.mp4\t53\t\n"
    "m1\t2024-01-01\tNo focal subject\tPRESSING\tSTART\t3.000\tm.mp4\t75\tlate\n"
    "m1\t2024-01-01\tNo focal subject\tPRESSING\tSTOP\t8.000\tm.mp4\t200\t\n"
)
OLDER = (
    "Observation id\tm1\n\nMedia file(s)\n\nTime offset (s)\t0.0\n\n"
    "Time\tMedia file path\tTotal length\tFPS\tSubject\tBehavior\tComment\tStatus\n"
    "2.1\tm.mp4\t100\t25\thome\tPASS\t\tPOINT\n"
)
AGGREGATED = (
    "Observation id,Subject,Behavior,Behavior type,Start (s),Stop (s)\n"
    "m1,home,PASS,POINT,2.1,2.1\nm1,home,PRESSING,STATE,3.0,8.0\n"
)


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        (TABULAR, {"PASS": 1, "PRESSING": 1}),
        (OLDER, {"PASS": 1}),
        (AGGREGATED, {"PASS": 1, "PRESSING": 1}),
    ],
)
def test_exports_of_boris_are_known_and_read(text: str, counts: dict[str, int]) -> None:
    read = read_events(text.encode(), suffix=".csv")

    assert read.format == "boris"
    assert read.counts == counts
    assert (read.events[0].time_s, read.events[0].team) == (2.1, "home")


def test_the_end_of_a_state_is_left_out_with_a_note() -> None:
    read = read_events(TABULAR.encode())

    assert read.notes == ("1 ends of states are left out: the start is taken",)
    assert dict(read.events[1].attributes) == {"comment": "late"}


def test_boris_observations_are_asked_for() -> None:
    text = TABULAR + TABULAR.splitlines()[1].replace("m1", "m2") + "\n"

    assert read_events(text.encode()).needs[0].choices == ("m1", "m2")
    read = read_events(text.encode(), options=ReadOptions(video="m2"))
    assert read.counts == {"PASS": 1}


def _elan(value: str) -> bytes:
    eaf = Elan.Eaf()
    eaf.remove_tier("default")
    eaf.add_tier("coder A")
    eaf.add_annotation("coder A", 2100, 2500, value)
    return str(Elan.to_string(eaf)).encode()


def test_whether_a_tier_or_a_value_is_the_type_is_asked() -> None:
    data = _elan("PASS")

    assert read_events(data).needs[0].option == "label_from"
    by_value = read_events(data, options=ReadOptions(label_from="value")).events
    by_tier = read_events(data, options=ReadOptions(label_from="tier")).events
    assert [(e.label, e.time_s, dict(e.attributes)) for e in by_value] == [
        ("PASS", 2.1, {"tier": "coder A"})
    ]
    assert [(e.label, dict(e.attributes)) for e in by_tier] == [
        ("coder A", {"value": "PASS"})
    ]


def test_a_tier_without_values_is_a_type() -> None:
    assert read_events(_elan("")).counts == {"coder A": 1}


def test_osl_says_its_labels_and_has_what_its_tool_reads() -> None:
    events = [
        EventFacts("1", "PASS", 2100, 63, 0.5),
        EventFacts("2", "SHOT", 0, 0, None),
    ]

    document = json.loads(to_osl(events, ExportedVideo("m.mp4", 30.0)))

    assert document["version"] == "2.0"
    assert document["labels"]["ball_action"]["labels"] == ["PASS", "SHOT"]
    (item,) = document["data"]
    assert item["inputs"] == [{"type": "video", "path": "m.mp4", "fps": 30.0}]
    assert item["events"][0] == {
        "head": "ball_action",
        "label": "PASS",
        "position_ms": 2100,
        "confidence_score": 0.5,
    }


def test_heads_of_osl_are_asked_for() -> None:
    events = [
        {"head": "action", "label": "PASS", "position_ms": 1},
        {"head": "card", "label": "RED", "position_ms": 2},
    ]
    item = {"id": "m", "inputs": [{"type": "video", "path": "m.mp4"}], "events": events}
    data = json.dumps({"version": "2.0", "data": [item]}).encode()

    assert read_events(data).needs[0].choices == ("action", "card")
    assert read_events(data, options=ReadOptions(head="card")).counts == {"RED": 1}


def test_a_page_of_our_api_is_read_without_what_was_rejected() -> None:
    item = {"id": "1", "type": "PASS", "time_s": 2.1, "frame": 63, "score": None}
    items = [
        {**item, "state": "accepted", "attributes": {"player": 7, "team": "left"}},
        {**item, "state": "rejected"},
        {**item, "state": "suggested", "is_ghost": True},
    ]

    read = read_events(json.dumps({"items": items, "next_cursor": "x"}).encode())

    assert [dict(event.attributes) for event in read.events] == [{"player": "7"}]
    assert read.notes == (
        "is one page of several: the others are not in it",
        "2 events are rejected or ghosts: left out",
    )

"""Events as CSV and as SoccerNet's JSON: nothing moves on the way."""

import csv
import io
import json
import random

import pytest

from model.spotting.formats import (
    EventFacts,
    event_object,
    number_spots,
    to_csv,
    to_soccernet,
)
from model.spotting.spots import Spot

RATES = [24.0, 25.0, 30.0, 50.0, 60.0, 24000 / 1001, 30000 / 1001, 60000 / 1001, 12.5]


@pytest.mark.parametrize("fps", RATES)
def test_every_frame_comes_back_from_its_position(fps: float) -> None:
    frames = [*range(3000), *random.Random(1).sample(range(3000, 700_000), 3000)]
    events = [_event(frame, time_ms=round(frame * 1000 / fps)) for frame in frames]

    document = json.loads(to_soccernet(events, name="m", fps=fps))

    positions = [int(one["position"]) for one in document["predictions"]]
    # As the field's programs read them: truncated, not rounded.
    assert [int(fps * position / 1000) for position in positions] == frames
    moved = [abs(p - e.time_ms) for p, e in zip(positions, events, strict=True)]
    assert max(moved) <= 1


def test_rounded_times_would_not_come_back() -> None:
    lost = [
        frame for frame in range(300) if int(30 * round(frame / 0.03) / 1000) != frame
    ]

    assert lost


@pytest.mark.parametrize("fps", [None, 0.0, float("nan"), float("inf")])
def test_without_a_rate_the_time_stands(fps: float | None) -> None:
    document = json.loads(to_soccernet([_event(9, time_ms=1234)], name="m", fps=fps))

    assert document["predictions"][0]["position"] == "1234"


def test_where_the_rate_varies_the_time_stands() -> None:
    late = _event(100, time_ms=9000)  # at 25 fps frame 100 is shown at 4 s

    document = json.loads(to_soccernet([late], name="m", fps=25.0))

    assert document["predictions"][0]["position"] == "9000"


def test_soccernet_has_strings_only_and_minutes_past_the_hour() -> None:
    document = json.loads(
        to_soccernet([_event(0, time_ms=3_723_456)], name="A – B", fps=None)
    )

    assert document == {
        "UrlLocal": "A – B",
        "predictions": [
            {
                "gameTime": "1 - 62:03",
                "label": "PASS",
                "position": "3723456",
                "half": "1",
                "confidence": "0.912346",
            }
        ],
    }


def test_csv_reads_back_as_it_was() -> None:
    odd = _event(7, time_ms=280)._replace(label='HIGH "PASS", far')

    rows = list(csv.DictReader(io.StringIO(to_csv([odd]))))

    assert rows == [
        {
            "id": "job.7",
            "type": 'HIGH "PASS", far',
            "time_s": "0.280",
            "frame": "7",
            "score": "0.9123",
            "team": "",
        }
    ]


def test_no_events_are_an_empty_table_and_an_empty_list() -> None:
    assert to_csv([]).splitlines() == ["id,type,time_s,frame,score,team"]
    assert json.loads(to_soccernet([], name="m", fps=25.0))["predictions"] == []


def test_the_event_object_has_seconds_to_the_millisecond() -> None:
    assert event_object(_event(2504, time_ms=83467)) == {
        "id": "job.2504",
        "type": "PASS",
        "time_s": 83.467,
        "frame": 2504,
        "score": 0.9123,
        "team": None,
    }


@pytest.mark.parametrize("team", ["left", 'home, "red"'])
def test_every_form_tells_the_team_of_an_event_that_has_one(team: str) -> None:
    events = [_event(1, time_ms=40)._replace(team=team), _event(2, time_ms=80)]

    objects = [event_object(event)["team"] for event in events]
    table = list(csv.DictReader(io.StringIO(to_csv(events))))
    document = json.loads(to_soccernet(events, name="m", fps=25.0))

    assert objects == [team, None]
    assert [row["team"] for row in table] == [team, ""]
    assert document["predictions"][0]["team"] == team
    assert "team" not in document["predictions"][1]


def test_spots_are_numbered_in_their_order_with_all_that_is_known() -> None:
    spots = [
        Spot("PASS", 1.0004, 0.5, 25, 512, team="left"),
        Spot("SHOT", 0.2, 0.25, 5, 0),
    ]

    assert number_spots(spots) == [
        EventFacts("1", "PASS", 1000, 25, 0.5, "left"),
        EventFacts("2", "SHOT", 200, 5, 0.25, None),
    ]


def _event(frame: int, *, time_ms: int) -> EventFacts:
    return EventFacts(f"job.{frame}", "PASS", time_ms, frame, 0.9123456)

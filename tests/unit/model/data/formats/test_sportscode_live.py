"""Live coding: instances are added to what Sportscode reads, none is changed."""

from pathlib import Path
from uuid import uuid4

import pytest

from model.data.formats.base import ReadOptions
from model.data.formats.events import EventFacts, ExportedVideo
from model.data.formats.sportscode import read_sportscode
from model.data.formats.sportscode_live import append_instances, import_path
from model.errors import BadAnnotations

MATCH = ExportedVideo("Cup final", None, lead_s=5, lag_s=5)


def event(label: str, time_ms: int) -> EventFacts:
    return EventFacts(f"{label}{time_ms}", label, time_ms, 0, 0.9, None, {})


def instances(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    return [one.partition("</instance>")[0] for one in text.split("<instance>")[1:]]


def test_events_are_added_and_earlier_instances_stay_to_the_letter(
    tmp_path: Path,
) -> None:
    path = import_path(tmp_path, "Cup final")

    append_instances(path, [event("SHOT", 9000)], MATCH)
    before = instances(path)
    count = append_instances(path, [event("PASS", 7000), event("SHOT", 12000)], MATCH)

    assert path.name == "__import__Cup final.xml"
    assert count == 3
    assert instances(path)[:1] == before
    (video,) = read_sportscode(path.read_bytes(), ReadOptions()).videos
    assert [(one.label, one.time_s) for one in video.events] == [
        *(("SHOT", 9.0), ("PASS", 7.0), ("SHOT", 12.0))
    ]
    assert path.read_text().count("<code>SHOT</code>") == 3  # a row, two instances
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_a_name_that_is_no_file_name_becomes_one(tmp_path: Path) -> None:
    assert import_path(tmp_path, "../A/B: C").name == "__import___A_B_ C.xml"
    assert import_path(tmp_path, " . ").name == "__import__live.xml"


def test_a_long_name_of_large_characters_fits_a_file_system(tmp_path: Path) -> None:
    path = import_path(tmp_path, "横浜F・マリノス対川崎フロンターレ" * 8)

    append_instances(path, [event("SHOT", 9000)], MATCH)

    assert path.name.startswith("__import__横浜")
    path.with_name(f".{path.stem}.{uuid4()}.number").touch()  # what a run remembers


def test_a_file_that_is_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "__import__x.xml"
    path.write_text("<file/>")

    with pytest.raises(BadAnnotations):
        append_instances(path, [event("SHOT", 1)], MATCH)

    assert path.read_text() == "<file/>"

"""Tables as spreadsheets of any country write them."""

import csv
import io

import pytest

from model.data.formats.base import ReadOptions
from model.data.formats.clock import ConstantRate
from model.data.formats.csv import to_csv
from model.data.formats.events import EventFacts, ImportedEvents
from model.data.formats.reading import read_events
from model.errors import BadAnnotations

EXPECTED = [("PASS", 2.1), ("DRIVE", 83.467)]


def read(text: str | bytes, **options: object) -> ImportedEvents:
    """Read a table."""
    data = text if isinstance(text, bytes) else text.encode()
    return read_events(data, format="csv", options=ReadOptions(**options))  # type: ignore[arg-type]  # options by name


def told(events: ImportedEvents) -> list[tuple[str, float]]:
    """Give types and times."""
    return [(event.label, round(event.time_s, 6)) for event in events.events]


@pytest.mark.parametrize(
    "text",
    [
        "label,time_s\nPASS,2.1\nDRIVE,83.467\n",
        "label;time_s\nPASS;2,1\nDRIVE;83,467\n",
        "label\ttime_s\nPASS\t2,1\nDRIVE\t83,467\n",
        'label,time_s\nPASS,"2,1"\nDRIVE,"83,467"\n',
        "Label , Time_S\n PASS , 2.1\nDRIVE, 83.467\n",
        "type,time_ms\nPASS,2100\nDRIVE,83467\n",
        "label,time\nPASS,0:02.1\nDRIVE,01:23.467\n",
        "label,time_s\nPASS,00:02.100\nDRIVE,0:01:23.467\n",
        "label;time\nPASS;0:02,1\nDRIVE;0:01:23,467\n",
        "sep=;\nlabel;time_s\nPASS;2,1\nDRIVE;83,467\n",
        "label,time_s,,\nPASS,2.1,,\n,,,\nDRIVE,83.467,,,,,\n,,,\n\n",
        "label,time_s\r\nPASS,2.1\r\nDRIVE,83.467\r\n",
        "\n\nlabel,time_s\nPASS,2.1\nDRIVE,83.467",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_tables_of_all_kinds_are_read(text: str, encoding: str) -> None:
    read_ = read(text.encode(encoding))

    assert read_.problems == ()
    assert told(read_) == EXPECTED


@pytest.mark.parametrize(
    ("written", "named"),
    [("utf-8-sig", "utf-8"), ("utf-16", "utf-16-le"), ("utf-16", "utf-16")],
)
def test_a_byte_order_mark_is_no_part_of_the_header(written: str, named: str) -> None:
    data = "label,time_s\nPASS,2.1\nDRIVE,83.467\n".encode(written)

    assert told(read(data, encoding=named)) == EXPECTED


def test_cp1252_is_read_with_a_note() -> None:
    found = read("label;time_s\nTête;1,5\n".encode("cp1252"))

    assert told(found) == [("Tête", 1.5)]
    assert "cp1252" in found.notes[0]


def test_frames_are_read_with_a_rate_and_asked_for_without() -> None:
    text = "label,frame\nPASS,52\n"

    assert read(text).needs[0].option == "fps"
    assert told(read(text, clock=ConstantRate(25.0))) == [("PASS", 2.08)]


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ("label,time\nPASS,2100\n", "time_format"),
        ("label,time\nPASS,2.1\n", "time_format"),
        ("label,time\nPASS,00:00:02:15\n", "time_format"),
        ("label,time_s\nPASS,12:34:75\n", "time_format"),
        ("label,time_s\nPASS,2,100\n", "delimiter"),
    ],
)
def test_what_can_be_read_in_two_ways_is_asked(text: str, option: str) -> None:
    found = read(text)

    assert [need.option for need in found.needs] == [option]
    assert found.events == ()


@pytest.mark.parametrize(
    ("cell", "form", "expected"),
    [
        ("2100", "ms", 2.1),
        ("52", "frames", 2.08),
        ("2.1", "s", 2.1),
        ("00:02:15", "mm:ss:ff", 2.6),
        ("00:00:02:15", "hh:mm:ss:ff", 2.6),
        ("01:02", "mm:ss", 62.0),
    ],
)
def test_an_option_says_what_times_are(cell: str, form: str, expected: float) -> None:
    found = read(
        f"label,time\nPASS,{cell}\n", clock=ConstantRate(25.0), time_format=form
    )

    assert told(found) == [("PASS", expected)]


def test_what_is_no_time_is_named_with_its_row() -> None:
    found = read(
        "label,time_s\nPASS,1\nPASS,soon\nPASS,\nPASS,1.234,5\n".replace("1.234,5", "4")
    )

    assert told(found) == [("PASS", 1.0), ("PASS", 4.0)]
    assert [str(one) for one in found.problems] == [
        "row 3 time_s is not a time: 'soon'",
        "row 4 time_s is empty",
    ]


def test_other_columns_become_attributes() -> None:
    found = read("label,time_s,team,Player\nPASS,1,left, 7\n")

    assert found.events[0].team == "left"
    assert dict(found.events[0].attributes) == {"Player": "7"}


def test_a_frame_that_contradicts_its_time_is_a_problem() -> None:
    text = "type,time_s,frame\nPASS,2.0,50\nPASS,4.0,120\n"

    found = read(text, clock=ConstantRate(25.0))

    assert [event.frame for event in found.events] == [50]
    assert "the video shows frame 100" in found.problems[0].text


def test_a_column_twice_and_no_column_are_refused() -> None:
    with pytest.raises(BadAnnotations, match="'label' twice"):
        read("label,Label,time_s\nA,B,1\n")
    with pytest.raises(BadAnnotations, match="'Player' twice"):
        read("label,time_s,Player,Player\nA,1,7,8\n")
    with pytest.raises(BadAnnotations, match="needs a header"):
        read("PASS,1\n")


def test_types_are_stripped_renamed_and_held_against_the_known_ones() -> None:
    data = b"label,time_s\nPASS ,1\nPass,2\npasse,3\n"

    found = read_events(
        data, format="csv", known_labels=["PASS"], rename={"passe": "PASS"}
    )

    assert found.counts == {"PASS": 2, "Pass": 1}
    assert found.unmapped == {"Pass": 1}
    assert found.suggestions == {"Pass": "PASS"}


def test_an_offset_moves_all_and_what_falls_out_is_told() -> None:
    data = b"label,time_s\nPASS,1\nPASS,5\n"

    found = read_events(data, format="csv", offset_s=-2.5)

    assert told(found) == [("PASS", 2.5)]
    assert "before the video" in found.problems[0].text


def test_an_attribute_that_is_called_like_a_column_is_none() -> None:
    told = {"Time": "late", "label": "x", "type ": "y", "Frame": "3", "score": "2:1"}
    event = EventFacts("1", "PASS", 1000, 25, None, None, told)

    (read_,) = read(to_csv([event])).events

    assert (read_.label, read_.time_s, read_.frame, read_.score) == (
        *("PASS", 1.0, 25, None),
    )
    assert dict(read_.attributes) == {key.strip(): text for key, text in told.items()}


@pytest.mark.parametrize(
    "text", ["=1+1", "+x", "-", "@SUM(A1)", "'=x", "''-y", "'", "-5"]
)
def test_a_spreadsheet_computes_no_text_and_each_comes_back(text: str) -> None:
    event = EventFacts("1", text, 1000, 25, None, text, {"note": text, f"{text}z": "a"})

    table = to_csv([event])
    (read_,) = read(table).events

    cells = [cell for row in csv.reader(io.StringIO(table)) for cell in row]
    assert not [c for c in cells if c.startswith(("=", "+", "-", "@")) and c != "-5"]
    assert (read_.label, read_.team) == (text, text)
    assert dict(read_.attributes) == {"note": text, f"{text}z": "a"}

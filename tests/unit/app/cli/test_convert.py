"""`touchline convert`: from one program's file to another's, frame by frame."""

import itertools
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli.main import touchline
from model.data.formats.base import EventFormat
from model.data.formats.provenance import read_provenance
from model.data.formats.registry import FORMATS
from tests.videos import draw_video

LABELS = {
    "annotations": [
        {"gameTime": "1 - 00:00", "label": "PASS", "position": "480", "team": "left"},
        {"gameTime": "1 - 00:01", "label": "HIGH PASS", "position": "1280"},
        {"gameTime": "1 - 00:01", "label": "SHOT", "position": "1360"},
    ]
}


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """SoccerNet's labels of three events."""
    path = tmp_path / "Labels-ball.json"
    path.write_text(json.dumps(LABELS))
    return path


def run(*words: object) -> Result:
    """Type the command."""
    return CliRunner().invoke(
        touchline, ["convert", *map(str, words)], env={"COLUMNS": "400"}
    )


@pytest.mark.parametrize(("name", "one"), FORMATS.items())
def test_a_format_is_listed_under_its_own_name(name: str, one: EventFormat) -> None:
    assert one.name == name


def test_a_file_goes_through_every_format_and_back(
    labels: Path, tmp_path: Path
) -> None:
    exact = [name for name, one in FORMATS.items() if one.holds.frames != "none"]
    path = labels
    for number, name in enumerate(exact):
        target = tmp_path / f"{number}.{FORMATS[name].suffix}"
        done = run(path, target, "--to", name, "--fps", 25)
        assert done.exit_code == 0, done.output
        path = target
    last = tmp_path / "last.csv"
    assert run(path, last, "--fps", 25).exit_code == 0

    rows = [line.split(",") for line in last.read_text().splitlines()[1:]]
    assert [(row[1], row[2], row[3]) for row in rows] == [
        ("PASS", "0.480", "12"),
        ("HIGH PASS", "1.280", "32"),
        ("SHOT", "1.360", "34"),
    ]


def test_where_events_come_from_is_kept_where_both_files_hold_it(
    tmp_path: Path,
) -> None:
    told = {
        **{"format": "touchline-provenance", "version": 1, "history_count": 1},
        **{"reviewers": ["Ada"], "reviewed": [{"from_s": 1.0, "to_s": 4.0}]},
        "history": [{"action": "add", "author": "Ada"}],
    }
    event = {"type": "PASS", "time_s": 2.0, "frame": 50}
    source = tmp_path / "in.json"
    source.write_text(json.dumps({"events": [event], "provenance": told}))
    osl, back = tmp_path / "osl.json", tmp_path / "back.json"
    table, chapters = tmp_path / "out.csv", tmp_path / "boris.tsv"

    assert run(source, osl, "--to", "osl", "--offset", 0.5).exit_code == 0
    assert run(osl, back, "--to", "json", "--offset", -0.5).exit_code == 0
    short = run(source, table)
    none = run(source, chapters)
    bare = run(source, tmp_path / "bare.csv", "--no-provenance")

    read = read_provenance(json.loads(back.read_text())["provenance"])
    assert read == read_provenance(told)
    assert "no room for 1 edits" in short.output
    assert "touchline-provenance" in table.read_text()
    assert "no place for where events come from" in none.output
    assert "provenance" not in bare.output + (tmp_path / "bare.csv").read_text()


def test_nothing_is_overwritten_unasked_and_never_its_own_input(
    labels: Path, tmp_path: Path
) -> None:
    out = tmp_path / "mine.csv"
    out.write_text("mine")

    refused = run(labels, out)
    assert refused.exit_code == 2
    assert "exists already" in refused.output
    assert out.read_text() == "mine"
    assert run(labels, labels, "--to", "json", "--force").exit_code == 2
    assert json.loads(labels.read_text()) == LABELS
    assert run(labels, out, "--force").exit_code == 0
    assert out.read_text().startswith("id,type")


def test_an_ending_that_several_formats_share_is_asked_for(
    labels: Path, tmp_path: Path
) -> None:
    refused = run(labels, tmp_path / "out.json")

    assert refused.exit_code == 2
    assert "say with --to" in refused.output
    assert "osl" in refused.output


def test_a_format_that_is_not_there_is_refused_with_a_hint(labels: Path) -> None:
    refused = run(labels, "out.x", "--to", "sportcode")

    assert refused.exit_code == 2
    assert "did you mean sportscode?" in refused.output


def test_what_is_open_is_asked_with_the_option_that_answers(tmp_path: Path) -> None:
    table = tmp_path / "in.csv"
    table.write_text("label,time\nPASS,12\n")

    asked = run(table, tmp_path / "out.vtt")
    told = run(table, tmp_path / "out.vtt", "--time-format", "frames", "--fps", 25)

    assert asked.exit_code == 1
    assert "say it with --time-format (s, ms, frames" in asked.output
    assert told.exit_code == 0
    assert "00:00:00.480" in (tmp_path / "out.vtt").read_text()


def test_bad_rows_stop_it_unless_they_may_be_left_out(tmp_path: Path) -> None:
    table, out = tmp_path / "in.csv", tmp_path / "out.vtt"
    table.write_text("label,time_s\nPASS,1\nPASS,soon\n")

    refused = run(table, out)
    assert refused.exit_code == 1
    assert "row 3 time_s is not a time: 'soon'" in refused.output
    assert not out.exists()

    taken = run(table, out, "--skip-bad")
    assert taken.exit_code == 0
    assert "left out: " in taken.output


def test_what_cannot_be_held_is_one_line_and_no_file(
    labels: Path, tmp_path: Path
) -> None:
    done = run(labels, tmp_path / "chapters.txt", "--to", "youtube")

    assert done.exit_code == 1
    assert "10 s at least" in str(done.exception)
    assert not (tmp_path / "chapters.txt").exists()


def test_labels_are_made_of_predictions_and_types_renamed(tmp_path: Path) -> None:
    table, out = tmp_path / "in.csv", tmp_path / "out.json"
    table.write_text("type,time_s,score\nPass,1,0.9\n")

    done = run(
        *(table, out, "--to", "soccernet-labels"),
        *("--as-labels", "--rename", "Pass=PASS", "--offset", "0.5"),
    )

    assert done.exit_code == 0, done.output
    (row,) = json.loads(out.read_text())["annotations"]
    assert (row["label"], row["position"]) == ("PASS", "1500")
    assert "confidence" not in row


@pytest.mark.costly
@pytest.mark.slow
def test_frames_of_a_variable_rate_are_timed_by_the_video(tmp_path: Path) -> None:
    times_ms = [0, *itertools.accumulate([40] * 20 + [100] * 20)]
    draw_video(tmp_path / "phone.mkv", times_ms=times_ms)
    table, out = tmp_path / "in.csv", tmp_path / "out.csv"
    table.write_text("label,frame\nPASS,10\nSHOT,30\n")

    done = run(table, out, "--video", tmp_path / "phone.mkv")

    assert done.exit_code == 0, done.output
    rows = [line.split(",") for line in out.read_text().splitlines()[1:]]
    assert [(row[2], row[3]) for row in rows] == [("0.400", "10"), ("1.800", "30")]
    refused = run(out, tmp_path / "a.edl", "--video", tmp_path / "phone.mkv")
    assert "varies" in str(refused.exception)


def test_the_output_may_be_standard_output(labels: Path) -> None:
    done = run(labels, "-", "--to", "vtt")

    assert done.exit_code == 0
    assert done.stdout.startswith("WEBVTT")
    assert "3 events written" not in done.stdout


def test_halves_of_one_file_become_one_timeline_and_halves_again(
    tmp_path: Path,
) -> None:
    source, out = tmp_path / "Labels-v2.json", tmp_path / "out.csv"
    rows = [
        {"gameTime": "1 - 00:10", "label": "PASS", "position": "10000"},
        {"gameTime": "2 - 00:01", "label": "SHOT", "position": "1000"},
    ]
    source.write_text(json.dumps({"annotations": rows}))

    asked = run(source, out)
    done = run(source, out, "--halves", "5,2800")
    back = run(
        out, tmp_path / "back.json", "--to", "soccernet-labels", "--halves", "5,2800"
    )

    assert "say it with --half or --halves (1, 2)" in asked.output
    assert done.exit_code == back.exit_code == 0, done.output + back.output
    assert "SHOT,2801.000" in out.read_text()
    again = json.loads((tmp_path / "back.json").read_text())["annotations"]
    kept = [{key: row[key] for key in rows[0]} for row in again]
    assert kept == rows
    assert run(source, out, "--halves", "9,5", "--force").exit_code == 2

"""A result at any threshold, as a table and as files that are never lost."""

import csv
import io
import json
import stat
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from model.errors import BadAnnotations
from model.spotting.formats import number_spots, to_csv
from tests.unit.touchline.made import make_result
from touchline import Event, Result

SPIKES = [("PASS", 1.0, 0.9), ("SHOT", 2.0, 0.6), ("PASS", 3.0, 0.3)]


@pytest.fixture
def result() -> Result:
    """PASS and SHOT above the threshold, a PASS below; the first one has a team."""
    found = make_result(SPIKES)
    first, *rest = found.spots
    return replace(found, spots=(replace(first, team="left"), *rest))


def test_events_are_told_earliest_first(result: Result) -> None:
    passed, shot = result.events

    assert replace(passed, score=0.9) == Event("PASS", 1.0, 25, 0.9, team="left")
    assert passed.score == pytest.approx(0.9)
    assert passed.type == passed.label == "PASS"
    assert (shot.label, shot.time_s, shot.team) == ("SHOT", 2.0, None)
    assert repr(result) == "Result('made.mp4': 1 PASS, 1 SHOT)"


@pytest.mark.parametrize(
    ("min_score", "times"), [(None, [1.0, 2.0]), (0.2, [1.0, 2.0, 3.0]), (0.8, [1.0])]
)
def test_another_score_needs_no_other_run(
    result: Result, min_score: float | None, times: list[float]
) -> None:
    found = result.at(min_score=min_score)

    assert [event.time_s for event in found.events] == times
    assert [event.time_s for event in result.events] == [1.0, 2.0]
    assert found.at(0.2).at().events == result.at().events


@pytest.mark.parametrize("min_score", [-1, 2, float("nan")])
def test_a_bad_score_is_refused(result: Result, min_score: float) -> None:
    with pytest.raises(ValueError, match="min_score"):
        result.at(min_score=min_score)


def test_any_format_can_be_written(result: Result, tmp_path: Path) -> None:
    target = tmp_path / "match.edl"

    assert result.to_format("edl", target) is None
    assert "* LOC: 00:00:01:00 RED     PASS" in target.read_text()
    with pytest.raises(FileExistsError):
        result.to_format("edl", target)
    assert (result.to_format("vtt") or "").startswith("WEBVTT")
    with pytest.raises(BadAnnotations, match="no format 'xml'"):
        result.to_format("xml")


def test_the_csv_is_the_command_line_s(result: Result, tmp_path: Path) -> None:
    target = tmp_path / "match.csv"

    text = result.to_csv()

    assert text == to_csv(number_spots(result.spots))
    assert result.to_csv(str(target)) is None
    assert target.read_bytes().decode() == text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["team"] for row in rows] == ["left", ""]


def test_soccernet_s_json_keeps_frames_and_teams(
    result: Result, tmp_path: Path
) -> None:
    target = tmp_path / "results_spotting.json"

    result.to_soccernet(target)

    document = json.loads(target.read_text())
    assert document == json.loads(result.to_soccernet() or "")
    assert document["UrlLocal"] == "made.mp4"
    told = [(one["position"], one.get("team")) for one in document["predictions"]]
    assert told == [("1000", "left"), ("2000", None)]


@pytest.mark.parametrize("write", [Result.to_csv, Result.to_soccernet])
def test_a_file_is_replaced_only_when_that_is_asked(
    result: Result, tmp_path: Path, write: Callable[..., str | None]
) -> None:
    target = tmp_path / "mine"
    target.write_text("a day of work")
    target.chmod(0o640)

    with pytest.raises(FileExistsError, match="overwrite=True") as caught:
        write(result, target)

    assert target.read_text() == "a day of work"
    assert caught.value.filename == str(target)
    write(result, target, overwrite=True)
    assert target.read_bytes().decode() == write(result)
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_link_stays_one_and_a_dangling_one_is_filled(
    result: Result, tmp_path: Path
) -> None:
    link, there = tmp_path / "link.csv", tmp_path / "there.csv"
    link.symlink_to(there)

    result.to_csv(link)

    assert link.is_symlink()
    assert there.read_bytes().decode() == result.to_csv()
    with pytest.raises(FileExistsError):
        result.to_csv(link)


def test_what_cannot_be_written_leaves_nothing(result: Result, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        result.to_csv(tmp_path / "no folder" / "match.csv")
    with pytest.raises(IsADirectoryError):
        result.to_csv(tmp_path, overwrite=True)
    strange = replace(result, spots=(replace(result.spots[0], label="\ud800"),))
    with pytest.raises(UnicodeEncodeError):
        strange.to_csv(tmp_path / "match.csv")

    assert list(tmp_path.iterdir()) == []


def test_a_device_takes_the_text_and_stays_one(result: Result) -> None:
    result.to_csv("/dev/null", overwrite=True)

    assert Path("/dev/null").is_char_device()


def test_the_table_has_the_columns_of_the_csv(result: Result) -> None:
    pandas = pytest.importorskip("pandas")

    table = result.to_dataframe()

    assert isinstance(table, pandas.DataFrame)
    columns = (result.to_csv() or "").splitlines()[0].split(",")
    assert ["id", *table.columns] == columns
    assert table["type"].tolist() == ["PASS", "SHOT"]
    assert table["team"].iloc[0] == "left"
    assert table["time_s"].sum() == 3.0
    nothing = result.at(1.0).to_dataframe()
    assert list(nothing.columns) == list(table.columns)
    assert len(nothing) == 0


def test_without_pandas_the_table_says_how_to_get_it(
    result: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)

    with pytest.raises(ModuleNotFoundError, match="pip install pandas"):
        result.to_dataframe()

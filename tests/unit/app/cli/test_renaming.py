"""Labels that differ in case alone are reported, and made one on request."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.main import touchline
from model.data.labels import label_names
from model.data.matches import find_matches
from model.data.renaming import RENAME_FILE
from model.data.set_checks import same_label_twice
from model.errors import BadAnnotations


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two matches, of which one has a label in another case, and space about it."""
    for name, text in (
        ("a", "label,time_s\nPASS,1.5\nPASS ,2.5\nPass,3.5\n"),
        ("b", "label,time_s\nPASS,1.7\n SHOT,2.5\nPass ,4.5\n"),
    ):
        (tmp_path / f"{name}.mp4").touch()
        (tmp_path / f"{name}.csv").write_text(text)
    return tmp_path


def test_space_about_a_label_makes_no_second_one_but_case_does(folder: Path) -> None:
    matches = find_matches(folder)

    assert label_names(matches) == ("PASS", "Pass", "SHOT")
    (finding,) = same_label_twice(matches)
    assert (finding.match, finding.kind, finding.is_fatal) == ("a", "label_case", True)
    assert "'Pass=PASS'" in finding.text


def test_labels_are_renamed_on_request_and_back(folder: Path) -> None:
    before = (folder / "a.csv").read_bytes()

    done = CliRunner().invoke(touchline, ["data", "rename", str(folder), "Pass=PASS"])

    assert done.exit_code == 0, done.output
    matches = find_matches(folder)
    assert label_names(matches) == ("PASS", "SHOT")
    assert same_label_twice(matches) == []
    assert (folder / "a.csv").read_bytes() == before

    CliRunner().invoke(touchline, ["data", "rename", str(folder), "Pass="])
    assert label_names(find_matches(folder)) == ("PASS", "Pass", "SHOT")


def test_a_label_that_is_not_there_is_not_renamed(folder: Path) -> None:
    done = CliRunner().invoke(touchline, ["data", "rename", str(folder), "Goal=GOAL"])

    assert done.exit_code == 2
    assert not (folder / RENAME_FILE).exists()


def test_another_file_of_that_name_is_refused(folder: Path) -> None:
    (folder / RENAME_FILE).write_text("[]")

    with pytest.raises(BadAnnotations, match="no file of `touchline data rename`"):
        find_matches(folder)

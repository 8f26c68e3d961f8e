"""`touchline teach`: what it writes, and what it leaves alone."""

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.main import touchline
from model.checkpoint.archive import Checkpoint
from tests.unit.model.teaching.toys import QUICK, toy_base, toy_dataset

RUNNER = CliRunner()


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A toy base."""
    return toy_base(tmp_path / "base.touchline")


@pytest.mark.nightly
@pytest.mark.slow
def test_a_data_set_becomes_a_checkpoint_and_its_work_folder_goes(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The usual numbers are for minutes, not for seconds.
    quick = replace(QUICK, head_steps=2)
    monkeypatch.setattr("model.teaching.teach.Recipe", lambda: quick)
    data = toy_dataset(tmp_path / "data", matches=2, seconds=14)
    out = tmp_path / "hall.touchline"
    words = ["teach", str(data), "--base", str(base), "--out", str(out)]

    result = RUNNER.invoke(touchline, [*words, "--map", "DUNK=", "--minutes", "60"])

    assert result.exit_code == 0, result.output
    assert Checkpoint.open(out).manifest.name == "hall"
    assert set(Checkpoint.open(out).manifest.labels) == {"DRIBBLE", "BASKET"}
    assert str(out) in result.output
    assert not out.with_name("hall.touchline.teaching").exists()


def test_a_checkpoint_that_is_there_is_not_replaced_unasked(
    base: Path, tmp_path: Path
) -> None:
    before = base.read_bytes()
    out = tmp_path / "there.touchline"
    out.write_bytes(b"mine")

    for target in (out, base):
        words = ["teach", str(tmp_path), "--base", str(base), "--out", str(target)]
        assert RUNNER.invoke(touchline, words).exit_code == 2

    assert out.read_bytes() == b"mine"
    assert base.read_bytes() == before


def test_a_folder_of_other_files_is_no_work_folder(base: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    (mine / "frames").mkdir(parents=True)
    words = ["teach", str(tmp_path), "--base", str(base), "--work", str(mine)]

    result = RUNNER.invoke(
        touchline, [*words, "--out", str(tmp_path / "new.touchline")]
    )

    assert result.exit_code == 2
    assert (mine / "frames").is_dir()


@pytest.mark.parametrize("out", ["new.touchline", "best/new.touchline"])
def test_a_work_folder_that_goes_does_not_take_the_checkpoint_along(
    base: Path, tmp_path: Path, out: str
) -> None:
    work = tmp_path / "work"
    (work / out).parent.mkdir(parents=True)
    link = tmp_path / "link"
    link.symlink_to(work)
    words = ["teach", str(tmp_path), "--base", str(base), "--work", str(work)]

    result = RUNNER.invoke(touchline, [*words, "--out", str(link / out)])

    assert result.exit_code == 2
    assert "is removed at the end" in " ".join(result.output.split())


@pytest.mark.parametrize("word", ["PASS", "=PASS"])
def test_a_mapping_says_both_names(base: Path, tmp_path: Path, word: str) -> None:
    words = ["teach", str(tmp_path), "--base", str(base), "--map", word]

    result = RUNNER.invoke(
        touchline, [*words, "--out", str(tmp_path / "new.touchline")]
    )

    assert result.exit_code == 2
    assert not (tmp_path / "new.touchline").exists()

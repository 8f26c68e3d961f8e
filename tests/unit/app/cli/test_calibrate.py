"""`touchline calibrate` reads gaps from the labels of training, wherever they are."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from app.cli.evaluate import calibrate
from model.evaluation.gaps import least_gaps
from model.library import find_checkpoint
from model.network.checkpoint import Checkpoint
from model.spotting.options import LabelOptions
from model.training.annotations import find_matches
from tests.shared_data import shared_dir


@pytest.fixture
def arena() -> Path:
    """The shared matches."""
    shared = shared_dir()
    if shared is None:
        pytest.skip("the shared matches are not there")
    return shared / "data/arena"


def drive_after(words: list[str], out: Path) -> tuple[LabelOptions, str]:
    """The options of DRIVE after calibrating the shipped weights, and the output."""
    app = typer.Typer()
    app.command()(calibrate)
    result = CliRunner().invoke(app, ["arena-rny002", *words, "--out", str(out)])
    assert result.exit_code == 0, result.output
    options = Checkpoint.open(out).manifest.spotting
    return options.labels["DRIVE"], result.output


@pytest.mark.parametrize("way", ["split", "folder"])
def test_gaps_are_those_of_the_matches_of_training(
    arena: Path, tmp_path: Path, way: str
) -> None:
    trained_on = sorted(match.name for match in (arena / "train").iterdir())
    matches = tmp_path / "matches"
    matches.mkdir()
    (matches / "match_02").symlink_to(arena / "val/match_02")
    options = ["--trained-on", str(arena / "train")]
    if way == "split":
        for name in trained_on:
            (matches / name).symlink_to(arena / "train" / name)
        parts = {"train": trained_on, "val": ["match_02"], "test": []}
        (tmp_path / "split.json").write_text(json.dumps({"parts": parts}))
        options = ["--split", str(tmp_path / "split.json")]

    drive, output = drive_after([str(matches), *options], tmp_path / "out.touchline")

    labels = ("PASS", "DRIVE", "SHOT")
    gap = least_gaps(find_matches(arena / "train"), labels)["DRIVE"]
    assert (drive.gap_before_s, drive.gap_after_s) == (gap.before_s, gap.after_s)
    assert f"lowered by other labels {gap.before_s:g} s before" in output


def test_matches_that_are_calibrated_on_tell_no_gaps(
    arena: Path, tmp_path: Path
) -> None:
    (tmp_path / "matches").mkdir()
    (tmp_path / "matches/match_02").symlink_to(arena / "val/match_02")
    words = [str(tmp_path / "matches"), "--trained-on", str(tmp_path / "matches")]

    drive, _ = drive_after(words, tmp_path / "out.touchline")

    # Nothing is left to learn from: as without the option, what it has is tried.
    path = find_checkpoint("arena-rny002")
    shipped = Checkpoint.open(path).manifest.spotting.labels["DRIVE"]
    assert shipped.gap_after_s > 0
    assert drive.gap_after_s == shipped.gap_after_s

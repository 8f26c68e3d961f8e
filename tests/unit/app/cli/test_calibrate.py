"""`touchline calibrate` reads gaps from the labels of training, wherever they are."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from app.cli.evaluate import calibrate
from model.checkpoint.archive import Checkpoint, with_changes
from model.checkpoint.library import find_checkpoint
from model.checkpoint.spotting_options import LabelOptions
from model.data.matches import find_matches
from model.errors import BadAnnotations
from model.evaluation.gaps import least_gaps
from tests.shared_data import shared_dir


@pytest.fixture
def arena() -> Path:
    """The shared matches."""
    shared = shared_dir()
    if shared is None:
        pytest.skip("the shared matches are not there")
    return shared / "data/arena"


def without_gaps(path: Path) -> Path:
    """A copy of the shipped weights that has no gaps yet."""
    checkpoint = Checkpoint.open(find_checkpoint("arena-rny002"))
    spotting = checkpoint.manifest.spotting
    labels = {
        label: replace(options, gap_before_s=0.0, gap_after_s=0.0)
        for label, options in spotting.labels.items()
    }
    return with_changes(
        checkpoint, path, spotting=replace(spotting, labels=labels)
    ).path


def drive_after(
    checkpoint: Path, words: list[str], out: Path
) -> tuple[LabelOptions, str]:
    """The options of DRIVE after calibrating a checkpoint, and the output."""
    app = typer.Typer()
    app.command()(calibrate)
    result = CliRunner().invoke(app, [str(checkpoint), *words, "--out", str(out)])
    assert result.exit_code == 0, result.output
    options = Checkpoint.open(out).manifest.spotting
    return options.labels["DRIVE"], result.output


@pytest.mark.slow
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

    bare = without_gaps(tmp_path / "bare.touchline")

    words = [str(matches), *options]
    drive, output = drive_after(bare, words, tmp_path / "out.touchline")

    labels = ("PASS", "DRIVE", "SHOT")
    gap = least_gaps(find_matches(arena / "train"), labels)["DRIVE"]
    assert (drive.gap_before_s, drive.gap_after_s) == (gap.before_s, gap.after_s)
    assert "from 26 matches of training: PASS, DRIVE" in output
    assert f"lowered by other labels {gap.before_s:g} s before" in output


@pytest.mark.slow
def test_matches_that_are_calibrated_on_tell_no_gaps(
    arena: Path, tmp_path: Path
) -> None:
    (tmp_path / "matches").mkdir()
    (tmp_path / "matches/match_02").symlink_to(arena / "val/match_02")
    words = [str(tmp_path / "matches"), "--trained-on", str(tmp_path / "matches")]

    path = find_checkpoint("arena-rny002")
    drive, output = drive_after(path, words, tmp_path / "out.touchline")

    assert "1 of 1 matches of training are calibrated on" in output
    # Nothing is left to learn from: as without the option, what it has is tried.
    shipped = Checkpoint.open(path).manifest.spotting.labels["DRIVE"]
    assert shipped.gap_after_s > 0
    assert drive.gap_after_s == shipped.gap_after_s


@pytest.mark.slow
def test_a_copy_of_a_match_that_is_calibrated_on_tells_no_gaps(
    arena: Path, tmp_path: Path
) -> None:
    copied = tmp_path / "elsewhere" / "again"
    shutil.copytree(arena / "val/match_02", copied)
    (tmp_path / "matches").mkdir()
    (tmp_path / "matches/match_02").symlink_to(arena / "val/match_02")
    words = [str(tmp_path / "matches"), "--trained-on", str(copied.parent)]

    _, output = drive_after(
        find_checkpoint("arena-rny002"), words, tmp_path / "out.touchline"
    )

    assert "1 of 1 matches of training are calibrated on" in output


def test_a_match_that_cannot_be_decoded_leaves_the_checkpoint_as_it_was(
    arena: Path, tmp_path: Path
) -> None:
    match = tmp_path / "matches/match_02"
    match.mkdir(parents=True)
    labels = (arena / "val/match_02/Labels-ball.json").read_bytes()
    (match / "Labels-ball.json").write_bytes(labels)
    (match / "video.mp4").write_bytes(b"damaged" * 99)
    checkpoint = without_gaps(tmp_path / "mine.touchline")
    before = checkpoint.read_bytes()
    app = typer.Typer()
    app.command()(calibrate)

    words = [str(checkpoint), str(tmp_path / "matches"), "--overlap", "0.5"]
    result = CliRunner().invoke(app, words)

    assert isinstance(result.exception, BadAnnotations)
    assert checkpoint.read_bytes() == before

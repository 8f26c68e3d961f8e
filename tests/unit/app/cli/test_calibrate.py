"""`touchline calibrate` keeps what it was given until all is well."""

import shutil
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from app.cli.evaluate import calibrate
from model.checkpoint.library import find_checkpoint
from model.errors import BadAnnotations
from tests.shared_data import shared_dir


@pytest.fixture
def arena() -> Path:
    """The shared matches."""
    shared = shared_dir()
    if shared is None:
        pytest.skip("the shared matches are not there")
    return shared / "data/arena"


@pytest.mark.slow
def test_a_match_that_cannot_be_decoded_leaves_the_checkpoint_as_it_was(
    arena: Path, tmp_path: Path
) -> None:
    match = tmp_path / "matches/match_02"
    match.mkdir(parents=True)
    labels = (arena / "val/match_02/Labels-ball.json").read_bytes()
    (match / "Labels-ball.json").write_bytes(labels)
    (match / "video.mp4").write_bytes(b"damaged" * 99)
    checkpoint = tmp_path / "mine.touchline"
    shutil.copy(find_checkpoint("arena-rny002"), checkpoint)
    before = checkpoint.read_bytes()
    app = typer.Typer()
    app.command()(calibrate)

    words = [str(checkpoint), str(tmp_path / "matches"), "--overlap", "0.5"]
    result = CliRunner().invoke(app, words)

    assert isinstance(result.exception, BadAnnotations)
    assert checkpoint.read_bytes() == before

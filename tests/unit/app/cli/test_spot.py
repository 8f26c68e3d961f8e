"""What `touchline spot` refuses before it does minutes of work."""

import os
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from app.cli.spot import spot
from model.errors import BadCheckpoint

touchline = typer.Typer()
touchline.command()(spot)


@pytest.fixture
def video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that stands for a video, and no model: nothing is ever spotted here."""
    gone = tmp_path / "gone.touchline"
    monkeypatch.setenv("TOUCHLINE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TOUCHLINE_MODEL", str(gone))
    path = tmp_path / "match.mp4"
    path.write_bytes(b"a video")
    return path


def refused(*words: str | Path) -> str:
    """Type a command that is used wrongly; returns what is said of it."""
    result = CliRunner().invoke(
        touchline, [str(word) for word in words], env={"COLUMNS": "400"}
    )
    assert result.exit_code == 2
    assert result.stdout == ""
    return result.stderr


def test_a_folder_is_no_file_to_write(video: Path, tmp_path: Path) -> None:
    assert "is a folder" in refused(video, "--out", tmp_path)


def test_a_folder_that_is_not_there_is_named(video: Path, tmp_path: Path) -> None:
    assert "there is no folder" in refused(video, "--out", tmp_path / "no" / "a.csv")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_file_that_may_not_be_written_is_named(video: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine.json"
    out.touch(mode=0o400)

    assert "cannot be written" in refused(video, "--out", out)


def test_a_video_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "there is no file" in refused(tmp_path / "no.mp4")


def test_the_model_of_the_environment_is_the_one_it_takes(
    video: Path, tmp_path: Path
) -> None:
    result = CliRunner().invoke(touchline, [str(video), "--quiet"])

    assert isinstance(result.exception, BadCheckpoint)
    assert str(tmp_path / "gone.touchline") in str(result.exception)

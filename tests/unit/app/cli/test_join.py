"""`touchline join`: files of one match become one video, or it is said why not."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.main import touchline
from model.errors import PartsDiffer
from model.video.timing import time_frames_in_child
from tests.videos import draw_video


def _run(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(
        touchline, ["join", *map(str, words)], env={"COLUMNS": "400"}
    )
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


@pytest.fixture
def parts(tmp_path: Path) -> list[Path]:
    found = [tmp_path / "1_match.mp4", tmp_path / "2_match.mp4"]
    for path, frames in zip(found, (30, 20), strict=True):
        draw_video(path, frames=frames, fps=25)
    return found


def test_files_become_one_and_their_places_are_told(
    parts: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "match.mp4"

    code, told = _run(*parts, "-o", out)

    assert code == 0
    assert "2_match.mp4: 1.200 s to 2.000 s, 20 frames; add 1.200 s" in told
    assert "2 parts joined" in told
    assert "nothing was encoded" in told
    assert len(time_frames_in_child(out).frame_times) == 50


def test_a_video_is_not_replaced_unasked(parts: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "match.mp4"
    out.write_bytes(b"precious")

    code, told = _run(*parts, "-o", out)

    assert code == 2
    assert "--force" in told
    assert out.read_bytes() == b"precious"
    assert _run(*parts, "-o", parts[0], "--force")[0] == 2
    assert _run(*parts, "-o", out, "--force")[0] == 0


def test_what_cannot_be_joined_is_refused_before_it_is_read(
    parts: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "match.mp4"

    for words, told in [
        ([parts[0]], "2 to 20 files"),
        ([parts[0], tmp_path / "none.mp4"], "there is no file"),
        ([parts[0], parts[0]], "is named twice"),
        (parts * 11, "2 to 20 files"),
    ]:
        code, said = _run(*words, "-o", out)
        assert (code, told in said) == (2, True), said
    assert ".mp4" in _run(*parts, "-o", tmp_path / "match.mkv")[1]
    assert not out.exists()


@pytest.mark.costly
@pytest.mark.slow
def test_parts_that_differ_leave_nothing_if_they_may_not_be_encoded(
    parts: list[Path], tmp_path: Path
) -> None:
    out, large = tmp_path / "match.mp4", tmp_path / "large.mp4"
    draw_video(large, frames=10, fps=25, size=(192, 96))

    with pytest.raises(PartsDiffer, match="192x96"):
        _run(parts[0], large, "-o", out, "--no-encode")

    assert not out.exists()
    code, told = _run(parts[0], large, "-o", out, "--encode")
    assert code == 0
    assert "Warning: All pictures were encoded anew" in told
    assert len(time_frames_in_child(out).frame_times) == 40

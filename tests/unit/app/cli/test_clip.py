"""`touchline clip`: highlights of a file of events, cut to the frame."""

import zipfile
from pathlib import Path

import av
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from app.cli.main import touchline
from tests.videos import draw_video, read_number

EVENTS = "type,time_s,frame,score\nPASS,1.0,25,0.9\nSHOT,2.0,50,0.4\nPASS,4.0,100,0.3\n"


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "match.mp4"
    draw_video(path, frames=125, fps=25, b_frames=2, sound=True)
    return path


@pytest.fixture
def events(tmp_path: Path) -> Path:
    path = tmp_path / "events.csv"
    path.write_text(EVENTS)
    return path


def run(*words: object) -> Result:
    """Type the command."""
    return CliRunner().invoke(
        touchline, ["clip", *map(str, words)], env={"COLUMNS": "400"}
    )


def numbers(path: Path) -> list[int]:
    with av.open(str(path)) as container:
        return [
            read_number(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))
            for frame in container.decode(video=0)
        ]


@pytest.mark.slow
def test_a_reel_has_the_frames_about_the_events(
    video: Path, events: Path, tmp_path: Path
) -> None:
    out = tmp_path / "reel.mp4"

    done = run(video, events, "--out", out, "--lead", 0.2, "--lag", 0.2)

    assert done.exit_code == 0, done.output
    assert "3 clips of 3 events" in done.output
    assert numbers(out) == [*range(20, 31), *range(45, 56), *range(95, 106)]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("events.csv", "match.mp4", "reel.mp4")
    ]


@pytest.mark.costly
@pytest.mark.slow
def test_a_copy_begins_at_key_frames(video: Path, events: Path, tmp_path: Path) -> None:
    out = tmp_path / "reel.mp4"

    done = run(
        *(video, events, "--out", out, "--mode", "copy", "--type", "SHOT"),
        *("--lead", 0.2, "--lag", 0.1),
    )

    assert done.exit_code == 0, done.output
    assert numbers(out)[:2] == [36, 37]


@pytest.mark.costly
@pytest.mark.slow
def test_only_borders_are_encoded_unless_captions_are_written(
    video: Path, events: Path, tmp_path: Path
) -> None:
    out, words = tmp_path / "reel.mp4", tmp_path / "words.mp4"
    options = ("--mode", "smart", "--lead", 0.6, "--lag", 0.2)

    plain = run(video, events, "--out", out, *options)
    told = run(video, events, "--out", words, *options, "--captions", "type, clock")
    wrong = run(video, events, "--out", tmp_path / "no.mp4", "--captions", "score")

    frames = [*range(10, 31), *range(35, 56), *range(85, 106)]
    assert numbers(out) == frames
    assert "encoded anew" not in plain.output
    assert "encoded anew: captions" in told.output
    with av.open(str(words)) as container:
        assert sum(1 for _ in container.decode(video=0)) == len(frames)
    assert wrong.exit_code != 0
    assert "clock, teams, type" in wrong.output


def test_an_archive_of_the_best_passes_first(
    video: Path, events: Path, tmp_path: Path
) -> None:
    out = tmp_path / "clips.zip"

    done = run(
        *(video, events, "--out", out, "--type", "PASS", "--order", "score"),
        *("--lead", 0.04, "--lag", 0),
    )

    assert done.exit_code == 0, done.output
    with zipfile.ZipFile(out) as archive:
        assert archive.namelist() == ["1-PASS-00h00m01s.mp4", "2-PASS-00h00m04s.mp4"]
        archive.extractall(tmp_path)
    assert numbers(tmp_path / "2-PASS-00h00m04s.mp4") == [99, 100]


def test_a_playlist_names_places_in_the_file(
    video: Path, events: Path, tmp_path: Path
) -> None:
    out = tmp_path / "list.m3u8"

    done = run(video, events, "--out", out, "--min-score", 0.4, "--lag", 0.5)

    assert done.exit_code == 0, done.output
    assert f"{video.as_uri()}#t=0.000,2.520" in out.read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--out", "reel.gif"], "should end in"),
        (["--out", "match.mp4"], "same file as the input"),
        (["--out", "reel.mp4", "--type", "GOAL"], "No event"),
        (["--out", "reel.mp4", "--lead", 0, "--lag", 0], "no length"),
        (["--out", "there.mp4"], "exists already"),
    ],
)
def test_what_cannot_be_cut_leaves_everything_as_it_was(
    video: Path, events: Path, tmp_path: Path, words: list[str], said: str
) -> None:
    (tmp_path / "there.mp4").write_text("mine")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    words = [words[0], str(tmp_path / words[1]), *words[2:]]

    done = run(video, events, *words)

    assert done.exit_code != 0
    assert said in done.output + str(done.exception)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before

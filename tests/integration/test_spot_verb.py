"""`touchline spot` as a program: a drawn video in, nothing but events out."""

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.mpegts import edit_times
from tests.videos import draw_video, match_picture

pytestmark = pytest.mark.costly

FPS = 30
FRAMES = 60
LABELS = {"PASS", "DRIVE", "SHOT"}

# The last line on standard error says whether the program ever imported torch.
PROGRAM = """
import sys
from app.cli.main import main
try:
    main()
finally:
    print("torch" in sys.modules, file=sys.stderr)
"""


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of play."""
    path = tmp_path_factory.mktemp("video") / "match.mp4"
    draw_video(path, frames=FRAMES, fps=FPS, paint=match_picture)
    return path


@pytest.fixture(scope="module")
def in_json(video: Path, checkpoint: Path) -> str:
    """What it writes in JSON by the checkpoint's own thresholds."""
    return spotted(video, checkpoint, "--format", "json")


def spotted(video: Path, checkpoint: Path, *words: str | Path) -> str:
    """Run the verb on the CPU engine, model named by the environment."""
    environment = {**os.environ, "TOUCHLINE_MODEL": str(checkpoint)}
    command: Sequence[str | Path] = [sys.executable, "-c", PROGRAM, "spot", video]
    done = subprocess.run(
        [*command, "--engine", "openvino", *words],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "False"  # torch was not imported
    return done.stdout


def test_json_holds_the_video_and_its_events_and_no_more(in_json: str) -> None:
    document = json.loads(in_json)

    assert set(document) == {"video", "events"}
    assert document["video"] == "match.mp4"
    events = document["events"]
    assert events
    assert [event["id"] for event in events] == [
        str(number) for number in range(1, len(events) + 1)
    ]
    for event in events:
        assert list(event) == ["id", "type", "time_s", "frame", "score", "team"]
        assert event["type"] in LABELS
        assert 0 <= event["score"] <= 1
        assert 0 <= event["frame"] < FRAMES
        assert event["time_s"] == pytest.approx(event["frame"] / FPS, abs=0.0006)
    assert [event["time_s"] for event in events] == sorted(
        event["time_s"] for event in events
    )


def test_a_lowest_score_takes_the_place_of_the_thresholds(
    video: Path, checkpoint: Path, in_json: str
) -> None:
    events: list[dict[str, Any]] = json.loads(in_json)["events"]
    low, high = sorted({event["score"] for event in events})[:2]
    middle = (low + high) / 2

    text = spotted(
        *(video, checkpoint, "--format", "json", "--quiet"),
        *("--min-score", str(middle)),
    )

    left = [_facts(event) for event in json.loads(text)["events"]]
    assert left == [_facts(event) for event in events if event["score"] > middle]
    assert 0 < len(left) < len(events)


def test_a_table_goes_to_a_file_and_nothing_to_standard_output(
    video: Path, checkpoint: Path, in_json: str, tmp_path: Path
) -> None:
    out = tmp_path / "events.csv"

    text = spotted(video, checkpoint, "--format", "csv", "--out", out)

    assert text == ""
    rows = list(csv.DictReader(io.StringIO(out.read_bytes().decode())))
    assert [
        {
            **row,
            "time_s": float(row["time_s"]),
            "frame": int(row["frame"]),
            "score": float(row["score"]),
            "team": row["team"] or None,
        }
        for row in rows
    ] == json.loads(in_json)["events"]


def test_soccernets_form_leads_back_to_the_same_frames(
    video: Path, checkpoint: Path, in_json: str
) -> None:
    document = json.loads(spotted(video, checkpoint, "--format", "soccernet"))

    events = json.loads(in_json)["events"]
    assert document["UrlLocal"] == "match.mp4"
    assert [
        (one["label"], int(FPS * int(one["position"]) / 1000))
        for one in document["predictions"]
    ] == [(event["type"], event["frame"]) for event in events]


def _facts(event: dict[str, Any]) -> tuple[object, ...]:
    """An event without its number."""
    return tuple(event[name] for name in ("type", "time_s", "frame", "score"))


def test_what_is_wrong_with_a_file_is_said_beside_the_events(
    checkpoint: Path, tmp_path: Path
) -> None:
    path = tmp_path / "match.ts"
    draw_video(path, frames=FRAMES, fps=FPS, start_ms=10_000, paint=match_picture)
    edit_times(path, lambda number: 30.0 if number == 20 else 0)

    environment = {**os.environ, "TOUCHLINE_MODEL": str(checkpoint)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "spot", path, "--engine", "openvino"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert "Warning: The file's clock is wrong at 1 frame." in done.stderr
    assert "Warning" not in done.stdout


def test_what_a_format_cannot_hold_is_not_lost(
    video: Path, checkpoint: Path, in_json: str, tmp_path: Path
) -> None:
    out = tmp_path / "chapters.txt"
    environment = {**os.environ, "TOUCHLINE_MODEL": str(checkpoint)}
    command: Sequence[str | Path] = [sys.executable, "-c", PROGRAM, "spot", video]

    done = subprocess.run(
        [*command, "--engine", "openvino", "--format", "youtube", "--out", out],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    (kept,) = tmp_path.iterdir()
    assert f"What was found is in {kept}" in done.stderr
    assert json.loads(kept.read_text()) == json.loads(in_json)


def test_a_video_whose_name_is_in_another_encoding_is_written_of(
    video: Path, checkpoint: Path, tmp_path: Path
) -> None:
    named = tmp_path / os.fsdecode("Köln.mp4".encode("latin-1"))
    named.symlink_to(video)

    text = spotted(named, checkpoint, "--format", "edl")

    assert text.startswith("TITLE: K\ufffdln.mp4")

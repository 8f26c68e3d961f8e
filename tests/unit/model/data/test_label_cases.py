"""Label files as people have them, and what must come of each."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from model.data.checks import check_labels
from model.data.label_files import read_labels
from model.data.labels import Event, MatchLabels
from model.data.matches import find_matches, unlabelled_videos
from model.data.videos import files_below
from model.errors import BadAnnotations
from tests.shared_data import shared_file

CASES = "cases/labels"
TRUTH = "data/arena/val/match_00/Labels-ball.json"


def case(name: str, tmp_path: Path, *videos: str) -> Path:
    """Put a case beside videos that are never decoded."""
    names = {"j4_halves": "Labels-v2.json"}
    file = "labels.csv" if name.startswith("c") else names.get(name, "Labels-ball.json")
    shutil.copy(shared_file(f"{CASES}/{name}/{file}"), tmp_path / file)
    for video in videos:
        (tmp_path / video).touch()
    return tmp_path


def times_of(events: tuple[Event, ...]) -> list[tuple[str, int]]:
    """Give labels and milliseconds."""
    return [(event.label, round(event.time_s * 1000)) for event in events]


@pytest.mark.parametrize(
    "name",
    [
        "c1_semicolon_decimalcomma",
        "c4_mmss",
        "c5_bom_crlf",
        "c6_trailing_space",
        "j1_bom",
        "j8_osl",
    ],
)
def test_a_case_is_read_as_what_it_was_made_of(name: str, tmp_path: Path) -> None:
    truth = times_of(read_labels(shared_file(TRUTH))[0].events)

    (match,) = find_matches(case(name, tmp_path, "video.mp4"))

    # The case of mm:ss has fewer places than the truth at no event.
    assert times_of(match.labels.events) == truth


def test_halves_are_read_where_their_videos_are(tmp_path: Path) -> None:
    folder = case("j4_halves", tmp_path, "1_720p.mkv", "2_720p.mkv")

    matches = find_matches(folder)

    assert [match.video.name for match in matches] == ["1_720p.mkv", "2_720p.mkv"]
    assert sum(len(match.labels.events) for match in matches) == 107


def test_a_half_without_its_video_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadAnnotations, match="no video of it"):
        find_matches(case("j4_halves", tmp_path, "video.mp4"))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("j2_position_seconds", "position looks like seconds"),
        ("j6_gametime_disagrees", "gameTime runs 2 times as fast"),
    ],
)
def test_positions_in_another_unit_are_fatal(
    name: str, told: str, tmp_path: Path
) -> None:
    with pytest.raises(BadAnnotations, match=told):
        find_matches(case(name, tmp_path, "video.mp4"))


def test_milliseconds_under_seconds_are_fatal_and_named(tmp_path: Path) -> None:
    (match,) = find_matches(case("c10_ms_in_time_s", tmp_path, "video.mp4"))

    (finding,) = [
        one
        for one in check_labels(match.labels, duration_s=240.0, fps=30.0)
        if one.is_fatal and one.kind != "whole_seconds"
    ]
    assert finding.kind == "beyond_video"
    assert "look like milliseconds" in finding.text


def soccernet(folder: Path, rows: list[dict[str, str]]) -> Path:
    """Write SoccerNet's labels beside a video."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "Labels-ball.json"
    path.write_text(json.dumps({"annotations": rows}))
    (folder / "video.mp4").touch()
    return folder


def rows_at(per_s: float, clock: float = 1.0, shift_s: int = 0) -> list[dict[str, str]]:
    """Events every 7.3 s whose positions count `per_s` a second."""
    rows = []
    for number in range(1, 40):
        time_s = number * 7.3
        shown = int(time_s * clock) + shift_s
        rows.append(
            {
                "gameTime": f"1 - {shown // 60:02d}:{shown % 60:02d}",
                "label": "PASS",
                "position": str(int(time_s * per_s)),
            }
        )
    return rows


@pytest.mark.parametrize(
    ("per_s", "told"),
    [
        (1, "looks like seconds"),
        (25, "frame numbers at 25 a second"),
        (29.97, "frame numbers at 30 a second"),
        (59.94, "frame numbers at 60 a second"),
        (1e6, "microseconds"),
        (500, "2 times as fast"),
    ],
)
def test_the_unit_of_positions_is_told(per_s: float, told: str, tmp_path: Path) -> None:
    with pytest.raises(BadAnnotations, match=told):
        find_matches(soccernet(tmp_path, rows_at(per_s)))


def test_one_position_that_disagrees_is_a_warning(tmp_path: Path) -> None:
    rows = rows_at(1000)
    rows[3]["position"] = "99000"

    (match,) = find_matches(soccernet(tmp_path, rows))

    found = check_labels(match.labels, duration_s=300.0, fps=25.0)
    (note,) = [one for one in found if one.kind == "note"]
    assert not note.is_fatal
    assert "disagree in 1 of 39 events, the first is annotation 3" in note.text


@pytest.mark.parametrize("count", [1, 2])
def test_positions_of_few_events_in_another_unit_are_fatal(
    count: int, tmp_path: Path
) -> None:
    with pytest.raises(BadAnnotations, match="looks like seconds"):
        find_matches(soccernet(tmp_path, rows_at(1)[:count]))


def test_a_clock_that_runs_on_from_the_first_half_is_no_fault(tmp_path: Path) -> None:
    rows = rows_at(1000, shift_s=2700)

    (match,) = find_matches(soccernet(tmp_path, rows))

    assert match.labels.events[0].time_s == 7.3


@pytest.mark.parametrize(
    ("factor", "kind", "told"),
    [
        (0.001, "wrong_unit", "seconds that were read as milliseconds"),
        (0.025, "wrong_unit", "frame numbers at 25 a second"),
        (1000, "beyond_video", "milliseconds that were read as seconds"),
        (25, "beyond_video", "frame numbers at 25 a second"),
        (3, "beyond_video", "wrong video"),
    ],
)
def test_times_in_another_unit_are_fatal_without_a_game_time(
    factor: float, kind: str, told: str
) -> None:
    times = [(number * 2.31 + 0.07) * factor for number in range(100)]
    events = tuple(Event("PASS", time_s) for time_s in times)
    labels = MatchLabels("m", events, Path("labels.csv"))

    found = {one.kind: one for one in check_labels(labels, duration_s=240.0, fps=25.0)}

    assert found[kind].is_fatal
    assert told in found[kind].text


def test_labels_of_the_first_minutes_of_a_video_are_no_fault() -> None:
    events = tuple(Event("PASS", number * 1.37) for number in range(30))
    labels = MatchLabels("m", events, Path("labels.csv"))

    found = check_labels(labels, duration_s=5400.0, fps=25.0)

    assert "wrong_unit" not in [one.kind for one in found]


@pytest.mark.parametrize(
    "video", ["GX010001.MP4", "00001.MTS", "match.M2TS", "match.MoV", "clip.3gp"]
)
def test_videos_of_every_camera_are_found(video: str, tmp_path: Path) -> None:
    (tmp_path / video).touch()
    (tmp_path / f"._{video}").touch()
    (tmp_path / Path(video).with_suffix(".csv")).write_text("label,time_s\nPASS,1.5\n")
    companion = tmp_path / f"._{Path(video).with_suffix('.csv')}"
    companion.write_bytes(b"\0\5\26\7Mac OS X")

    (match,) = find_matches(tmp_path)

    assert match.video.name == video
    assert unlabelled_videos(tmp_path, [match]) == []
    assert sum(1 for _ in files_below(tmp_path)) == 2


def test_a_companion_of_macos_is_no_second_video(tmp_path: Path) -> None:
    soccernet(tmp_path, rows_at(1000))
    (tmp_path / "._video.mp4").touch()
    (tmp_path / "._Labels-ball.json").write_bytes(b"\0\5\26\7Mac OS X")

    assert find_matches(tmp_path)[0].video.name == "video.mp4"


PREDICTED = {
    "a.csv": "type,time_s,score\nPASS,1.5,0.9\n",
    "labels.csv": "id,type,time_s,frame,score,team\n1,PASS,1.5,45,0.9,\n",
    "Labels-ball.json": json.dumps(
        {"predictions": [{"label": "PASS", "position": "1500", "confidence": "0.9"}]}
    ),
    "Labels-v2.json": json.dumps(
        {"annotations": [{"label": "PASS", "position": "1500", "confidence": 0.9}]}
    ),
    "list.json": json.dumps(
        [
            {
                "video": "a",
                "num_frames": 90,
                "num_events": 1,
                "fps": 30.0,
                "events": [{"frame": 45, "label": "PASS", "score": 0.9}],
            }
        ]
    ),
    "osl.json": json.dumps(
        {
            "version": "2.0",
            "data": [
                {
                    "inputs": [{"path": "a.mp4"}],
                    "events": [
                        {"label": "PASS", "position_ms": 1500, "confidence_score": 0.9}
                    ],
                }
            ],
        }
    ),
}


@pytest.mark.parametrize("name", PREDICTED)
def test_predictions_are_not_taken_for_labels(name: str, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    (tmp_path / name).write_text(PREDICTED[name])

    with pytest.raises(BadAnnotations, match="holds predictions"):
        find_matches(tmp_path)


def test_a_table_whose_scores_are_empty_is_one_of_labels(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    (tmp_path / "a.csv").write_text("type,time_s,score\nPASS,1.5,\n")

    assert find_matches(tmp_path)[0].labels.events == (Event("PASS", 1.5),)


def counted(fps: float, frame_count: int | None, *frames: int) -> MatchLabels:
    """Labels that count frames."""
    events = tuple(Event("PASS", frame / fps, frame=frame) for frame in frames)
    return MatchLabels("m", events, Path("l.json"), fps=fps, frame_count=frame_count)


def test_frames_of_a_variable_rate_are_where_they_are_shown() -> None:
    # 300 frames at 40 ms, then 300 at 20 ms; every third was decoded.
    times = np.cumsum([0.0, *[0.04] * 300, *[0.02] * 300])[:600]
    steps = np.arange(0, 600, 3)
    rate = (steps[-1] - steps[0]) / (times[steps][-1] - times[steps][0])

    placed = counted(float(rate), None, 150, 450, 451).at_frames(steps, times[steps])

    assert [event.time_s for event in placed.events] == pytest.approx(
        [times[150], times[450], times[451]]
    )
    assert abs(450 / rate - times[450]) > 1  # what the stated rate would have given


def test_frames_that_may_be_others_than_the_videos_are_fatal() -> None:
    times = np.cumsum([0.0, *[0.04] * 300, *[0.02] * 300])[:600]
    steps = np.arange(600)

    with pytest.raises(BadAnnotations, match="rate of the video of m varies"):
        counted(25.0, 450, 150).at_frames(steps, times)
    by_count = counted(25.0, 600, 450).at_frames(steps, times)
    assert by_count.events[0].time_s == times[450]


def test_frames_taken_at_a_rate_of_their_own_keep_their_times() -> None:
    steps = np.arange(600)

    placed = counted(2.0, 48, 10).at_frames(steps, steps / 25.0)

    assert placed.events[0].time_s == 5.0

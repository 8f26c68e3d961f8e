"""Label files of three forms become the same events."""

import json
from pathlib import Path

import pytest

from model.data.label_files import read_labels
from model.data.labels import Event, label_names
from model.data.matches import find_matches
from model.errors import BadAnnotations

EVENTS = (Event("PASS", 1.5), Event("DRIVE", 2.0))


def soccernet(folder: Path, rows: list[dict[str, str]]) -> Path:
    """Write SoccerNet's form."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "Labels-ball.json"
    path.write_text(json.dumps({"UrlLocal": folder.name, "annotations": rows}))
    return path


def row(label: str, position: str, game_time: str = "1 - 00:01") -> dict[str, str]:
    """One annotation."""
    return {"gameTime": game_time, "label": label, "position": position}


def test_three_forms_give_the_same_events_in_order(tmp_path: Path) -> None:
    first = soccernet(tmp_path / "a", [row("DRIVE", "2000"), row("PASS", "1500")])
    second = tmp_path / "b.json"
    video = {"video": "b", "num_frames": 90, "num_events": 2, "fps": 30.0}
    events = [{"frame": 60, "label": "DRIVE"}, {"frame": 45, "label": "PASS"}]
    second.write_text(json.dumps([{**video, "events": events}]))
    third = tmp_path / "c.csv"
    third.write_text("type,time_ms\nPASS,1500\nDRIVE,2000\n")

    for path in (first, second, third):
        assert read_labels(path)[0].events == EVENTS


def test_matches_are_found_in_folders_and_beside_files(tmp_path: Path) -> None:
    soccernet(tmp_path / "one", [row("PASS", "1500")])
    (tmp_path / "one" / "video.mp4").touch()
    (tmp_path / "two.mp4").touch()
    (tmp_path / "two.csv").write_text("label,time_s\nPASS,1\nSHOT,2\n")

    matches = find_matches(tmp_path)

    assert [match.name for match in matches] == ["one", "two"]
    assert matches[1].video == tmp_path / "two.mp4"
    assert label_names(matches) == ("PASS", "SHOT")


def test_linked_folders_are_walked_and_circles_end(tmp_path: Path) -> None:
    soccernet(tmp_path / "far" / "one", [row("PASS", "1500")])
    (tmp_path / "far" / "one" / "video.mp4").touch()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "linked").symlink_to(tmp_path / "far" / "one")
    (tmp_path / "data" / "circle").symlink_to(tmp_path / "data")

    assert [match.name for match in find_matches(tmp_path / "data")] == ["linked"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read as JSON"),
        ("{}", "no list `annotations`"),
        ('{"annotations": [{"label": "PASS"}]}', "annotation 0 needs"),
        ('{"annotations": [{"label": "", "position": "5"}]}', "no label"),
        ('{"annotations": [{"label": "PASS", "position": "-5"}]}', "is at -0.005 s"),
    ],
)
def test_a_broken_label_file_is_named_with_its_fault(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "Labels-ball.json"
    path.write_text(text)

    with pytest.raises(BadAnnotations, match=message) as caught:
        read_labels(path)

    assert str(path) in str(caught.value)


def test_labels_of_two_halves_belong_to_the_videos_of_the_halves(
    tmp_path: Path,
) -> None:
    rows = [row("PASS", "1010"), row("SHOT", "1020", game_time="2 - 00:01")]
    soccernet(tmp_path / "m", rows)
    (tmp_path / "m" / "1_720p.mkv").touch()
    (tmp_path / "m" / "2_720p.mkv").touch()

    matches = find_matches(tmp_path)

    assert [(m.name, m.video.name) for m in matches] == [
        ("m/1", "1_720p.mkv"),
        ("m/2", "2_720p.mkv"),
    ]
    assert [m.labels.events for m in matches] == [
        (Event("PASS", 1.01),),
        (Event("SHOT", 1.02),),
    ]


def test_a_half_whose_video_is_missing_is_named(tmp_path: Path) -> None:
    rows = [row("PASS", "1010"), row("SHOT", "1020", game_time="2 - 00:01")]
    soccernet(tmp_path, rows)
    (tmp_path / "1_720p.mkv").touch()

    with pytest.raises(BadAnnotations, match=r"labels of half 2, but no video of it"):
        find_matches(tmp_path)


def test_a_csv_without_its_columns_says_which_are_needed(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("when,what\n1,PASS\n")

    with pytest.raises(BadAnnotations, match=r"`label` .*`time_s`"):
        read_labels(path)


def test_a_folder_without_matches_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(BadAnnotations, match="holds no labelled video"):
        find_matches(tmp_path)


def test_labels_without_their_video_are_an_error(tmp_path: Path) -> None:
    soccernet(tmp_path / "one", [row("PASS", "1500")])

    with pytest.raises(BadAnnotations, match="exactly one video"):
        find_matches(tmp_path)


def test_a_format_is_found_for_every_label_file(tmp_path: Path) -> None:
    first = soccernet(tmp_path / "a", [row("PASS", "1500")])
    second = tmp_path / "b.json"
    video = {"video": "b", "num_frames": 90, "num_events": 0, "fps": 30.0}
    second.write_text(json.dumps([{**video, "events": []}]))
    third = tmp_path / "c.CSV"
    third.write_text("type,time_ms\nPASS,1500\n")

    read = [read_labels(path)[0].events for path in (first, second, third)]

    assert read == [EVENTS[:1], (), EVENTS[:1]]


def test_a_file_of_no_known_format_is_refused_with_the_known_ones(
    tmp_path: Path,
) -> None:
    path = tmp_path / "labels.txt"
    path.write_text("PASS 1.5")

    with pytest.raises(BadAnnotations, match=r"known are json, soccernet"):
        read_labels(path)
    with pytest.raises(BadAnnotations, match="is not a file"):
        read_labels(tmp_path)


def test_every_format_carries_the_team(tmp_path: Path) -> None:
    rows = [
        {**row("PASS", "1500"), "team": "left"},
        {**row("GOAL", "2000"), "team": "not applicable"},
        row("OUT", "3000"),
    ]
    first = soccernet(tmp_path / "a", rows)
    second = tmp_path / "b.json"
    events = [
        {"frame": 45, "label": "PASS", "team": "left"},
        {"frame": 60, "label": "GOAL", "team": None},
        {"frame": 90, "label": "OUT"},
    ]
    video = {"video": "b", "num_frames": 99, "num_events": 3, "fps": 30.0}
    second.write_text(json.dumps([{**video, "events": events}]))
    third = tmp_path / "c.csv"
    third.write_text("type,time_ms,team\nPASS,1500, left\nGOAL,2000,\nOUT,3000\n")

    read = [read_labels(path)[0].events for path in (first, second, third)]

    expected = (Event("PASS", 1.5, "left"), Event("GOAL", 2.0), Event("OUT", 3.0))
    assert read == [expected] * 3

"""What is read of a data set, and what of it is refused."""

import json
from pathlib import Path

import pytest

from model.data.splits import Split
from model.errors import BadAnnotations
from model.teaching.matches import read_data
from model.teaching.options import TeachOptions
from tests.unit.model.teaching.toys import write_labels

OPTIONS = TeachOptions("hall", None, start="noise")
PARTS = {"train": ("a",), "val": ("b",), "test": ("c",)}


def dataset(root: Path, *, span: tuple[float, float] | None = (0.0, 60.0)) -> Path:
    """Write three matches without pictures, with two events each."""
    for name in "abc":
        folder = root / name
        folder.mkdir(parents=True)
        (folder / "video.mp4").write_bytes(name.encode())
        rows = [
            {"type": "PASS", "time_s": 10.0, "frame": 100},
            {"type": "SHOT", "time_s": 30.0, "frame": 300},
        ]
        write_labels(folder, rows if span else [], [span] if span else [])
    (root / "split.json").write_text(Split(PARTS).to_json())
    return root


def test_the_parts_are_the_splits_under_mapped_names(tmp_path: Path) -> None:
    options = TeachOptions(
        "hall", None, start="noise", mapping={"PASS": "BALL", "SHOT": None}
    )

    data = read_data(dataset(tmp_path), options, report=print)

    assert [match.name for match in data.train] == ["a"]
    assert [event.label for event in data.train[0].labels.events] == ["BALL"]
    assert data.holdout == {"b": ((0.0, 60.0),), "c": ((0.0, 60.0),)}


def forget(root: Path, label: str, *, matches: str) -> None:
    """Take a type out of the labels of some matches."""
    for name in matches:
        path = root / name / "labels.json"
        document = json.loads(path.read_text())
        rows = document["events"]
        document["events"] = [row for row in rows if row["type"] != label]
        path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("without", "val", "test"),
    [("", "b", "c"), ("b", "c", "b"), ("c", "b", "c"), ("bc", "b", "c")],
)
def test_it_is_stopped_by_a_part_in_which_something_happens_that_is_taught(
    tmp_path: Path, without: str, val: str, test: str
) -> None:
    root = dataset(tmp_path)
    forget(root, "SHOT", matches=without)
    options = TeachOptions("hall", None, start="noise", types=("SHOT",))

    data = read_data(root, options, report=print)

    assert [match.name for match in data.val] == [val]
    assert [match.name for match in data.test] == [test]


def test_a_match_whose_video_has_gone_is_left_out_with_a_note(tmp_path: Path) -> None:
    root = dataset(tmp_path)
    (root / "c" / "video.mp4").unlink()
    (root / "b" / "video.mp4").unlink()
    (root / "b" / "video.mp4").symlink_to(tmp_path / "vanished.mp4")
    (root / "split.json").write_text(
        Split({"train": ("a",), "val": ("b",), "test": ("c",)}).to_json()
    )
    lines: list[str] = []

    with pytest.raises(BadAnnotations, match="Nothing is held out"):
        read_data(root, OPTIONS, report=lines.append)

    assert len(lines) == 2
    assert all(line.startswith("left out") for line in lines)


def test_what_was_rejected_in_training_is_learned_from(tmp_path: Path) -> None:
    root = dataset(tmp_path)
    alarms = [
        {"match": name, "label": "SHOT", "time_s": 20.0, "score": 0.04}
        for name in ("a", "b")
    ]
    raw = {"format": "touchline-false-alarms", "false_alarms": alarms}
    (root / "false_alarms.json").write_text(json.dumps(raw))

    data = read_data(root, OPTIONS, report=print)

    assert [(alarm.match, alarm.score) for alarm in data.alarms] == [("a", 0.1)]


def test_labels_that_contradict_are_told(tmp_path: Path) -> None:
    root = dataset(tmp_path)
    rows = [
        {"type": "PASS", "time_s": 10.0, "frame": 100},
        {"type": "SHOT", "time_s": 10.04, "frame": 100},
    ]
    write_labels(root / "a", rows, [(0.0, 60.0)])

    data = read_data(root, OPTIONS, report=print)

    assert data.notes[0].startswith("1 moments have events of different types")


def test_no_reviewed_minute_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadAnnotations, match="no stretch of the video is reviewed"):
        read_data(dataset(tmp_path, span=None), OPTIONS, report=print)


def test_a_folder_without_a_split_is_refused(tmp_path: Path) -> None:
    root = dataset(tmp_path)
    (root / "split.json").unlink()

    with pytest.raises(BadAnnotations, match=r"has no split\.json"):
        read_data(root, OPTIONS, report=print)


def test_the_note_of_a_split_by_stretches_is_reported(tmp_path: Path) -> None:
    root = dataset(tmp_path)
    stretches = {
        "train": {"a": ((0.0, 20.0),)},
        "val": {"a": ((40.0, 60.0),)},
    }
    split = Split(
        {"train": ("a",), "val": ("a",), "test": ()}, stretches, "Mind the gap."
    )
    (root / "split.json").write_text(split.to_json())
    lines: list[str] = []

    data = read_data(root, OPTIONS, report=lines.append)

    assert data.holdout == {"a": ((40.0, 60.0),)}
    assert lines == ["Mind the gap."]

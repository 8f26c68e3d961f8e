"""Which files a watch takes, and what it remembers; without a service."""

import json
from pathlib import Path

import pytest

from touchline.watching.scan import Settling, Stamp, find_videos
from touchline.watching.state import (
    STATE_FILE,
    FileState,
    FolderBusy,
    WatchState,
    locked,
)

URL = "http://localhost:8000"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "cup" / "deep").mkdir(parents=True)
    (tmp_path / ".trash").mkdir()
    for name in (
        *(
            "a.mp4",
            "B.MP4",
            "c.MoV",
            "._a.mp4",
            ".hidden.mp4",
            "notes.txt",
            "a.mp4.csv",
        ),
        *("cup/d.mkv", "cup/deep/e.ts", ".trash/f.mp4", "g.mp4.part"),
    ):
        (tmp_path / name).write_bytes(b"x" * len(name))
    (tmp_path / "link.mp4").symlink_to(tmp_path / "a.mp4")
    (tmp_path / "folder.mp4").mkdir()
    return tmp_path


def test_videos_of_any_ending_and_case_are_found_and_companions_are_not(
    folder: Path,
) -> None:
    assert list(find_videos(folder, recursive=False)) == ["B.MP4", "a.mp4", "c.MoV"]
    assert sorted(find_videos(folder, recursive=True)) == [
        *("B.MP4", "a.mp4", "c.MoV", "cup/d.mkv", "cup/deep/e.ts"),
    ]


def test_a_file_is_whole_once_it_has_been_the_same_for_long_enough() -> None:
    settling = Settling(5)
    small, large, empty = Stamp(1, 1), Stamp(2, 2), Stamp(0, 1)

    assert settling.settled({"a": small, "b": small, "e": empty}, 0) == {}
    assert settling.settled({"a": large, "b": small, "e": empty}, 4) == {}
    assert settling.settled({"a": large, "b": small, "e": empty}, 5) == {"b": small}
    assert settling.settled({"a": large, "b": small}, 9) == {"a": large, "b": small}
    assert settling.settled({"b": large}, 10) == {}


def test_what_was_saved_is_known_to_the_next_watch_of_that_service(
    tmp_path: Path,
) -> None:
    state = WatchState(tmp_path, URL)
    state.files["a.mp4"] = FileState(1, 2, video="v", job="j", written=["csv"])
    state.save()

    assert WatchState(tmp_path, URL).files == state.files
    assert WatchState(tmp_path, "http://other:8000").files == {}
    assert [path.name for path in tmp_path.iterdir()] == [STATE_FILE]


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", '{"version": 2}', f'{{"version": 1, "url": "{URL}"}}'),
        f'{{"version": 1, "url": "{URL}", "files": []}}',
    ],
)
def test_a_state_that_cannot_be_read_is_begun_anew(tmp_path: Path, text: str) -> None:
    (tmp_path / STATE_FILE).write_text(text)

    assert WatchState(tmp_path, URL).files == {}


def test_members_of_a_later_release_are_left_out(tmp_path: Path) -> None:
    known = {"size_bytes": 1, "mtime_ns": 2, "mood": "good"}
    document = {"version": 1, "url": URL, "files": {"a.mp4": known}}
    (tmp_path / STATE_FILE).write_text(json.dumps(document))

    assert WatchState(tmp_path, URL).files == {"a.mp4": FileState(1, 2)}


def test_one_watch_at_a_time_has_a_folder(tmp_path: Path) -> None:
    with (
        locked(tmp_path),
        pytest.raises(FolderBusy, match="another touchline watch"),
        locked(tmp_path),
    ):
        pass

    with locked(tmp_path):
        pass

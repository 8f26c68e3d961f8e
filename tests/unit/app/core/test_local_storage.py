"""What a storage in a folder does beside the contract: no file outlives its use."""

import asyncio
import errno
import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from app.core.errors import StorageFull
from app.core.storage.keys import source_key, video_prefix
from app.core.storage.local import LocalStorage

VIDEO = uuid4()
KEY = source_key(VIDEO)
KILLED = """
import asyncio, os, sys
from pathlib import Path
from app.core.storage.local import LocalStorage

async def main():
    async with LocalStorage(Path(sys.argv[1])).put_stream(sys.argv[2]) as writer:
        await writer.write(b"x" * 2**21)
        os._exit(9)

asyncio.run(main())
"""


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_broken_upload_leaves_no_file(storage: LocalStorage, tmp_path: Path) -> None:
    async def break_off() -> None:
        async with storage.put_stream(KEY) as writer:
            await writer.write(b"x" * 2**21)
            raise ConnectionError

    with pytest.raises(ConnectionError):
        asyncio.run(break_off())

    assert files(tmp_path) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_a_problem_in_words_and_keeps_nothing(
    storage: LocalStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def no_room(handle: int, data: bytes) -> int:
        raise OSError(code, os.strerror(code))

    # A disk cannot be filled in a test that shares it with others.
    monkeypatch.setattr("app.core.storage.incoming.os.write", no_room)

    with pytest.raises(StorageFull, match="disk is full"):
        storage.put(KEY, b"x")

    assert files(tmp_path) == []


def test_what_a_killed_writer_left_is_removed(
    storage: LocalStorage, tmp_path: Path
) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), KEY], check=False, timeout=60
    )
    left = len(files(tmp_path))

    removed = storage.remove_unfinished()

    assert (killed.returncode, left, removed) == (9, 1, 1)
    assert files(tmp_path) == []


def test_a_deletion_that_was_killed_is_ended(
    storage: LocalStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(folder: Path) -> int:
        raise KeyboardInterrupt

    storage.put(KEY, b"x")
    with monkeypatch.context() as patch:
        # No other way to stop between the two steps of a deletion.
        patch.setattr("app.core.storage.incoming._remove", die)
        with pytest.raises(KeyboardInterrupt):
            storage.delete_prefix(video_prefix(VIDEO))
    half_done = (storage.exists(KEY), len(files(tmp_path)))

    removed = storage.remove_unfinished()

    assert (half_done, removed) == ((False, 1), 1)
    assert files(tmp_path) == []


def test_two_may_remove_the_same_folder_at_once(
    storage: LocalStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = os.walk

    def others_first(folder: Path, *, topdown: bool, onerror: object) -> list[object]:
        seen = list(walk(folder, topdown=topdown))
        for path, _, names in seen:
            for name in names:
                Path(path, name).unlink()
            Path(path).rmdir()
        return list(seen)

    storage.put(KEY, b"x")
    # No other way to be in the middle of a removal.
    monkeypatch.setattr("app.core.storage.incoming.os.walk", others_first)

    storage.delete_prefix(video_prefix(VIDEO))

    assert files(tmp_path) == []


def test_what_others_left_among_unfinished_files_stays(
    storage: LocalStorage, tmp_path: Path
) -> None:
    own = uuid4().hex
    names = (".DS_Store", "notes.part", f"{own}.txt")
    (tmp_path / "incoming" / f"{uuid4().hex}.part").mkdir(parents=True)
    for name in names:
        (tmp_path / "incoming" / name).write_text("mine")

    with capture_logs() as first:
        assert storage.remove_unfinished() == 0
    with capture_logs() as second:
        assert storage.remove_unfinished() == 0

    assert len(files(tmp_path)) == len(names)
    assert [one["event"] for one in first] == ["stray_file_skipped"] * 4
    assert second == []


def test_one_object_is_deleted_as_all_under_a_prefix_are(
    storage: LocalStorage, tmp_path: Path
) -> None:
    storage.put("videos/a/source", b"film")
    storage.put("videos/a/scores", b"curves")

    storage.delete_prefix("videos/a/source")
    storage.delete_prefix("videos/a/source")

    assert [path.name for path in files(tmp_path)] == ["scores"]


def test_an_object_whose_deletion_died_goes_with_the_next_clean_up(
    storage: LocalStorage, tmp_path: Path
) -> None:
    (tmp_path / "incoming").mkdir()
    (tmp_path / "incoming" / f"{uuid4().hex}.gone").write_text("film")

    assert storage.remove_unfinished() == 1
    assert files(tmp_path) == []


def test_a_link_is_not_followed(storage: LocalStorage, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_text("mine")
    (tmp_path / "incoming").mkdir()
    (tmp_path / "incoming" / f"{uuid4().hex}.gone").symlink_to(tmp_path / "elsewhere")

    assert storage.remove_unfinished() == 0
    assert (tmp_path / "elsewhere" / "file").read_text() == "mine"

"""Files appear whole or not at all, and nothing is left beside them."""

import asyncio
import errno
import hashlib
import os
from pathlib import Path
from uuid import uuid4

import pytest

from app.core.errors import StorageFull
from app.core.storage.interface import Storage, StoredFile
from app.core.storage.keys import scores_key, source_key, video_of, video_prefix
from app.core.storage.local import LocalStorage

KEY = source_key(uuid4())
TOKEN = uuid4()


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return LocalStorage(tmp_path)


def test_a_received_file_is_there_to_the_byte(storage: Storage, tmp_path: Path) -> None:
    content = os.urandom(3 * 2**20 + 5)

    stored = asyncio.run(_receive(storage, KEY, content))

    assert stored == StoredFile(KEY, len(content), hashlib.sha256(content).hexdigest())
    assert storage.read_bytes(KEY) == content
    assert storage.path_for(KEY).read_bytes() == content
    assert not list((tmp_path / "incoming").iterdir())


def test_a_broken_upload_leaves_nothing_behind(
    storage: Storage, tmp_path: Path
) -> None:
    async def break_off() -> None:
        async with storage.receive(KEY) as receiver:
            await receiver.write(b"x" * 2**21)
            raise ConnectionError

    with pytest.raises(ConnectionError):
        asyncio.run(break_off())

    assert not storage.exists(KEY)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_canceled_upload_leaves_nothing_behind(
    storage: Storage, tmp_path: Path
) -> None:
    async def hang(has_written: asyncio.Event) -> None:
        async with storage.receive(KEY) as receiver:
            await receiver.write(b"x" * 2**21)
            has_written.set()
            await asyncio.sleep(60)

    async def cancel() -> None:
        has_written = asyncio.Event()
        task = asyncio.create_task(hang(has_written))
        await has_written.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())

    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_reader_never_sees_half_a_file(storage: Storage) -> None:
    async def look_meanwhile() -> list[bool]:
        seen = []
        async with storage.receive(KEY) as receiver:
            await receiver.write(b"x" * 2**21)
            seen.append(storage.exists(KEY))
            await receiver.finish()
            seen.append(storage.exists(KEY))
        return seen

    assert asyncio.run(look_meanwhile()) == [False, True]


def test_small_files_are_replaced_whole(storage: Storage, tmp_path: Path) -> None:
    storage.write_bytes(KEY, b"old and longer")

    storage.write_bytes(KEY, b"new")

    assert storage.read_bytes(KEY) == b"new"
    assert not list((tmp_path / "incoming").iterdir())


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_a_problem_in_words_and_keeps_nothing(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def no_room(handle: int, data: bytes) -> int:
        raise OSError(code, os.strerror(code))

    # A disk cannot be filled in a test that shares it with others.
    monkeypatch.setattr("app.core.storage.local.os.write", no_room)

    with pytest.raises(StorageFull, match="disk is full"):
        storage.write_bytes(KEY, b"x")

    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_deleting_a_prefix_twice_is_fine(storage: Storage) -> None:
    video_id, job_id = uuid4(), uuid4()
    storage.write_bytes(source_key(video_id), b"x")
    storage.write_bytes(scores_key(video_id, job_id, TOKEN), b"y")
    storage.write_bytes(KEY, b"another's")

    for _ in range(2):
        storage.delete_prefix(video_prefix(video_id))

    assert not storage.exists(source_key(video_id))
    assert not storage.exists(scores_key(video_id, job_id, TOKEN))
    assert storage.exists(KEY)


def test_what_was_set_aside_comes_back_beside_what_is_there(storage: Storage) -> None:
    video_id, job_id = uuid4(), uuid4()
    prefix = video_prefix(video_id)
    storage.write_bytes(source_key(video_id), b"x")
    storage.move_to_trash(prefix)
    storage.write_bytes(scores_key(video_id, job_id, TOKEN), b"y")
    move_to_trash = (storage.in_trash(), storage.exists(source_key(video_id)))

    storage.restore(prefix)

    assert move_to_trash == ([prefix], False)
    assert storage.in_trash() == []
    assert storage.read_bytes(source_key(video_id)) == b"x"
    assert storage.read_bytes(scores_key(video_id, job_id, TOKEN)) == b"y"


def test_emptying_the_trash_leaves_what_others_set_aside(
    storage: Storage, tmp_path: Path
) -> None:
    mine, other = uuid4(), uuid4()
    for video_id in (mine, mine, other):  # Set aside twice: a worker wrote meanwhile.
        storage.write_bytes(source_key(video_id), b"x")
        storage.move_to_trash(video_prefix(video_id))

    storage.empty_trash(video_prefix(mine))

    assert storage.in_trash() == [video_prefix(other)]
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


def test_two_may_remove_the_same_folder_at_once(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    video_id = uuid4()
    prefix = video_prefix(video_id)
    storage.write_bytes(source_key(video_id), b"x")
    storage.move_to_trash(prefix)
    walk = os.walk

    def others_first(folder: Path, *, topdown: bool, onerror: object) -> list[object]:
        seen = list(walk(folder, topdown=topdown))
        for path, _, names in seen:
            for name in names:
                Path(path, name).unlink()
            Path(path).rmdir()
        return list(seen)

    # No other way to be in the middle of a removal.
    monkeypatch.setattr("app.core.storage.local.os.walk", others_first)

    storage.empty_trash(prefix)

    assert storage.in_trash() == []


def test_a_sweep_leaves_what_is_being_written(storage: Storage) -> None:
    async def sweep_meanwhile() -> list[str]:
        async with storage.receive(KEY) as receiver:
            await receiver.write(b"x" * 2**21)
            swept = storage.sweep_incoming()
            await receiver.finish()
        return swept

    assert asyncio.run(sweep_meanwhile()) == []
    assert storage.read_bytes(KEY) == b"x" * 2**21


@pytest.mark.parametrize("key", ["", "../x", "/etc/passwd", "videos/../../x"])
def test_a_key_never_leads_out(storage: Storage, key: str) -> None:
    with pytest.raises(ValueError, match="not a storage key"):
        storage.path_for(key)


def test_keys_name_their_video() -> None:
    video_id = uuid4()

    assert video_of(source_key(video_id)) == video_id
    assert video_of(scores_key(video_id, uuid4(), uuid4())) == video_id


async def _receive(storage: Storage, key: str, content: bytes) -> StoredFile:
    async with storage.receive(key) as receiver:
        for start in range(0, len(content), 70_001):
            await receiver.write(content[start : start + 70_001])
        assert receiver.size_bytes == len(content)
        return await receiver.finish()

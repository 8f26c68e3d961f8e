"""The contract of every storage: objects appear whole or not at all, by key alone."""

import asyncio
import hashlib
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.core.storage.interface import CHUNK_BYTES, ObjectBusy, Storage, StoredFile
from app.core.storage.keys import (
    is_scores_key,
    scores_key,
    source_key,
    video_of,
    video_prefix,
)
from app.core.storage.local import LocalStorage
from app.core.storage.opening import open_storage
from app.core.storage.settings import StorageSettings
from tests.azure_server import AzureOfTests
from tests.bucket_storage import storage_in, storage_on_azure
from tests.fakes import MemoryStorage
from tests.s3_server import S3OfTests

KEY = source_key(uuid4())
BAD_KEYS = ["", "../x", "/etc/passwd", "videos/../../x"]
CONTENT = os.urandom(2 * CHUNK_BYTES + 5)


@pytest.fixture(
    params=[
        "local",
        "linked",
        "memory",
        pytest.param("s3", marks=pytest.mark.slow),
        pytest.param("azure", marks=pytest.mark.slow),
    ]
)
def storage(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Storage:
    if request.param == "local":
        return LocalStorage(tmp_path)
    if request.param == "linked":
        return open_storage(StorageSettings(data_dir=tmp_path))
    if request.param == "memory":
        return MemoryStorage()
    if request.param == "azure":
        azure: AzureOfTests = request.getfixturevalue("azure")
        return storage_on_azure(azure, tmp_path / "cache", monkeypatch)
    server: S3OfTests = request.getfixturevalue("s3")
    return storage_in(server, tmp_path / "cache", monkeypatch, path="a folder/of ours")


def test_a_streamed_object_is_there_to_the_byte(storage: Storage) -> None:
    content = os.urandom(3 * 2**20 + 5)

    stored = asyncio.run(_stream(storage, KEY, content))

    assert stored == StoredFile(KEY, len(content), hashlib.sha256(content).hexdigest())
    assert storage.get(KEY) == content
    assert storage.remove_unfinished() == 0


def test_a_broken_stream_leaves_nothing_behind(storage: Storage) -> None:
    async def break_off() -> None:
        async with storage.put_stream(KEY) as writer:
            await writer.write(b"x" * 2**21)
            raise ConnectionError

    with pytest.raises(ConnectionError):
        asyncio.run(break_off())

    assert not storage.exists(KEY)
    assert storage.remove_unfinished() == 0


def test_a_canceled_stream_leaves_nothing_behind(storage: Storage) -> None:
    async def hang(has_written: asyncio.Event) -> None:
        async with storage.put_stream(KEY) as writer:
            await writer.write(b"x" * 2**21)
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

    assert not storage.exists(KEY)
    assert storage.remove_unfinished() == 0


def test_a_reader_never_sees_half_an_object(storage: Storage) -> None:
    async def look_meanwhile() -> list[bool]:
        seen = []
        async with storage.put_stream(KEY) as writer:
            await writer.write(b"x" * 2**21)
            seen.append(storage.exists(KEY))
            await writer.finish()
            seen.append(storage.exists(KEY))
        return seen

    assert asyncio.run(look_meanwhile()) == [False, True]


def test_what_is_being_written_is_not_unfinished(storage: Storage) -> None:
    async def clean_meanwhile() -> int:
        async with storage.put_stream(KEY) as writer:
            await writer.write(b"x" * 2**21)
            removed = storage.remove_unfinished()
            await writer.finish()
        return removed

    assert asyncio.run(clean_meanwhile()) == 0
    assert storage.get(KEY) == b"x" * 2**21


def test_small_objects_are_replaced_whole(storage: Storage) -> None:
    storage.put(KEY, b"old and longer")

    stored = storage.put(KEY, b"new")

    assert storage.get(KEY) == b"new"
    assert stored == StoredFile(KEY, 3, hashlib.sha256(b"new").hexdigest())


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (0, None),
        (5, None),
        (5, 9),
        (7, 7),
        (CHUNK_BYTES - 1, CHUNK_BYTES + 1),
        (len(CONTENT) - 1, len(CONTENT) + 99),
        (len(CONTENT) + 1, None),
    ],
)
def test_a_range_is_read_in_chunks(
    storage: Storage, start: int, end: int | None
) -> None:
    storage.put(KEY, CONTENT)

    chunks = asyncio.run(_read(storage, KEY, start, end))

    assert b"".join(chunks) == CONTENT[start:end]
    assert all(len(chunk) >= CHUNK_BYTES for chunk in chunks[:-1])


def test_a_range_that_is_open_outlasts_its_object(storage: Storage) -> None:
    async def delete_meanwhile() -> bytes:
        async with storage.open_range(KEY) as chunks:
            first = await anext(chunks)
            storage.delete_prefix("videos")
            return first + b"".join([chunk async for chunk in chunks])

    storage.put(KEY, CONTENT)

    assert asyncio.run(delete_meanwhile()) == CONTENT


def test_an_object_tells_its_size_and_age(storage: Storage) -> None:
    storage.put(KEY, b"four")

    found = storage.stat(KEY)

    assert (found.key, found.size_bytes) == (KEY, 4)
    assert abs(found.modified_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_local_copy_holds_the_bytes(storage: Storage) -> None:
    storage.put(KEY, CONTENT)

    with storage.local_copy(KEY) as path:
        assert path.read_bytes() == CONTENT

    assert storage.get(KEY) == CONTENT


def test_an_arriving_copy_holds_the_bytes_once_they_have_come(storage: Storage) -> None:
    storage.put(KEY, CONTENT)

    with storage.arriving_copy(KEY) as copy:
        if copy.coming is None:
            assert copy.path.read_bytes() == CONTENT
        else:
            copy.coming.arrival.wait_for(0, len(CONTENT))
            found = os.pread(copy.coming.descriptor, len(CONTENT) + 1, 0)
            assert found == CONTENT
        copy.check()

    with storage.local_copy(KEY) as path:
        assert path.read_bytes() == CONTENT


def test_an_object_is_saved_in_a_file_and_told_as_it_comes(
    storage: Storage, tmp_path: Path
) -> None:
    storage.put(KEY, CONTENT)
    told: list[int] = []

    with (tmp_path / "saved").open("wb") as file:
        storage.save(KEY, file, told.append)

    assert (tmp_path / "saved").read_bytes() == CONTENT
    assert told == sorted(told)
    assert told[-1] == len(CONTENT)


def test_what_nobody_stored_is_not_found(storage: Storage) -> None:
    async def open_it() -> None:
        async with storage.open_range(KEY):
            pass

    def copy_it() -> None:
        with storage.local_copy(KEY):
            pass

    def begin_to_copy_it() -> None:
        with storage.arriving_copy(KEY):
            pass

    asks: list[Callable[[], Any]] = [
        begin_to_copy_it,
        lambda: storage.get(KEY),
        lambda: storage.save(KEY, BytesIO()),
        lambda: storage.stat(KEY),
        lambda: asyncio.run(open_it()),
        copy_it,
    ]
    for ask in asks:
        with pytest.raises(FileNotFoundError):
            ask()
    assert not storage.exists(KEY)
    storage.delete(KEY)


def test_a_prefix_is_no_object(storage: Storage) -> None:
    storage.put(KEY, b"x")

    assert not storage.exists("videos")
    with pytest.raises(FileNotFoundError):
        storage.stat("videos")


def test_a_list_holds_what_is_under_the_prefix(storage: Storage) -> None:
    for key in ("a/b/1", "a/b/c/2", "a/bc/3", "d/4"):
        storage.put(key, key.encode())

    found = {one.key: one.size_bytes for one in storage.list("a/b")}

    assert found == {"a/b/1": 5, "a/b/c/2": 7}
    assert list(storage.list("nothing")) == []


def test_deleting_a_prefix_twice_is_fine(storage: Storage) -> None:
    video_id, job_id = uuid4(), uuid4()
    own = [source_key(video_id), scores_key(video_id, job_id, uuid4())]
    for key in (*own, KEY):
        storage.put(key, b"x")

    for _ in range(2):
        storage.delete_prefix(video_prefix(video_id))

    assert [storage.exists(key) for key in (*own, KEY)] == [False, False, True]
    assert storage.remove_unfinished() == 0


def test_one_object_is_deleted_alone(storage: Storage) -> None:
    for key in ("a/1", "a/2"):
        storage.put(key, b"x")

    for _ in range(2):
        storage.delete("a/1")

    assert [one.key for one in storage.list("a")] == ["a/2"]


def test_there_is_room(storage: Storage) -> None:
    assert storage.free_bytes() > 0


@pytest.mark.parametrize("key", BAD_KEYS)
def test_a_key_never_leads_out(storage: Storage, key: str) -> None:
    asks: list[Callable[[], Any]] = [
        lambda: storage.put(key, b"x"),
        lambda: storage.get(key),
        lambda: storage.stat(key),
        lambda: list(storage.list(key)),
        lambda: storage.delete(key),
        lambda: storage.delete_prefix(key),
        lambda: asyncio.run(_stream(storage, key, b"x")),
    ]
    for ask in asks:
        with pytest.raises(ValueError, match="not a storage key"):
            ask()


def test_keys_name_their_video() -> None:
    video_id = uuid4()
    scores = scores_key(video_id, uuid4(), uuid4())

    assert video_of(source_key(video_id)) == video_of(scores) == video_id
    assert (is_scores_key(scores), is_scores_key(source_key(video_id))) == (True, False)


@pytest.mark.parametrize(
    "key", ["videos", "videos/.DS_Store", f"other/{UUID(int=1)}/source", ".DS_Store"]
)
def test_what_is_of_no_video_is_told_so(key: str) -> None:
    with pytest.raises(ValueError):  # of UUID too
        video_of(key)


async def _stream(storage: Storage, key: str, content: bytes) -> StoredFile:
    async with storage.put_stream(key) as writer:
        for start in range(0, len(content), 70_001):
            await writer.write(content[start : start + 70_001])
        assert writer.size_bytes == len(content)
        return await writer.finish()


async def _read(storage: Storage, key: str, start: int, end: int | None) -> list[bytes]:
    async with storage.open_range(key, start, end) as chunks:
        return [chunk async for chunk in chunks]


def test_an_object_grows_over_several_openings(storage: Storage) -> None:
    seen = bytearray()

    first = asyncio.run(_append(storage, KEY, CONTENT[:7], observe=seen.extend))
    second = asyncio.run(_append(storage, KEY, CONTENT[7:], observe=seen.extend))

    assert (first, second) == (7, len(CONTENT))
    assert storage.get(KEY) == bytes(seen) == CONTENT
    assert storage.safe_size(KEY) == len(CONTENT)


def test_what_came_stays_whatever_ends_an_opening(storage: Storage) -> None:
    async def break_off() -> None:
        async with storage.append(KEY) as appender:
            await appender.write(CONTENT)
            raise ConnectionError

    with pytest.raises(ConnectionError):
        asyncio.run(break_off())

    assert storage.safe_size(KEY) == len(CONTENT)
    assert storage.get(KEY) == CONTENT


def test_one_at_a_time_adds_to_an_object(storage: Storage) -> None:
    async def add_meanwhile() -> None:
        async with storage.append(KEY) as appender:
            await appender.write(b"first")
            with pytest.raises(ObjectBusy):
                await _append(storage, KEY, b"second")

    asyncio.run(add_meanwhile())
    asyncio.run(_append(storage, KEY, b", third"))

    assert storage.get(KEY) == b"first, third"


def test_the_end_of_a_growing_object_can_be_forgotten(storage: Storage) -> None:
    async def forget() -> int:
        async with storage.append(KEY) as appender:
            await appender.write(b"kept, wrong")
            await appender.truncate(4)
            await appender.write(b" too")
            return await appender.flush()

    assert asyncio.run(forget()) == len(b"kept too")
    assert storage.get(KEY) == b"kept too"


def test_a_linked_object_outlives_the_one_it_came_from(storage: Storage) -> None:
    storage.put("uploads/a/part", CONTENT)
    storage.put(KEY, b"what was there is replaced")

    storage.link("uploads/a/part", KEY)
    storage.delete_prefix("uploads/a")

    assert storage.get(KEY) == CONTENT


def test_what_is_not_there_cannot_be_linked_or_measured(storage: Storage) -> None:
    with pytest.raises(FileNotFoundError):
        storage.link("uploads/a/part", KEY)
    with pytest.raises(FileNotFoundError):
        storage.safe_size(KEY)


def test_a_file_of_this_machine_is_kept_and_stays_what_it_was(
    storage: Storage, tmp_path: Path
) -> None:
    path, told = tmp_path / "match.mp4", list[int]()
    path.write_bytes(CONTENT)

    with path.open("rb") as file:
        stored = storage.put_file(KEY, file, told.append)
    path.write_bytes(b"changed")

    assert stored == StoredFile(KEY, len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    assert storage.get(KEY) == CONTENT
    assert told[-1] == len(CONTENT)


def test_a_file_that_is_given_up_on_the_way_is_not_kept(
    storage: Storage, tmp_path: Path
) -> None:
    def give_up(_: int) -> None:
        raise InterruptedError

    (tmp_path / "match.mp4").write_bytes(CONTENT)

    with (tmp_path / "match.mp4").open("rb") as file, pytest.raises(InterruptedError):
        storage.put_file(KEY, file, give_up)

    assert not storage.exists(KEY)
    assert storage.remove_unfinished() == 0


async def _append(
    storage: Storage, key: str, data: bytes, **options: Callable[[bytes], None]
) -> int:
    async with storage.append(key, **options) as appender:
        await appender.write(data)
        return await appender.flush()

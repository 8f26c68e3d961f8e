"""Buckets that answer with errors: what is waited for, and what is told."""

import asyncio
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.core.storage import object_errors
from app.core.storage.interface import (
    ObjectChanged,
    StorageRefused,
    StorageUnavailable,
)
from app.core.storage.object_store import ObjectStorage
from app.core.storage.object_windows import WINDOW_BYTES
from tests.bucket_proxy import (
    BUSY,
    EXPIRED,
    EXPIRED_OF_PROXIES,
    BucketProxy,
    Trouble,
    bucket_proxy,
)
from tests.bucket_storage import storage_in
from tests.s3_server import S3OfTests

pytestmark = pytest.mark.slow

KEY = "videos/a/source"
LARGE = os.urandom(40 * 2**20)  # three parts of an upload, five windows of a download
SHORT, LONG = timedelta(seconds=1), timedelta(seconds=30)
Open = Callable[..., ObjectStorage]


@pytest.fixture
def proxy(s3: S3OfTests) -> Iterator[BucketProxy]:
    with bucket_proxy(s3) as proxy:
        yield proxy


@pytest.fixture
def opened(proxy: BucketProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    def open_it(**options: Any) -> ObjectStorage:
        return storage_in(proxy.server, tmp_path / "cache", monkeypatch, **options)

    return open_it


def asks(storage: ObjectStorage) -> list[Callable[[], Any]]:
    return [
        lambda: storage.get(KEY),
        lambda: storage.stat(KEY),
        lambda: storage.put(KEY, b"new"),
        lambda: storage.delete(KEY),
        lambda: list(storage.list("videos")),
        lambda: storage.link(KEY, "videos/b/source"),
    ]


def test_a_bucket_that_is_busy_for_a_while_is_waited_for(
    proxy: BucketProxy, opened: Open
) -> None:
    storage = opened(retry_for=LONG)
    storage.put(KEY, b"here")

    proxy.trouble_for(BUSY, 2)

    assert storage.get(KEY) == b"here"
    assert proxy.refused


@pytest.mark.costly
@pytest.mark.parametrize("number", range(6))
def test_a_bucket_that_stays_busy_is_unavailable_and_well_after(
    proxy: BucketProxy, opened: Open, number: int
) -> None:
    storage = opened(retry_for=SHORT)
    storage.put(KEY, b"here")

    with proxy.in_trouble(BUSY), pytest.raises(StorageUnavailable):
        asks(storage)[number]()

    assert storage.get(KEY) == b"here"


@pytest.mark.costly
@pytest.mark.parametrize("trouble", [EXPIRED, EXPIRED_OF_PROXIES])
@pytest.mark.parametrize("number", range(6))
def test_expired_credentials_are_refused_and_told(
    proxy: BucketProxy,
    opened: Open,
    monkeypatch: pytest.MonkeyPatch,
    trouble: Trouble,
    number: int,
) -> None:
    monkeypatch.setattr(object_errors, "ASK_EVERY_S", 0.2)
    storage = opened(retry_for=SHORT)
    storage.put(KEY, b"here")

    with proxy.in_trouble(trouble), pytest.raises(StorageRefused, match="expired"):
        asks(storage)[number]()

    assert storage.get(KEY) == b"here"


def test_credentials_that_are_renewed_in_time_are_waited_for(
    proxy: BucketProxy, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_errors, "ASK_EVERY_S", 0.2)
    storage = opened(retry_for=LONG)
    storage.put(KEY, b"here")

    proxy.trouble_for(EXPIRED, 1)

    assert storage.get(KEY) == b"here"
    assert proxy.refused


@pytest.mark.costly
@pytest.mark.parametrize(
    ("trouble", "error"),
    [(BUSY, StorageUnavailable), (EXPIRED_OF_PROXIES, StorageRefused)],
)
def test_an_upload_in_parts_that_meets_trouble_half_way_leaves_nothing(
    proxy: BucketProxy,
    opened: Open,
    tmp_path: Path,
    trouble: Trouble,
    error: type[OSError],
) -> None:
    storage = opened(retry_for=SHORT)
    (tmp_path / "match.mp4").write_bytes(LARGE)

    def begin(done: int) -> None:
        if done > len(LARGE) // 2:
            proxy.trouble = trouble

    with (tmp_path / "match.mp4").open("rb") as file, pytest.raises(error):
        storage.put_file(KEY, file, begin)
    proxy.trouble = None

    assert not storage.exists(KEY)


@pytest.mark.costly
def test_a_download_that_meets_trouble_half_way_goes_on_after(
    proxy: BucketProxy, opened: Open
) -> None:
    storage = opened(retry_for=LONG)
    storage.put(KEY, LARGE)

    async def read() -> bytes:
        got = bytearray()
        async with storage.open_range(KEY) as chunks:
            async for chunk in chunks:
                if len(got) == 0:
                    proxy.trouble_for(BUSY, 1)
                got += chunk
        return bytes(got)

    assert asyncio.run(read()) == LARGE
    assert proxy.refused


@pytest.mark.costly
def test_an_object_that_is_replaced_while_a_range_is_open_is_never_mixed(
    opened: Open,
) -> None:
    storage = opened()
    storage.put(KEY, b"a" * 4 * WINDOW_BYTES)

    async def read() -> None:
        async with storage.open_range(KEY) as chunks:
            async for chunk in chunks:
                assert set(chunk) == {ord("a")}
                await asyncio.to_thread(storage.put, KEY, b"b" * 4 * WINDOW_BYTES)

    with pytest.raises(ObjectChanged):
        asyncio.run(read())


@pytest.mark.nightly
def test_an_object_that_is_replaced_while_the_cache_fills_leaves_no_copy(
    proxy: BucketProxy, opened: Open
) -> None:
    storage = opened()
    storage.put(KEY, LARGE)
    other = opened(bucket=storage.address.bucket)
    reads = 0

    def replace_it(method: str, target: str) -> None:
        nonlocal reads
        reads += method == "GET" and target.endswith("/source")
        if reads == 1:
            reads += 1
            other.put(KEY, bytes(reversed(LARGE)))

    proxy.passing = replace_it
    with pytest.raises(ObjectChanged), storage.local_copy(KEY):
        pass

    assert storage.cache.used_bytes() == 0
    with storage.local_copy(KEY) as path:
        assert path.read_bytes() == bytes(reversed(LARGE))


@pytest.mark.costly
def test_odd_keys_of_somebody_else_hide_none_of_ours(
    s3: S3OfTests, opened: Open
) -> None:
    storage = opened(path="ours")
    storage.put(KEY, b"here")
    s3.client().put_object(
        Bucket=storage.address.bucket, Key="ours/videos/a/b\x01c", Body=b"theirs"
    )

    listed = [one.key for one in storage.list("videos")]
    storage.delete_prefix("videos/a")

    assert listed == [KEY]
    assert list(storage.list("videos")) == []


@pytest.mark.costly
@pytest.mark.parametrize(
    "folder", ["a folder", "a+b", "100%", "%2F", "a?b", "a#b", "Vídeos für Bü", "⚽/x"]
)
def test_a_prefix_of_odd_characters_is_a_folder_like_any(
    s3: S3OfTests, opened: Open, folder: str
) -> None:
    storage = opened(path=folder)

    storage.put(KEY, b"here")
    storage.link(KEY, "videos/b/source")

    told = s3.client().list_objects_v2(Bucket=storage.address.bucket)
    keys = {one["Key"] for one in told["Contents"]}
    assert keys == {f"{folder}/{KEY}", f"{folder}/videos/b/source"}
    assert {one.key for one in storage.list("videos")} == {KEY, "videos/b/source"}
    storage.delete_prefix("videos/a")
    assert [one.key for one in storage.list("videos")] == ["videos/b/source"]
    asyncio.run(_grow(storage, b"x" * 9 * 2**20))
    storage.link("uploads/a/part", KEY)
    assert storage.get(KEY) == b"x" * 9 * 2**20


async def _grow(storage: ObjectStorage, data: bytes) -> None:
    async with storage.append("uploads/a/part") as appender:
        await appender.write(data)

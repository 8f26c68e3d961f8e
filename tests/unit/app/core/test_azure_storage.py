"""A container of Azure's as storage, where it is not as S3; against Azurite.

What all storages have in common is in `test_storage`.
"""

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from azure.storage.blob import generate_container_sas

from app.core.errors import StartFailed
from app.core.storage import bucket_objects
from app.core.storage.addresses import BucketAddress
from app.core.storage.bucket_objects import BucketObject
from app.core.storage.interface import (
    ObjectChanged,
    StorageRefused,
    StorageUnavailable,
)
from app.core.storage.local_cache import LocalCache
from app.core.storage.object_store import ObjectStorage
from app.core.storage.object_windows import WINDOW_BYTES
from tests.azure_server import ACCOUNT, ACCOUNT_KEY, AzureOfTests
from tests.bucket_storage import storage_on_azure, use_server

pytestmark = pytest.mark.slow

KEY = "videos/a/source"
SHORT = timedelta(seconds=1)


@pytest.fixture
def opened(
    azure: AzureOfTests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], ObjectStorage]:
    def open_it(path: str) -> ObjectStorage:
        return storage_on_azure(
            azure, tmp_path / "cache", monkeypatch, path=path, retry_for=SHORT
        )

    return open_it


def asks(storage: ObjectStorage) -> list[Callable[[], object]]:
    return [
        lambda: storage.get(KEY),
        lambda: storage.stat(KEY),
        lambda: storage.put(KEY, b"new"),
        lambda: storage.delete(KEY),
        lambda: list(storage.list("videos")),
        lambda: storage.link(KEY, "videos/b/source"),
    ]


def test_a_key_that_is_wrong_is_refused_and_told(
    azure: AzureOfTests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_server(azure, monkeypatch)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "bm9uZQ==")
    address = BucketAddress("az", azure.fresh_container())
    storage = ObjectStorage(address, LocalCache(tmp_path, 2**30), retry_for=SHORT)

    for ask in asks(storage):
        with pytest.raises(StorageRefused, match="missing, wrong or may not"):
            ask()


def test_a_container_that_is_not_there_is_told(
    azure: AzureOfTests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_server(azure, monkeypatch)
    address = BucketAddress("az", f"touchline-{uuid4().hex}")
    storage = ObjectStorage(address, LocalCache(tmp_path, 2**30), retry_for=SHORT)

    with pytest.raises(StorageUnavailable, match="make the bucket"):
        storage.put(KEY, b"new")
    with pytest.raises(StorageUnavailable, match="make the bucket"):
        storage.check()


def test_a_server_that_does_not_answer_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_server(AzureOfTests("http://127.0.0.1:9"), monkeypatch)
    address = BucketAddress("az", "club")
    storage = ObjectStorage(address, LocalCache(tmp_path, 2**30), retry_for=SHORT)

    for ask in asks(storage):
        with pytest.raises(StorageUnavailable, match="does not answer"):
            ask()


def test_without_an_account_the_service_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("AZUR")]:
        monkeypatch.delenv(name)

    with pytest.raises(StartFailed, match=r"az://club cannot be opened: .*[Aa]ccount"):
        ObjectStorage(
            BucketAddress("az", "club"), LocalCache(tmp_path, 1), retry_for=SHORT
        )


@pytest.mark.nightly
def test_an_object_that_is_replaced_while_a_range_is_open_is_never_mixed(
    opened: Callable[[str], ObjectStorage],
) -> None:
    storage = opened("")
    storage.put(KEY, b"a" * 4 * WINDOW_BYTES)

    async def read() -> None:
        async with storage.open_range(KEY) as chunks:
            async for chunk in chunks:
                assert set(chunk) == {ord("a")}
                await asyncio.to_thread(storage.put, KEY, b"b" * 4 * WINDOW_BYTES)

    with pytest.raises(ObjectChanged):
        asyncio.run(read())


def test_a_copy_that_takes_its_time_is_waited_for(
    opened: Callable[[str], ObjectStorage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Azurite copies at once, so the size of a copy under way is made up."""
    storage, to = opened(""), "videos/b/source"
    looks: list[str] = []
    storage.put(KEY, b"here")
    head = storage.objects.head

    def look(path: str) -> BucketObject:
        found = head(path)
        looks.append(path)
        is_early = path == to and looks.count(to) < 3
        return replace(found, size_bytes=0) if is_early else found

    monkeypatch.setattr(storage.objects, "head", look)
    monkeypatch.setattr(bucket_objects, "LOOK_EVERY_S", 0.01)
    storage.link(KEY, to)
    assert looks.count(to) == 3

    looks.clear()
    monkeypatch.setattr(bucket_objects, "COPY_S", 0.0)
    with pytest.raises(StorageUnavailable, match="still copies"):
        storage.link(KEY, to)


@pytest.mark.parametrize(
    "folder", ["a folder", "a+b", "100%", "%2F", "a?b", "a#b", "Vídeos für Bü", "⚽/x"]
)
def test_a_prefix_of_odd_characters_is_a_folder_like_any(
    azure: AzureOfTests, opened: Callable[[str], ObjectStorage], folder: str
) -> None:
    storage = opened(folder)

    storage.put(KEY, b"here")
    storage.link(KEY, "videos/b/source")

    with azure.client() as client:
        names = client.get_container_client(storage.address.bucket).list_blob_names()
        assert set(names) == {f"{folder}/{KEY}", f"{folder}/videos/b/source"}
    assert {one.key for one in storage.list("videos")} == {KEY, "videos/b/source"}
    storage.delete_prefix("videos/a")
    assert [one.key for one in storage.list("videos")] == ["videos/b/source"]


def test_a_key_of_somebody_else_that_cannot_be_read_is_named(
    azure: AzureOfTests, opened: Callable[[str], ObjectStorage]
) -> None:
    storage = opened("ours")
    storage.put(KEY, b"here")
    with azure.client() as client:
        theirs = client.get_container_client(storage.address.bucket)
        theirs.upload_blob("ours/videos/a/b//c", b"theirs")

    with pytest.raises(
        StorageUnavailable, match=r"cannot be read: .*ours/videos/a/b//c"
    ):
        list(storage.list("videos"))

    assert storage.get(KEY) == b"here"


def test_a_shared_access_signature_that_has_expired_is_told(
    azure: AzureOfTests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_server(azure, monkeypatch)
    container = azure.fresh_container()
    signature = generate_container_sas(
        ACCOUNT,
        container,
        ACCOUNT_KEY,
        permission="rwdlac",
        expiry=datetime.now(UTC) - timedelta(minutes=1),
    )
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_KEY")
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", signature)
    storage = ObjectStorage(
        BucketAddress("az", container), LocalCache(tmp_path, 2**30), retry_for=SHORT
    )

    with pytest.raises(StorageRefused):
        storage.put(KEY, b"new")

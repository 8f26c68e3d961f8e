"""Our own storage in a bucket of the test's servers."""

from datetime import timedelta
from pathlib import Path

import pytest

from app.core.storage.addresses import BucketAddress
from app.core.storage.local_cache import LocalCache
from app.core.storage.object_store import ObjectStorage
from tests.azure_server import AzureOfTests
from tests.s3_server import S3OfTests

CACHE_BYTES = 2**30


def storage_in(
    server: S3OfTests,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    path: str = "",
    bucket: str | None = None,
    retry_for: timedelta = timedelta(seconds=10),
    cache_bytes: int = CACHE_BYTES,
) -> ObjectStorage:
    """Open a bucket as the service does, by the standard variables."""
    use_server(server, monkeypatch)
    address = BucketAddress("s3", bucket or server.fresh_bucket(), path)
    return ObjectStorage(address, LocalCache(cache, cache_bytes), retry_for=retry_for)


def use_server(
    server: S3OfTests | AzureOfTests, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let this process, and those it starts, find the server."""
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)


def storage_on_azure(
    server: AzureOfTests,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    path: str = "a folder/of ours",
    retry_for: timedelta = timedelta(seconds=10),
) -> ObjectStorage:
    """Open a container of Azure's as the service does."""
    use_server(server, monkeypatch)
    address = BucketAddress("az", server.fresh_container(), path)
    return ObjectStorage(address, LocalCache(cache, CACHE_BYTES), retry_for=retry_for)

"""Batches of a bucket, on a real S3 server."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import obstore
import pytest
from obstore.store import S3Store
from sqlalchemy import select

from app.batches.tables import BatchItem
from app.jobs.tables import Job
from app.videos.tables import Video
from tests.api_server import RunningApi
from tests.integration.batch_work import BatchWork, items, look, start
from tests.s3_server import S3OfTests
from tests.s3_storage import use_server

API_SETTINGS = {"model": "tiny", "max_attempts": 1}
ODD = "final é & (1)#?%20+.mp4"


@pytest.fixture
def bucket(
    api: RunningApi,
    s3: S3OfTests,
    checkpoint: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[str]:
    """A bucket whose folder `archive` may be read; the service has the model `tiny`."""
    use_server(s3, monkeypatch)
    before, name = api.service, s3.fresh_bucket()
    models = api.data_dir / "models"
    models.mkdir(parents=True, exist_ok=True)
    (models / checkpoint.name).symlink_to(checkpoint)
    settings = before.settings.model_copy(update={"buckets": (f"s3://{name}/archive",)})
    api.app.state.resources = replace(before, settings=settings)
    yield name
    api.app.state.resources = before


def put(s3: S3OfTests, bucket: str, *keys: str) -> None:
    store = S3Store(
        bucket,
        endpoint=s3.url,
        access_key_id=s3.access_key,
        secret_access_key=s3.secret_key,
        region="us-east-1",
        client_options={"allow_http": True},
    )
    for key in keys:
        obstore.put(store, key, key.encode())


def test_a_folder_of_a_bucket_becomes_items_of_their_addresses(
    api: RunningApi, s3: S3OfTests, bucket: str
) -> None:
    keys = ["archive/2025/b.mp4", "archive/2025/cup/a.MOV", f"archive/2025/{ODD}"]
    put(s3, bucket, *keys, "archive/2025/notes.txt", "archive/2024/c.mp4")
    put(s3, bucket, "archive/2025x/d.mp4")
    work = BatchWork(api)

    batch = start(api, {"bucket": f"s3://{bucket}/archive/2025/"})
    assert work.run_one()
    work.feed()

    found = items(api, batch)
    assert {one["address"] for one in found} == {f"s3://{bucket}/{key}" for key in keys}
    assert {one["kind"] for one in found} == {"url"}
    assert {one["size_bytes"] for one in found} == {len(key.encode()) for key in keys}
    assert look(api, batch)["counts"]["queued"] == 3
    with api.service.sessions() as session:
        etags = session.scalars(select(BatchItem.etag)).all()
        sources = session.scalars(select(Video.source)).all()
        kinds = set(session.scalars(select(Job.kind).where(Job.video_id.is_not(None))))
    assert all(etags)
    assert {one["url"] for one in sources if one} == {
        f"s3://{bucket}/{key}" for key in keys
    }
    assert kinds == {"download"}


def test_a_bucket_that_is_listed_again_adds_only_what_is_new(
    api: RunningApi, s3: S3OfTests, bucket: str
) -> None:
    put(s3, bucket, *(f"archive/{number:04}.mp4" for number in range(3)))
    work = BatchWork(api, window=1)
    batch = start(api, {"bucket": f"s3://{bucket}/archive"})
    work.run_one()
    work.feed()

    put(s3, bucket, "archive/0004.mp4")
    with api.service.sessions.begin() as session:
        listing = session.scalars(select(Job).where(Job.kind == "batch")).one()
        listing.status, listing.attempt = "queued", 0
    work.run_one()

    assert len(items(api, batch)) == 4


@pytest.mark.parametrize("path", ["", "/other", "/archivex", "/archive/../other"])
def test_what_the_operator_does_not_allow_is_refused(
    api: RunningApi, bucket: str, path: str
) -> None:
    for asked in (
        {"bucket": f"s3://{bucket}{path}"},
        {"items": [{"url": f"s3://{bucket}{path}/a.mp4"}]},
    ):
        answer = api.client.post("/batches", json=asked)

        assert answer.status_code == 422
        assert answer.json()["type"] == "/problems/source-refused"


def test_a_bucket_that_is_not_there_fails_the_batch_and_says_so(
    api: RunningApi, s3: S3OfTests, bucket: str
) -> None:
    settings = api.service.settings.model_copy(
        update={
            "buckets": ("s3://touchline-nowhere",),
            "storage_retry": timedelta(seconds=1),
        }
    )
    api.app.state.resources = replace(api.service, settings=settings)
    work = BatchWork(api)

    batch = start(api, {"bucket": "s3://touchline-nowhere/x"})
    work.run_one()
    work.feed()

    failed = look(api, batch)
    assert failed["status"] == "failed"
    assert failed["error"]["code"] in ("source_not_listed", "nothing_listed")
    assert "touchline-nowhere" in failed["error"]["detail"]

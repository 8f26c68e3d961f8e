"""Batches of a bucket, on a real S3 server."""

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import obstore
import pyarrow.parquet as pq
import pytest
from obstore.store import S3Store
from sqlalchemy import select

from app.batches.tables import BatchItem
from app.core.storage.addresses import read_address
from app.core.storage.bucket_objects import BucketObjects
from app.core.storage.buckets import _access, list_objects
from app.core.storage.interface import StorageUnavailable
from app.core.storage.opening import open_storage
from app.jobs.tables import Job
from app.videos.tables import Video
from tests.api_server import RunningApi
from tests.bucket_storage import use_server
from tests.integration.batch_work import BatchWork, items, look, start
from tests.s3_server import S3OfTests
from tests.videos import draw_video, match_picture
from worker.handlers import bucket_object

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
    api.app.state.resources = replace(
        before, settings=settings, storage=open_storage(settings)
    )
    yield name
    api.app.state.resources = before


def store_of(s3: S3OfTests, bucket: str) -> S3Store:
    return S3Store(
        bucket,
        endpoint=s3.url,
        access_key_id=s3.access_key,
        secret_access_key=s3.secret_key,
        region="us-east-1",
        client_options={"allow_http": True},
    )


def put(s3: S3OfTests, bucket: str, *keys: str) -> None:
    store = store_of(s3, bucket)
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
    videos = [api.client.get(f"/videos/{one['video_id']}").json() for one in found]
    assert [one["source"]["url"] for one in videos] == [one["address"] for one in found]
    with api.service.sessions() as session:
        etags = session.scalars(select(BatchItem.etag)).all()
        sources = session.scalars(select(Video.source)).all()
        kinds = set(session.scalars(select(Job.kind).where(Job.video_id.is_not(None))))
    assert all(etags)
    assert {one["url"] for one in sources if one} == {
        f"s3://{bucket}/{key}" for key in keys
    }
    assert kinds == {"download"}


@pytest.mark.costly
def test_a_key_that_cannot_be_read_is_a_failed_item_and_hides_no_other(
    api: RunningApi, s3: S3OfTests, bucket: str
) -> None:
    put(s3, bucket, "archive/a.mp4", "archive/z.mp4")
    odd = "archive/tab\t1.mp4"
    s3.client().put_object(Bucket=bucket, Key=odd, Body=b"match")
    work = BatchWork(api)

    batch = start(api, {"bucket": f"s3://{bucket}/archive"})
    work.run_all()

    told = {one["address"]: one["error"] for one in items(api, batch)}
    assert {*told} == {
        f"s3://{bucket}/{key}" for key in ("archive/a.mp4", "archive/z.mp4", odd)
    }
    assert "control character" in told[f"s3://{bucket}/{odd}"]["detail"]
    root = read_address(f"s3://{bucket}")  # as the other clouds are listed
    plain = BucketObjects(root, retry_for=timedelta(seconds=1))
    with pytest.raises(StorageUnavailable, match="key that cannot be read"):
        list(plain.list("archive"))
    assert look(api, batch)["status"] == "completed"


def test_a_bucket_of_several_pages_is_listed_to_its_end(
    api: RunningApi, s3: S3OfTests, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [f"archive/{number}.mp4" for number in range(5)]
    put(s3, bucket, *keys)
    settings = api.service.settings
    client, root = _access(read_address(f"s3://{bucket}/archive")).client(), "archive"
    real = client.list_objects_v2
    monkeypatch.setattr(
        client, "list_objects_v2", lambda **asked: real(**asked, MaxKeys=2)
    )

    found = [address for address, _ in list_objects(f"s3://{bucket}/{root}", settings)]

    assert found == [f"s3://{bucket}/{key}" for key in keys]


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


def test_files_of_the_services_own_storage_are_no_source_for_any_project(
    api: RunningApi, s3: S3OfTests, bucket: str
) -> None:
    own = f"archive/ours/videos/{uuid4()}"
    put(s3, bucket, "archive/a.mp4", "archive/ours/videos/2025/b.mp4")
    put(
        s3,
        bucket,
        f"{own}/proxy/{uuid4()}.mp4",
        f"archive/ours/growing/{own[13:]}/x.mp4",
    )
    settings = api.service.settings.model_copy(
        update={"storage": f"s3://{bucket}/archive/ours"}
    )
    api.app.state.resources = replace(api.service, settings=settings)

    asked = [
        api.client.post("/videos", json={"url": f"s3://{bucket}/{own}/source"}),
        api.client.post("/batches", json={"bucket": f"s3://{bucket}/{own}"}),
    ]
    listed = [one for one, _ in list_objects(f"s3://{bucket}/archive", settings)]

    told = [(one.status_code, one.json()["type"]) for one in asked]
    assert told == [(422, "/problems/source-refused")] * 2
    assert listed == [
        f"s3://{bucket}/archive/a.mp4",
        f"s3://{bucket}/archive/ours/videos/2025/b.mp4",
    ]


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


@pytest.mark.costly
@pytest.mark.slow
def test_a_bucket_becomes_a_table_of_events(
    api: RunningApi, s3: S3OfTests, bucket: str, tmp_path: Path
) -> None:
    path = tmp_path / "match.mp4"
    draw_video(path, frames=30, fps=30, paint=match_picture)
    store = store_of(s3, bucket)
    obstore.put(store, f"archive/{ODD}", path.read_bytes())
    obstore.put(store, "archive/cup/b.mp4", path.read_bytes() + b"\0\0\0\x08free")
    put(s3, bucket, "archive/broken.mp4")
    work = BatchWork(api)

    batch = start(api, {"bucket": f"s3://{bucket}/archive"})
    work.run_all()

    done = look(api, batch)
    assert (done["status"], done["counts"]["succeeded"]) == ("completed", 2)
    assert [one["code"] for one in done["failures"]] == ["unreadable_video"]
    answer = api.client.get(f"/batches/{batch['id']}/events.parquet")
    table = pq.read_table(io.BytesIO(answer.content)).to_pylist()
    assert {row["source_url"] for row in table} == {
        f"s3://{bucket}/archive/{ODD}",
        f"s3://{bucket}/archive/cup/b.mp4",
    }
    assert {row["video_filename"] for row in table} == {ODD, "b.mp4"}


@pytest.mark.costly
def test_an_object_that_is_gone_by_its_turn_is_a_failed_item(
    api: RunningApi, s3: S3OfTests, bucket: str
) -> None:
    put(s3, bucket, "archive/a.mp4")
    work = BatchWork(api)
    batch = start(api, {"bucket": f"s3://{bucket}/archive"})
    work.run_one()
    obstore.delete(store_of(s3, bucket), "archive/a.mp4")

    work.run_all()

    (item,) = items(api, batch)
    assert (item["state"], item["error"]["code"]) == ("failed", "source_not_found")


def test_an_object_that_is_replaced_while_it_is_read_gives_no_mixed_file(
    api: RunningApi,
    s3: S3OfTests,
    bucket: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = store_of(s3, bucket)
    monkeypatch.setattr(bucket_object, "READ_BYTES", 1000)
    obstore.put(store, "archive/a.mp4", b"a" * 5 * 2**20)
    work = BatchWork(api)
    batch = start(api, {"bucket": f"s3://{bucket}/archive"})
    work.run_one()
    work.feed()
    real, reads = BucketObjects.read, 0

    def read(self: BucketObjects, *words: Any, **named: Any) -> bytes:
        nonlocal reads
        reads += 1
        if reads == 2:
            obstore.put(store, "archive/a.mp4", b"b" * 5 * 2**20)
        return real(self, *words, **named)

    monkeypatch.setattr(BucketObjects, "read", read)
    work.run_one()
    work.feed()

    (item,) = items(api, batch)
    assert (item["state"], item["error"]["code"]) == ("failed", "source_changed")
    assert "replaced while it was read" in item["error"]["detail"]

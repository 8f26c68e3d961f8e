"""Videos whose files stay in a bucket of their own, on a real S3 server."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.core.storage.bucket_objects import BucketObjects
from app.core.storage.keys import video_prefix
from app.core.storage.links import Link, is_link_key
from app.core.storage.opening import open_plain_storage, open_storage
from app.core.storage.presigning import open_presigner
from app.projects.quotas import _stored
from app.videos.cleanup import clean_up
from app.videos.tables import Video
from tests.api_server import RunningApi, make_settings, running_api
from tests.bucket_storage import use_server
from tests.databases import PostgresOfTests
from tests.integration.batch_work import BatchWork
from tests.s3_server import S3OfTests
from tests.videos import draw_video, match_picture

pytestmark = [pytest.mark.slow, pytest.mark.costly]


@dataclass(frozen=True)
class Archive:
    """A service, and a bucket of somebody else's that it may read."""

    api: RunningApi
    s3: S3OfTests
    bucket: str

    def put(self, content: bytes, key: str = "archive/final.mp4") -> str:
        self.s3.client().put_object(Bucket=self.bucket, Key=key, Body=content)
        return f"s3://{self.bucket}/{key}"

    def keys(self) -> list[str]:
        listed = self.s3.client().list_objects_v2(Bucket=self.bucket)
        return [one["Key"] for one in listed.get("Contents", [])]

    def add(self, url: str) -> dict[str, Any]:
        answer = self.api.client.post("/videos", json={"url": url})
        assert answer.status_code == 202, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def work(self) -> None:
        BatchWork(self.api).run_all()

    def look(self, made: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self.api.client.get(f"/videos/{made['id']}").json()
        return found

    def own_keys(self, made: dict[str, Any]) -> list[str]:
        prefix = video_prefix(UUID(made["id"]))
        return [one.key for one in self.api.service.storage.list(prefix)]

    def again(self, made: dict[str, Any]) -> dict[str, Any]:
        """Analyse once more; gives the job as it ended."""
        path = f"/videos/{made['id']}/jobs"
        asked = self.api.client.post(path, json={"kind": "spot"})
        assert asked.status_code == 202, asked.text
        self.work()
        told: dict[str, Any] = self.api.client.get(f"/jobs/{asked.json()['id']}").json()
        return told


@pytest.fixture(
    scope="module",
    params=[pytest.param("folder", marks=pytest.mark.nightly), "bucket"],
)
def own_storage(request: pytest.FixtureRequest, s3: S3OfTests) -> str | None:
    return None if request.param == "folder" else f"s3://{s3.fresh_bucket()}/ours"


@pytest.fixture(scope="module")
def running(
    own_storage: str | None,
    s3: S3OfTests,
    postgres: PostgresOfTests,
    redis_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Archive]:
    foreign = s3.fresh_bucket()
    with pytest.MonkeyPatch.context() as patch, postgres.fresh_database() as url:
        use_server(s3, patch)
        settings = make_settings(
            data_dir=tmp_path_factory.mktemp("data"),
            database_url=url,
            redis_url=redis_url,
            storage=own_storage,
            storage_retry="PT2S",
            buckets=f"s3://{foreign}/archive",
            model="tiny",
            max_attempts=1,
        )
        with running_api(settings) as api:
            yield Archive(api, s3, foreign)


@pytest.fixture
def archive(running: Archive, checkpoint: Path) -> Archive:
    running.api.forget_all()
    models = running.api.data_dir / "models"
    models.mkdir()
    (models / checkpoint.name).symlink_to(checkpoint)
    return running


@pytest.fixture(scope="module")
def match(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("match") / "match.mp4"
    draw_video(path, frames=30, fps=30, paint=match_picture)
    return path.read_bytes()


def test_a_video_is_analysed_and_played_where_it_lies(
    archive: Archive, match: bytes
) -> None:
    made = archive.add(archive.put(match))

    archive.work()

    found, client = archive.look(made), archive.api.client
    assert (found["status"], found["size_bytes"]) == ("succeeded", len(match))
    fetched = [key for key in archive.own_keys(made) if "/fetched/" in key]
    assert [is_link_key(key) for key in fetched] == [True]
    path = f"/videos/{made['id']}/file"
    assert client.get(path).content == match
    part = client.get(path, headers={"range": "bytes=1000-1999"})
    assert (part.status_code, part.content) == (206, match[1000:2000])
    assert client.head(path).headers["content-length"] == str(len(match))


def test_the_same_bytes_are_found_again_however_they_came(
    archive: Archive, match: bytes
) -> None:
    linked = archive.add(archive.put(match))
    archive.work()

    sent = archive.api.client.post("/videos", files={"file": ("m.mp4", match)})

    assert sent.json()["duplicate_of"] == linked["id"]


def test_what_lies_elsewhere_takes_nothing_of_a_quota(
    archive: Archive, match: bytes
) -> None:
    made = archive.add(archive.put(match))
    archive.work()

    with archive.api.service.sessions() as session:
        project_id = session.get_one(Video, UUID(made["id"])).project_id
        stored = session.scalar(_stored(project_id))
    assert stored == 0


def test_deleting_the_video_leaves_the_file_where_it_is(
    archive: Archive, match: bytes
) -> None:
    made = archive.add(archive.put(match))
    archive.work()

    assert archive.api.client.delete(f"/videos/{made['id']}").status_code == 204
    service = archive.api.service
    clean_up(sessions=service.sessions, storage=service.storage)

    assert archive.own_keys(made) == []
    assert archive.keys() == ["archive/final.mp4"]


def test_a_file_that_was_replaced_is_not_taken_for_the_old_one(
    archive: Archive, match: bytes
) -> None:
    made = archive.add(archive.put(match))
    archive.work()
    archive.put(match[:-1] + b"!")

    read = archive.api.client.get(f"/videos/{made['id']}/file")
    told = archive.again(made)

    assert (read.status_code, read.json()["type"]) == (409, "/problems/file-changed")
    assert (told["status"], told["error"]["code"]) == ("failed", "source_changed")
    assert "make a new video" in told["error"]["detail"]
    archive.put(match)
    assert archive.again(made)["status"] == "succeeded"


def test_a_file_that_is_gone_is_said_to_be(archive: Archive, match: bytes) -> None:
    made = archive.add(archive.put(match))
    archive.work()
    archive.s3.client().delete_object(Bucket=archive.bucket, Key="archive/final.mp4")

    read = archive.api.client.get(f"/videos/{made['id']}/file")
    told = archive.again(made)

    assert read.status_code == 404
    assert (told["status"], told["error"]["code"]) == ("failed", "source_missing")


@pytest.mark.nightly
def test_a_file_that_goes_while_it_comes_is_said_to_be_gone(
    archive: Archive, match: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = archive.add(archive.put(match))
    archive.work()
    shutil.rmtree(archive.api.data_dir / "cache")
    client, real = archive.s3.client(), BucketObjects.read

    def read(self: BucketObjects, *words: Any, **named: Any) -> bytes:
        if self.address.bucket == archive.bucket:
            client.delete_object(Bucket=archive.bucket, Key="archive/final.mp4")
        return real(self, *words, **named)

    monkeypatch.setattr(BucketObjects, "read", read)
    told = archive.again(made)

    assert (told["status"], told["error"]["code"]) == ("failed", "source_missing")


def test_a_bucket_that_is_allowed_no_more_is_read_no_more(
    archive: Archive, match: bytes
) -> None:
    made = archive.add(archive.put(match))
    archive.work()
    before = archive.api.service
    settings = before.settings.model_copy(update={"buckets": ()})
    archive.api.app.state.resources = replace(
        before, settings=settings, storage=open_storage(settings)
    )
    try:
        read = archive.api.client.get(f"/videos/{made['id']}/file")
        told = archive.again(made)
    finally:
        archive.api.app.state.resources = before

    assert read.status_code == 503
    assert told["error"]["code"] == "storage_refused"
    assert "TOUCHLINE_BUCKETS" in told["error"]["detail"]


def test_a_copy_is_made_where_the_operator_says_so(
    archive: Archive, match: bytes
) -> None:
    before = archive.api.service
    settings = before.settings.model_copy(update={"bucket_sources": "copy"})
    archive.api.app.state.resources = replace(before, settings=settings)
    try:
        made = archive.add(archive.put(match))
        archive.work()
    finally:
        archive.api.app.state.resources = before
    archive.s3.client().delete_object(Bucket=archive.bucket, Key="archive/final.mp4")

    assert archive.api.client.get(f"/videos/{made['id']}/file").content == match


def test_a_backup_takes_the_link_and_not_what_it_names(
    archive: Archive, match: bytes
) -> None:
    url = archive.put(match)
    made = archive.add(url)
    archive.work()
    (key,) = filter(is_link_key, archive.own_keys(made))

    plain = open_plain_storage(archive.api.service.settings)

    with plain.local_copy(key) as path:
        assert Link.from_bytes(path.read_bytes()).url == url


def test_what_lies_elsewhere_comes_through_the_api_where_others_are_signed(
    archive: Archive, match: bytes
) -> None:
    before = archive.api.service
    if before.settings.storage is None:
        pytest.skip("addresses are signed for buckets only")
    made = archive.add(archive.put(match))
    archive.work()
    settings = before.settings.model_copy(update={"presigned_downloads": True})
    archive.api.app.state.resources = replace(
        before, settings=settings, presigner=open_presigner(settings)
    )
    try:
        read = archive.api.client.get(f"/videos/{made['id']}/file")
    finally:
        archive.api.app.state.resources = before

    assert (read.status_code, read.content) == (200, match)

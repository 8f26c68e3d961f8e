"""Backup, restore and retention where videos are kept in a bucket."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update

from app.backups.making import Policy, make_backup
from app.backups.repository import Manifest, Repository
from app.backups.restoring import restore
from app.core.db.session import make_engine
from app.core.storage.keys import part_key, proxy_key, source_key, thumbnail_key
from app.core.storage.linked import LinkedStorage
from app.core.storage.object_store import ObjectStorage
from app.core.storage.opening import open_storage
from app.jobs.tables import Job, JobStatus
from app.retention.service import apply_rules
from app.videos.cleanup import clean_up
from app.videos.tables import Video
from model.checkpoint.spotting_options import LabelOptions, SpottingOptions
from tests.api_server import RunningApi, make_settings, running_api
from tests.bucket_proxy import BUSY, BucketProxy, Trouble, bucket_proxy
from tests.bucket_storage import use_server
from tests.databases import PostgresOfTests
from tests.integration.analyses import analyse
from tests.integration.uploaded import Uploaded
from tests.s3_server import S3OfTests
from tests.unit.model.spotting.test_spot_stream import draw_timeline

pytestmark = pytest.mark.slow

NOW = datetime(2026, 5, 17, 18, 30, tzinfo=UTC)
OPTIONS = SpottingOptions(dict.fromkeys(("PASS", "DRIVE"), LabelOptions(0.3, 0.25)))
SOURCE = b"the bytes of a video"
TUS = {"tus-resumable": "1.0.0", "content-type": "application/offset+octet-stream"}


@dataclass(frozen=True)
class Kept:
    """A service that keeps its videos in a bucket, reached by way of a proxy."""

    api: RunningApi
    proxy: BucketProxy
    bucket: str

    @property
    def storage(self) -> ObjectStorage:
        storage = self.api.service.storage
        assert isinstance(storage, LinkedStorage)
        assert isinstance(storage.plain, ObjectStorage)
        return storage.plain

    def objects(self) -> dict[str, bytes]:
        return {
            one.key: self.storage.get(one.key) for one in self.storage.list("videos")
        }

    def video(self, content: bytes = SOURCE) -> UUID:
        """Upload a video and analyse it."""
        body = self.api.client.post("/videos", files={"file": content}).json()
        its = Uploaded(
            UUID(body["id"]), UUID(body["job"]["id"]), self.api.service.sessions
        )
        analyse(its, draw_timeline(1), OPTIONS, storage=self.storage)
        return UUID(body["id"])

    def grow_old(self, video_id: UUID) -> None:
        """Say that a video was brought long ago, and that nothing is done with it."""
        with self.api.service.sessions.begin() as session:
            ago = Video.created_at - timedelta(days=900)
            its = update(Video).where(Video.id == video_id)
            session.execute(its.values(created_at=ago))
            jobs = update(Job).where(Job.status == JobStatus.QUEUED)
            session.execute(jobs.values(status=JobStatus.CANCELED, finished_at=NOW))

    def begin_tus(self, content: bytes) -> str:
        """Begin an upload that goes on later."""
        size = str(len(content) + 1)
        headers = {**TUS, "upload-length": size}
        made = self.api.client.post("/uploads", headers=headers, content=content)
        assert made.status_code == 201, made.text
        return made.headers["location"]

    def back_up(self, repository: Repository, *, days: int = 0) -> Manifest:
        return make_backup(
            *(repository, self.api.service.engine, self.storage, self.api.data_dir),
            now=NOW + timedelta(days=days),
            policy=Policy(),
            report=lambda _: None,
        )


@pytest.fixture
def kept(
    s3: S3OfTests,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Kept]:
    bucket = s3.fresh_bucket()
    with bucket_proxy(s3) as proxy:
        use_server(proxy.server, monkeypatch)
        settings = make_settings(
            data_dir=tmp_path / "data",
            database_url=database_url,
            storage=f"s3://{bucket}/the club",
            storage_retry="PT1S",
        )
        with running_api(settings) as api:
            yield Kept(api, proxy, bucket)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "backups")


@pytest.mark.nightly
def test_a_backup_is_restored_into_another_bucket(
    kept: Kept,
    repository: Repository,
    s3: S3OfTests,
    postgres: PostgresOfTests,
    tmp_path: Path,
) -> None:
    video_id = kept.video()
    kept.begin_tus(b"half an upload")
    kept.storage.put(part_key(video_id), b"what is on its way")
    events = kept.api.client.get(f"/videos/{video_id}/events").json()["items"]

    made = kept.back_up(repository)
    before = kept.objects()
    with postgres.fresh_database(migrated=False) as url:
        settings = make_settings(
            data_dir=tmp_path / "other",
            database_url=url,
            storage=f"s3://{s3.fresh_bucket()}/moved",
        )
        engine = make_engine(url)
        done = restore(
            *(repository, repository.find(None), url, engine),
            *(open_storage(settings), settings.data_dir),
            report=lambda _: None,
        )
        engine.dispose()
        with running_api(settings) as other:
            there = other.service.storage
            found = {one.key: there.get(one.key) for one in there.list("videos")}
            headers = {"range": "bytes=4-8"}
            part = other.client.get(f"/videos/{video_id}/file", headers=headers)
            told = other.client.get(f"/videos/{video_id}/events").json()["items"]

    assert done == made
    assert made.missing == []
    assert kept.storage.cache.used_bytes() == 0  # It is for what is used again.
    del before[part_key(video_id)]
    assert found == before
    assert (part.status_code, part.content) == (206, SOURCE[4:9])
    assert told == events != []
    assert not (settings.data_dir / "videos").exists()


def test_a_backup_goes_on_once_the_bucket_answers_again(
    kept: Kept, repository: Repository
) -> None:
    first = kept.video()
    kept.back_up(repository)
    second = kept.video(b"another video")
    its = Trouble(*_as(BUSY), of=lambda _, target: f"{second}/source" in target)

    with kept.proxy.in_trouble(its), pytest.raises(OSError, match="does not answer"):
        kept.back_up(repository, days=1)

    assert len(repository.snapshots) == 1
    inode = repository.object_path(source_key(first)).stat().st_ino
    made = kept.back_up(repository, days=1)
    assert source_key(second) in {one.key for one in made.objects}
    assert repository.object_path(source_key(second)).read_bytes() == b"another video"
    assert repository.object_path(source_key(first)).stat().st_ino == inode


@pytest.mark.costly
def test_the_footage_goes_from_the_bucket_and_the_events_stay(kept: Kept) -> None:
    old, new = kept.video(), kept.video(b"another video")
    for key in (proxy_key(old, uuid4()), thumbnail_key(old, uuid4(), "poster.jpg")):
        kept.storage.put(key, b"a picture")
    kept.grow_old(old)
    events = kept.api.client.get(f"/videos/{old}/events").json()
    assert kept.api.client.put("/retention", json={"file_days": 365}).status_code == 200

    assert apply_rules(kept.api.service.sessions) == 1
    clean_up(sessions=kept.api.service.sessions, storage=kept.storage)

    folders = {key.split("/")[2] for key in kept.objects() if str(old) in key}
    assert folders == {"scores"}
    assert kept.api.client.get(f"/videos/{old}/events").json() == events
    assert kept.api.client.get(f"/videos/{old}/file").status_code == 409
    assert kept.api.client.get(f"/videos/{new}/file").content == b"another video"


@pytest.mark.costly
def test_what_retention_could_not_remove_goes_when_the_bucket_answers(
    kept: Kept,
) -> None:
    video_id = kept.video()
    kept.grow_old(video_id)
    kept.api.client.put("/retention", json={"video_days": 365})
    sessions = kept.api.service.sessions

    with kept.proxy.in_trouble(BUSY):
        assert apply_rules(sessions) == 1
        clean_up(sessions=sessions, storage=kept.storage)
    left = kept.objects()
    clean_up(sessions=sessions, storage=kept.storage)

    assert source_key(video_id) in left
    assert kept.objects() == {}


def _as(trouble: Trouble) -> tuple[int, str]:
    return trouble.status, trouble.code

"""Objects of runs that lost, or that were made anew, are removed after a while."""

import errno
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import delete

from app.clips.lost_thumbnails import THUMBNAILS
from app.clips.service import ThumbnailKeys
from app.core.broker.notifier import JobNotifier
from app.core.db.base import utc_now
from app.core.db.session import Sessions
from app.core.settings import Settings
from app.core.storage.interface import ObjectInfo, StorageUnavailable
from app.core.storage.keys import (
    FOLDERS,
    fetched_key,
    part_facts_key,
    part_key,
    scores_key,
    source_key,
)
from app.sources.lost_files import FETCHED
from app.videos import lost_objects
from app.videos.lost_objects import sweep_lost_objects
from app.videos.tables import Video
from tests.fakes import MemoryStorage
from tests.integration.uploaded import Uploaded, upload
from worker.sweeper import sweep


class CountingStorage(MemoryStorage):
    """Counts how often all objects were listed."""

    listings = 0

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        self.listings += 1
        return super().list(prefix)


@pytest.fixture
def storage() -> CountingStorage:
    return CountingStorage()


@pytest.fixture
def job(tmp_path: Path, sessions: Sessions, storage: MemoryStorage) -> Uploaded:
    (tmp_path / "video").write_bytes(b"bytes")
    return upload(tmp_path / "video", sessions=sessions, storage=storage)


def store(job: Uploaded, storage: MemoryStorage, *, is_old: bool) -> ThumbnailKeys:
    keys = ThumbnailKeys.of_run(job.video_id, uuid4())
    for key in keys.all():
        storage.put(key, b"picture")
        if is_old:
            storage.age(key, timedelta(days=1))
    return keys


def kept(keys: ThumbnailKeys, storage: MemoryStorage) -> set[bool]:
    return {storage.exists(key) for key in keys.all()}


def test_only_old_pictures_that_their_video_does_not_name_are_removed(
    job: Uploaded, sessions: Sessions, storage: MemoryStorage
) -> None:
    shown, lost = (store(job, storage, is_old=True) for _ in range(2))
    young = store(job, storage, is_old=False)
    with sessions.begin() as session:
        shown.save(session, job.video_id)

    removed = sweep_lost_objects([THUMBNAILS], sessions=sessions, storage=storage)

    assert removed == 3
    assert [kept(keys, storage) for keys in (shown, lost, young)] == [
        {True},
        {False},
        {True},
    ]
    assert storage.exists(source_key(job.video_id))


def test_pictures_of_a_video_that_has_none_shown_are_lost(
    job: Uploaded, sessions: Sessions, storage: MemoryStorage
) -> None:
    store(job, storage, is_old=True)

    assert sweep_lost_objects([THUMBNAILS], sessions=sessions, storage=storage) == 3


def test_a_wrong_database_costs_no_picture(
    job: Uploaded, sessions: Sessions, storage: MemoryStorage
) -> None:
    keys = store(job, storage, is_old=True)
    with sessions.begin() as session:
        session.execute(delete(Video).where(Video.id == job.video_id))

    assert sweep_lost_objects([THUMBNAILS], sessions=sessions, storage=storage) == 0
    assert kept(keys, storage) == {True}


def test_one_listing_finds_what_every_feature_has_lost(
    job: Uploaded,
    sessions: Sessions,
    storage: CountingStorage,
    settings: Settings,
    notifier: JobNotifier,
) -> None:
    pictures = store(job, storage, is_old=True)
    scores = scores_key(job.video_id, job.job_id, uuid4())
    storage.put(scores, b"curves")
    storage.age(scores, timedelta(days=1))

    found = sweep(
        settings=settings,
        sessions=sessions,
        storage=storage,
        notifier=notifier,
        look_for_lost_objects=True,
    )

    assert found is not None
    assert found.lost_objects == 4
    assert storage.listings == len(FOLDERS)
    assert kept(pictures, storage) == {False}
    assert not storage.exists(scores)


def test_fetched_files_that_are_not_their_videos_are_lost_once_it_has_one(
    job: Uploaded, sessions: Sessions, storage: MemoryStorage
) -> None:
    fetched, other = (fetched_key(job.video_id, uuid4()) for _ in range(2))
    part, facts = part_key(job.video_id), part_facts_key(job.video_id)
    for key in (fetched, other, part, facts):
        storage.put(key, b"bytes")
        storage.age(key, timedelta(days=1))
    found = []
    for stored in (None, fetched):
        with sessions.begin() as session:
            session.get_one(Video, job.video_id).storage_key = stored
        found.append(sweep_lost_objects([FETCHED], sessions=sessions, storage=storage))

    assert found == [0, 3]
    assert storage.exists(fetched)
    assert not any(storage.exists(key) for key in (other, part, facts))


def test_what_came_of_a_file_that_nobody_asks_for_again_goes_after_a_week(
    job: Uploaded, sessions: Sessions, storage: MemoryStorage
) -> None:
    keys = [part_key(job.video_id), part_facts_key(job.video_id)]
    for key in keys:
        storage.put(key, b"bytes")
        storage.age(key, timedelta(days=30))
    with sessions.begin() as session:
        session.get_one(Video, job.video_id).storage_key = None
    left = []
    for status, days_ago in (("running", None), ("failed", 6), ("failed", 8)):
        ended = None if days_ago is None else utc_now() - timedelta(days=days_ago)
        job.set(kind="download", status=status, finished_at=ended)
        sweep_lost_objects([FETCHED], sessions=sessions, storage=storage)
        left.append([storage.exists(key) for key in keys])

    assert left == [[True, True], [True, True], [False, False]]


@pytest.mark.parametrize("ahead", [timedelta(days=1), timedelta(days=-1)])
def test_a_machine_whose_clock_is_wrong_removes_no_young_object(
    job: Uploaded,
    sessions: Sessions,
    storage: MemoryStorage,
    monkeypatch: pytest.MonkeyPatch,
    ahead: timedelta,
) -> None:
    keys = store(job, storage, is_old=False)
    monkeypatch.setattr(lost_objects, "utc_now", lambda: utc_now() + ahead)

    assert sweep_lost_objects([THUMBNAILS], sessions=sessions, storage=storage) == 0
    assert kept(keys, storage) == {True}


def test_an_object_that_cannot_be_removed_does_not_keep_the_others(
    job: Uploaded, sessions: Sessions, storage: MemoryStorage
) -> None:
    keys = store(job, storage, is_old=True)
    first, *others = sorted(keys.all())

    class Refusing(MemoryStorage):
        def delete(self, key: str) -> None:
            if key == first:
                raise PermissionError(errno.EACCES, "not yours", key)
            super().delete(key)

    storage.__class__ = Refusing
    removed = sweep_lost_objects([THUMBNAILS], sessions=sessions, storage=storage)

    assert removed == len(others)
    assert [storage.exists(key) for key in (first, *others)] == [True, False, False]


def test_a_storage_that_removes_nothing_is_given_up(
    job: Uploaded,
    sessions: Sessions,
    storage: MemoryStorage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lost_objects, "MOST_FAILED", 2)
    keys, asked_for = store(job, storage, is_old=True), []

    def refuse(key: str) -> None:
        asked_for.append(key)
        raise PermissionError(errno.EACCES, "not yours", key)

    monkeypatch.setattr(storage, "delete", refuse)

    with pytest.raises(PermissionError):
        sweep_lost_objects([THUMBNAILS], sessions=sessions, storage=storage)

    assert len(asked_for) == 2 < len(keys.all())


def test_a_storage_that_does_not_answer_is_not_asked_for_every_object(
    job: Uploaded,
    sessions: Sessions,
    storage: MemoryStorage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store(job, storage, is_old=True)
    asked_for: list[str] = []

    def wait_in_vain(key: str) -> None:
        asked_for.append(key)
        raise StorageUnavailable("the bucket does not answer")

    monkeypatch.setattr(storage, "delete", wait_in_vain)

    with pytest.raises(StorageUnavailable):
        sweep_lost_objects([THUMBNAILS], sessions=sessions, storage=storage)

    assert len(asked_for) == 1

"""Uploads that nobody goes on with: completed if they are whole, else forgotten."""

import hashlib
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select

from app.core.broker.notifier import JobNotifier
from app.core.db.base import new_id, utc_now
from app.core.db.session import Sessions
from app.core.principal import DEFAULT_PROJECT_ID
from app.core.resources import Resources
from app.core.settings import Settings
from app.core.storage.interface import Storage
from app.core.storage.keys import upload_key
from app.jobs.tables import Job
from app.projects.tables import Project
from app.uploads.cleanup import complete_whole_uploads, forget_expired
from app.uploads.tables import ResumableUpload
from app.videos.cleanup import clean_up
from app.videos.tables import Upload, Video
from tests.integration.worker_processes import background_worker, wait_until

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def resources(
    settings: Settings, sessions: Sessions, storage: Storage, notifier: JobNotifier
) -> Resources:
    return Resources(settings, sessions, storage, notifier)


def test_an_upload_past_its_expiry_is_forgotten_with_its_bytes(
    sessions: Sessions, storage: Storage
) -> None:
    old, young = (
        _begun(sessions, storage, b"ab", of=4, expires_at=LONG_AGO),
        _begun(sessions, storage, b"ab", of=4),
    )

    forgotten = forget_expired(sessions)
    clean_up(sessions=sessions, storage=storage)

    assert forgotten == 1
    assert not storage.exists(upload_key(old))
    assert storage.get(upload_key(young)) == b"ab"
    with sessions() as session:
        assert session.scalars(select(ResumableUpload.id)).all() == [young]


def test_a_finished_upload_is_forgotten_and_its_video_stays(
    resources: Resources,
) -> None:
    sessions, storage = resources.sessions, resources.storage
    _begun(sessions, storage, b"abcd", of=4)
    complete_whole_uploads(resources)
    with sessions.begin() as session:
        session.scalars(select(ResumableUpload)).one().expires_at = LONG_AGO

    forget_expired(sessions)
    clean_up(sessions=sessions, storage=storage)

    with sessions() as session:
        video = session.scalars(select(Video)).one()
    assert storage.get(str(video.storage_key)) == b"abcd"


def test_a_whole_upload_becomes_a_video_of_its_own_project_once(
    resources: Resources,
) -> None:
    sessions, storage = resources.sessions, resources.storage
    project_id = uuid4()
    with sessions.begin() as session:
        session.add(Project(id=project_id, name="other", created_at=utc_now()))
    _begun(sessions, storage, b"ab", of=4)
    _begun(sessions, storage, b"abcd", of=4, unchecked_from=2)
    whole = _begun(
        sessions,
        storage,
        b"abcd",
        of=4,
        created_by="key:coach",
        project_id=project_id,
        fields={"title": "Cup final", "priority": "2"},
    )

    completed = [complete_whole_uploads(resources) for _ in range(2)]

    assert completed == [1, 0]
    with sessions() as session:
        video = session.scalars(select(Video)).one()
        upload = session.get_one(ResumableUpload, whole)
        jobs = session.scalars(select(Job)).all()
        in_flight = session.scalars(select(func.count()).select_from(Upload)).one()
    assert upload.video_id == video.id
    assert (video.project_id, video.created_by) == (project_id, "key:coach")
    assert (video.title, video.size_bytes) == ("Cup final", 4)
    assert video.sha256 == hashlib.sha256(b"abcd").hexdigest()
    assert {job.priority for job in jobs} == {2}
    assert {job.created_by for job in jobs} == {"key:coach"}
    assert in_flight == 0
    assert not storage.exists(upload_key(whole))


@pytest.mark.costly
def test_an_upload_that_cannot_become_a_video_is_in_no_others_way(
    resources: Resources,
) -> None:
    sessions, storage = resources.sessions, resources.storage
    stuck = _begun(
        *(sessions, storage, b"abcd"), of=4, fields={"title": "a rule\nof later"}
    )
    whole = _begun(sessions, storage, b"efgh", of=4)

    assert complete_whole_uploads(resources) == 1

    with sessions() as session:
        assert session.get_one(ResumableUpload, stuck).video_id is None
        assert session.get_one(ResumableUpload, whole).video_id is not None


@pytest.mark.costly
def test_the_background_worker_completes_what_an_api_left(
    settings: Settings, resources: Resources, tmp_path: Path
) -> None:
    log = tmp_path / "background.log"
    _begun(resources.sessions, resources.storage, b"abcd", of=4)

    def has_video() -> bool:
        with resources.sessions() as session:
            return session.scalars(select(Video)).one_or_none() is not None

    with background_worker("background@here", settings, log):
        wait_until(has_video, "the upload is completed", log)


def _begun(
    sessions: Sessions, storage: Storage, data: bytes, *, of: int, **values: object
) -> UUID:
    """Leave an upload as an API that died leaves it."""
    upload_id = new_id()
    storage.put(upload_key(upload_id), data)
    told: dict[str, object] = {
        "project_id": DEFAULT_PROJECT_ID,
        "fields": {},
        "expires_at": utc_now() + timedelta(days=1),
        **values,
    }
    with sessions.begin() as session:
        session.add(
            ResumableUpload(
                id=upload_id,
                size_bytes=of,
                client_metadata="",
                created_at=utc_now(),
                **told,
            )
        )
    return upload_id


@pytest.mark.costly
def test_a_death_between_the_file_and_its_rows_loses_and_doubles_nothing(
    settings: Settings, resources: Resources
) -> None:
    sessions, storage = resources.sessions, resources.storage
    whole = _begun(sessions, storage, b"abcd", of=4)
    code = (
        "import os, sys\n"
        "from app.core.resources import open_resources\n"
        "from app.core.settings import Settings\n"
        "from app.uploads import cleanup, completion\n"
        "completion.record_upload = lambda *_, **__: os._exit(9)\n"
        "settings = Settings(data_dir=sys.argv[1], database_url=sys.argv[2])\n"
        "cleanup.complete_whole_uploads(open_resources(settings, pool_size=2))\n"
    )
    places = [str(settings.data_dir), str(settings.database_url)]

    died = subprocess.run([sys.executable, "-c", code, *places], check=False)
    left = [found.key for found in storage.list("videos")]
    completed = complete_whole_uploads(resources)
    clean_up(sessions=sessions, storage=storage)

    assert died.returncode == 9
    assert len(left) == 1
    assert completed == 1
    with sessions() as session:
        video = session.scalars(select(Video)).one()
        in_flight = session.scalars(select(func.count()).select_from(Upload)).one()
    assert [found.key for found in storage.list("videos")] == [video.storage_key]
    assert storage.get(str(video.storage_key)) == b"abcd"
    assert not storage.exists(upload_key(whole))
    assert in_flight == 0

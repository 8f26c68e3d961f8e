"""Deletions that a dying process left half-done are brought to their end."""

import os
from collections.abc import Callable
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import delete

from app.core.db.models import Video
from app.core.db.session import Sessions
from app.core.leftovers import sweep_leftovers
from app.core.settings import Settings
from app.core.storage import Storage, scores_key, source_key, video_prefix
from tests.api_server import running_api
from tests.integration.uploaded import Uploaded, upload

LONG_AGO_S = 1_500_000_000


@pytest.fixture
def job(tmp_path: Path, sessions: Sessions, storage: Storage) -> Uploaded:
    (tmp_path / "video").write_bytes(b"bytes")
    return upload(tmp_path / "video", sessions=sessions, storage=storage)


@pytest.fixture
def do_sweep(sessions: Sessions, storage: Storage) -> Callable[[], int]:
    return lambda: sweep_leftovers(sessions=sessions, storage=storage)


def forget_row(job: Uploaded) -> None:
    with job.sessions.begin() as session:
        session.execute(delete(Video).where(Video.id == job.video_id))


def age(storage: Storage, video_id: UUID) -> None:
    folder = storage.path_for(video_prefix(video_id))
    os.utime(folder, (LONG_AGO_S, LONG_AGO_S))


def files(settings: Settings) -> list[Path]:
    return [path for path in settings.data_dir.rglob("source") if path.is_file()]


def test_a_deletion_that_died_after_its_commit_is_ended(
    job: Uploaded, storage: Storage, settings: Settings, do_sweep: Callable[[], int]
) -> None:
    storage.set_aside(video_prefix(job.video_id))
    forget_row(job)

    assert do_sweep() == 1
    assert files(settings) == []


def test_a_deletion_that_died_before_its_commit_never_was(
    job: Uploaded, storage: Storage, do_sweep: Callable[[], int]
) -> None:
    storage.set_aside(video_prefix(job.video_id))

    assert do_sweep() == 1
    assert storage.read_bytes(source_key(job.video_id)) == b"bytes"
    assert storage.in_trash() == []


def test_a_deletion_whose_files_cannot_be_moved_deletes_nothing(
    job: Uploaded, settings: Settings, storage: Storage
) -> None:
    (settings.data_dir / "trash").write_text("no folder")
    with running_api(settings) as api, httpx.Client(base_url=api.url) as client:
        answer = client.delete(f"/videos/{job.video_id}")

    assert answer.status_code == 500
    assert job.video().id == job.video_id
    assert storage.exists(source_key(job.video_id))


def test_a_folder_made_anew_after_its_videos_deletion_goes_in_time(
    storage: Storage, do_sweep: Callable[[], int]
) -> None:
    video_id = uuid4()
    storage.write_bytes(scores_key(video_id, uuid4()), b"curves")

    early = do_sweep()
    age(storage, video_id)
    late = do_sweep()

    assert (early, late) == (0, 1)
    assert not storage.path_for(video_prefix(video_id)).exists()


def test_a_wrong_database_costs_no_video(
    job: Uploaded, storage: Storage, do_sweep: Callable[[], int]
) -> None:
    forget_row(job)
    age(storage, job.video_id)

    assert do_sweep() == 0
    assert storage.exists(source_key(job.video_id))

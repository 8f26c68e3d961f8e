"""Uploads and deletions that a dying process left half-done are ended."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import delete, func, select, update
from structlog.testing import capture_logs

from app.core.db.base import utc_now
from app.core.db.session import Sessions
from app.core.settings import Settings
from app.core.storage.interface import Storage
from app.core.storage.keys import scores_key, source_key, video_prefix
from app.timelines.lost_scores import SCORES
from app.timelines.tables import Analysis
from app.videos.cleanup import clean_up
from app.videos.lost_objects import STRAY_AFTER, sweep_lost_objects
from app.videos.service import delete_row
from app.videos.tables import PendingDeletion, Video
from tests.api_server import running_api
from tests.fakes import MemoryStorage
from tests.integration.uploaded import Uploaded, upload

STRAYS = (".DS_Store", "notes.txt", "videos%2Fnot-an-id.0123", "0123.part", "a.gone")


@pytest.fixture
def job(tmp_path: Path, sessions: Sessions, storage: Storage) -> Uploaded:
    (tmp_path / "video").write_bytes(b"bytes")
    return upload(tmp_path / "video", sessions=sessions, storage=storage)


@pytest.fixture
def do_sweep(sessions: Sessions, storage: Storage) -> Callable[[], int]:
    return lambda: clean_up(sessions=sessions, storage=storage)


def forget_row(job: Uploaded) -> None:
    with job.sessions.begin() as session:
        session.execute(delete(Video).where(Video.id == job.video_id))


def commit_deletion(job: Uploaded) -> None:
    with job.sessions.begin() as session:
        delete_row(session, job.video_id)


def pending(sessions: Sessions) -> list[str]:
    with sessions() as session:
        return list(session.scalars(select(PendingDeletion.prefix)))


def age_deletions(sessions: Sessions) -> None:
    with sessions.begin() as session:
        long_ago = func.now() - 2 * STRAY_AFTER
        session.execute(update(PendingDeletion).values(created_at=long_ago))


def test_a_deletion_that_died_after_its_commit_is_ended(
    job: Uploaded, storage: Storage, sessions: Sessions, do_sweep: Callable[[], int]
) -> None:
    commit_deletion(job)

    found = (do_sweep(), do_sweep())

    assert found == (1, 0)
    assert list(storage.list("videos")) == []
    assert pending(sessions) == [video_prefix(job.video_id)]


def test_a_deletion_that_died_before_its_commit_never_was(
    job: Uploaded, storage: Storage, do_sweep: Callable[[], int]
) -> None:
    with job.sessions() as session:
        delete_row(session, job.video_id)
        session.rollback()

    assert do_sweep() == 0
    assert storage.get(source_key(job.video_id)) == b"bytes"


def test_a_deletion_whose_objects_cannot_be_removed_is_ended_by_a_sweep(
    job: Uploaded, settings: Settings, storage: Storage, do_sweep: Callable[[], int]
) -> None:
    (settings.data_dir / "incoming").rmdir()
    (settings.data_dir / "incoming").write_text("no folder")
    with running_api(settings) as api, httpx.Client(base_url=api.url) as client:
        answer = client.delete(f"/videos/{job.video_id}")
        again = client.get(f"/videos/{job.video_id}/file")
    kept = storage.exists(source_key(job.video_id))
    (settings.data_dir / "incoming").unlink()

    found = do_sweep()

    assert (answer.status_code, again.status_code) == (204, 404)
    assert (kept, found) == (True, 1)
    assert list(storage.list("videos")) == []


def test_what_a_run_stores_after_its_videos_deletion_goes_in_time(
    job: Uploaded, storage: Storage, sessions: Sessions, do_sweep: Callable[[], int]
) -> None:
    commit_deletion(job)
    do_sweep()
    storage.put(scores_key(job.video_id, job.job_id, uuid4()), b"curves")

    early = do_sweep()
    age_deletions(sessions)
    late = do_sweep()

    assert (early, late) == (0, 1)
    assert list(storage.list("videos")) == []
    assert pending(sessions) == []


def lay_strays(data_dir: Path) -> list[Path]:
    """Put into the service's folders what others leave there: files and folders."""
    strays = []
    for folder in ("trash", "incoming", "videos"):
        (data_dir / folder).mkdir(parents=True, exist_ok=True)
        for name in STRAYS:
            strays.append(data_dir / folder / name)
            strays.append(data_dir / folder / f"{name}.d.lock")
            strays[-2].write_text("mine")
            strays[-1].mkdir()
    return strays


def test_what_others_left_in_our_folders_is_left_alone_and_stops_nothing(
    job: Uploaded,
    storage: Storage,
    settings: Settings,
    sessions: Sessions,
    do_sweep: Callable[[], int],
) -> None:
    strays = lay_strays(settings.data_dir)
    commit_deletion(job)

    with capture_logs() as first:
        found = do_sweep()
        sweep_lost_objects([SCORES], sessions=sessions, storage=storage)
    with capture_logs() as second:
        do_sweep()
        sweep_lost_objects([SCORES], sessions=sessions, storage=storage)

    assert found == 1
    assert not storage.exists(source_key(job.video_id))
    assert all(stray.exists() for stray in strays)
    warned = [one["path"] for one in first if one["event"] == "stray_file_skipped"]
    assert len(warned) == len(set(warned)) == 3 * len(STRAYS)
    assert second == []


def test_the_api_starts_beside_strays(job: Uploaded, settings: Settings) -> None:
    strays = lay_strays(settings.data_dir)

    with running_api(settings) as api, httpx.Client(base_url=api.url) as client:
        assert client.get(f"/videos/{job.video_id}").status_code == 200

    assert all(stray.exists() for stray in strays)


def test_a_folder_that_cannot_be_removed_keeps_no_other_from_it(
    job: Uploaded,
    tmp_path: Path,
    sessions: Sessions,
    storage: Storage,
    settings: Settings,
    do_sweep: Callable[[], int],
) -> None:
    other = upload(tmp_path / "video", sessions=sessions, storage=storage)
    for one in (job, other):
        commit_deletion(one)

    with immovable(settings.data_dir, job), capture_logs() as logs:
        found = do_sweep()
        left = list((settings.data_dir / "incoming").iterdir())

    assert found == 1
    assert [one["event"] for one in logs].count("leftover_not_removed") == 1
    assert len(left) == 1
    assert list(storage.list("videos")) == []
    assert do_sweep() == 2  # the folder, and the deletion that is done now
    assert list((settings.data_dir / "incoming").iterdir()) == []


@contextmanager
def immovable(data_dir: Path, job: Uploaded) -> Iterator[None]:
    """Keep a folder from being removed, by root too: something is mounted there."""
    folder = data_dir / video_prefix(job.video_id) / "mine"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "none", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        if os.geteuid() == 0:
            pytest.skip("nothing can be mounted here, and root may remove all else")
        folder.parent.chmod(0o500)
    try:
        yield
    finally:
        (moved,) = (data_dir / "incoming").glob("*/mine")
        if mounted.returncode:
            moved.parent.chmod(0o700)
        else:
            subprocess.run(["umount", str(moved)], check=True)


def test_scores_that_no_analysis_names_are_removed_after_a_while(
    tmp_path: Path, sessions: Sessions
) -> None:
    storage = MemoryStorage()
    (tmp_path / "video").write_bytes(b"bytes")
    job = upload(tmp_path / "video", sessions=sessions, storage=storage)
    keys = [scores_key(job.video_id, job.job_id, uuid4()) for _ in range(3)]
    named, lost, _ = keys
    for key in keys:
        storage.put(key, b"curves")
    for key in (named, lost, source_key(job.video_id)):
        storage.age(key, timedelta(days=1))
    with sessions.begin() as session:
        session.add(
            Analysis(
                video_id=job.video_id,
                job_id=job.job_id,
                checkpoint={},
                scores_key=named,
                event_counts={},
                warnings={},
                requested_at=utc_now(),
                created_at=utc_now(),
            )
        )

    removed = sweep_lost_objects([SCORES], sessions=sessions, storage=storage)

    assert removed == 1
    assert [storage.exists(key) for key in keys] == [True, False, True]
    assert storage.exists(source_key(job.video_id))


def test_a_wrong_database_costs_neither_scores_nor_video(
    tmp_path: Path, sessions: Sessions
) -> None:
    storage = MemoryStorage()
    (tmp_path / "video").write_bytes(b"bytes")
    job = upload(tmp_path / "video", sessions=sessions, storage=storage)
    key = scores_key(job.video_id, job.job_id, uuid4())
    storage.put(key, b"curves")
    for one in (key, source_key(job.video_id)):
        storage.age(one, timedelta(days=1))
    forget_row(job)

    clean_up(sessions=sessions, storage=storage)
    sweep_lost_objects([SCORES], sessions=sessions, storage=storage)

    assert storage.exists(key)
    assert storage.exists(source_key(job.video_id))

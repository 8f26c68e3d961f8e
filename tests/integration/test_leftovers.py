"""Deletions that a dying process left half-done are brought to their end."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import delete
from structlog.testing import capture_logs

from app.core.db.base import utc_now
from app.core.db.session import Sessions
from app.core.settings import Settings
from app.core.storage.interface import Storage
from app.core.storage.keys import scores_key, source_key, video_prefix
from app.timelines.tables import Analysis
from app.videos.cleanup import clean_up, sweep_lost_scores
from app.videos.tables import Video
from tests.api_server import running_api
from tests.integration.uploaded import Uploaded, upload

LONG_AGO_S = 1_500_000_000


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


def age(storage: Storage, video_id: UUID) -> None:
    folder = storage.path_for(video_prefix(video_id))
    os.utime(folder, (LONG_AGO_S, LONG_AGO_S))


def files(settings: Settings) -> list[Path]:
    return [path for path in settings.data_dir.rglob("source") if path.is_file()]


def test_a_deletion_that_died_after_its_commit_is_ended(
    job: Uploaded, storage: Storage, settings: Settings, do_sweep: Callable[[], int]
) -> None:
    storage.move_to_trash(video_prefix(job.video_id))
    forget_row(job)

    assert do_sweep() == 1
    assert files(settings) == []


def test_a_deletion_that_died_before_its_commit_never_was(
    job: Uploaded, storage: Storage, do_sweep: Callable[[], int]
) -> None:
    storage.move_to_trash(video_prefix(job.video_id))

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
    storage.write_bytes(scores_key(video_id, uuid4(), uuid4()), b"curves")

    early = do_sweep()
    age(storage, video_id)
    late = do_sweep()

    assert (early, late) == (0, 1)
    assert not storage.path_for(video_prefix(video_id)).exists()


STRAYS = (
    ".DS_Store",
    "notes.txt",
    "videos%2Fnot-an-id.0123",
    "videos%2F..%2F..%2Fetc.0123",
    "other%2F0190f5fe-7c00-7a00-8000-000000000000.0123",
)


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
    for name in STRAYS:
        strays.append(data_dir / "incoming" / f"{name}.lock")
        strays[-1].write_text("mine")
    return strays


def test_what_others_left_in_our_folders_is_left_alone_and_stops_nothing(
    job: Uploaded, storage: Storage, settings: Settings, do_sweep: Callable[[], int]
) -> None:
    strays = lay_strays(settings.data_dir)
    gone = f"videos%2F{uuid4()}"
    (settings.data_dir / "trash" / f"{gone}.0123").write_text("a file, not a folder")
    (settings.data_dir / "incoming" / f"{gone}%2Fsource.x.lock").mkdir()
    (settings.data_dir / "videos" / str(uuid4())).write_text("a file, not a folder")
    storage.move_to_trash(video_prefix(job.video_id))
    forget_row(job)

    with capture_logs() as first:
        found = do_sweep()
    with capture_logs() as second:
        do_sweep()

    assert found == 1
    assert files(settings) == []
    assert all(stray.exists() for stray in strays)
    warned = [one["path"] for one in first if one["event"] == "stray_file_skipped"]
    assert len(warned) == len(set(warned)) > 3 * len(STRAYS)
    assert second == []


def test_the_api_starts_beside_strays(job: Uploaded, settings: Settings) -> None:
    lay_strays(settings.data_dir)

    with running_api(settings) as api, httpx.Client(base_url=api.url) as client:
        assert client.get(f"/videos/{job.video_id}").status_code == 200


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
        storage.move_to_trash(video_prefix(one.video_id))
        forget_row(one)
    first, _ = sorted((settings.data_dir / "trash").iterdir())
    (first / "mine").mkdir()

    with immovable(first / "mine"), capture_logs() as logs:
        found = do_sweep()

    assert found == 1
    assert [one["event"] for one in logs].count("leftover_not_removed") == 1
    assert list((settings.data_dir / "trash").iterdir()) == [first]


@contextmanager
def immovable(folder: Path) -> Iterator[None]:
    """Keep a folder from being removed, by root too: something is mounted there."""
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
        if mounted.returncode:
            folder.parent.chmod(0o700)
        else:
            subprocess.run(["umount", str(folder)], check=True)


def test_scores_that_no_analysis_names_are_removed_after_a_while(
    job: Uploaded, sessions: Sessions, storage: Storage
) -> None:
    keys = [scores_key(job.video_id, job.job_id, uuid4()) for _ in range(3)]
    named, lost, young = keys
    for key in keys:
        storage.write_bytes(key, b"curves")
    for key in (named, lost):
        os.utime(storage.path_for(key), (LONG_AGO_S, LONG_AGO_S))
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

    removed = sweep_lost_scores(sessions=sessions, storage=storage)

    assert removed == 1
    assert [storage.exists(key) for key in keys] == [True, False, True]
    assert storage.exists(source_key(job.video_id))
    assert young


def test_a_wrong_database_costs_no_scores(
    job: Uploaded, sessions: Sessions, storage: Storage
) -> None:
    key = scores_key(job.video_id, job.job_id, uuid4())
    storage.write_bytes(key, b"curves")
    os.utime(storage.path_for(key), (LONG_AGO_S, LONG_AGO_S))
    forget_row(job)

    assert sweep_lost_scores(sessions=sessions, storage=storage) == 0
    assert storage.exists(key)


def test_a_wrong_database_costs_no_video(
    job: Uploaded, storage: Storage, do_sweep: Callable[[], int]
) -> None:
    forget_row(job)
    age(storage, job.video_id)

    assert do_sweep() == 0
    assert storage.exists(source_key(job.video_id))

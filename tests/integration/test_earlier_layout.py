"""A data directory of the first release is cleared of its markers and its trash."""

import fcntl
from pathlib import Path
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest

from app.core.db.session import Sessions
from app.core.settings import Settings
from app.core.storage.interface import Storage
from app.core.storage.keys import source_key, video_prefix
from tests.api_server import running_api
from tests.integration.uploaded import Uploaded, upload


@pytest.fixture
def job(tmp_path: Path, sessions: Sessions, storage: Storage) -> Uploaded:
    (tmp_path / "video").write_bytes(b"bytes")
    return upload(tmp_path / "video", sessions=sessions, storage=storage)


def leave_marker(data_dir: Path, video_id: UUID) -> Path:
    folder = data_dir / "incoming"
    folder.mkdir(exist_ok=True)
    marker = folder / f"{quote(source_key(video_id), safe='')}.x1y2.lock"
    marker.write_bytes(b"")
    marker.with_suffix(".part").write_bytes(b"half")
    return marker


def move_to_trash(data_dir: Path, video_id: UUID) -> None:
    prefix = video_prefix(video_id)
    (data_dir / "trash").mkdir(exist_ok=True)
    heap = data_dir / "trash" / f"{quote(prefix, safe='')}.{uuid4().hex}"
    (data_dir / prefix).rename(heap)


def start(settings: Settings) -> None:
    with running_api(settings):
        pass


def files(settings: Settings, *folders: str) -> list[Path]:
    return [
        path
        for folder in folders
        for path in (settings.data_dir / folder).rglob("*")
        if path.is_file()
    ]


def test_an_upload_that_died_is_removed(
    job: Uploaded, settings: Settings, storage: Storage
) -> None:
    lost = uuid4()
    storage.put(source_key(lost), b"not recorded")
    for video_id in (lost, uuid4(), job.video_id):
        leave_marker(settings.data_dir, video_id)

    start(settings)

    assert files(settings, "incoming") == []
    assert [one.key for one in storage.list("videos")] == [source_key(job.video_id)]


def test_an_upload_that_goes_on_is_left_alone(
    settings: Settings, storage: Storage
) -> None:
    video_id = uuid4()
    storage.put(source_key(video_id), b"about to be recorded")
    marker = leave_marker(settings.data_dir, video_id)

    with marker.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        start(settings)

    assert marker.exists()
    assert storage.exists(source_key(video_id))


def test_a_deletion_that_died_before_its_commit_never_was(
    job: Uploaded, settings: Settings, storage: Storage
) -> None:
    move_to_trash(settings.data_dir, job.video_id)

    start(settings)

    assert storage.get(source_key(job.video_id)) == b"bytes"
    assert not list((settings.data_dir / "trash").iterdir())


def test_a_deletion_that_died_after_its_commit_is_ended(
    settings: Settings, storage: Storage
) -> None:
    video_id = uuid4()
    storage.put(source_key(video_id), b"deleted")
    move_to_trash(settings.data_dir, video_id)

    start(settings)

    assert files(settings, "trash", "videos", "incoming") == []

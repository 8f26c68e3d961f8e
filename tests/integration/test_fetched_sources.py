"""A file that comes from a bucket for a job: the run shows signs of life, and stops."""

import threading
from pathlib import Path
from uuid import uuid4

import pytest

from app.core.db.session import Sessions
from app.core.settings import Settings
from app.core.storage import local_cache, whole_reads
from app.core.storage.object_store import ObjectStorage
from app.jobs.kinds import JobKind
from model.errors import Canceled
from tests.bucket_storage import storage_in
from tests.s3_server import S3OfTests
from worker.handlers.probe import probe_video
from worker.handlers.source import arriving_source_file
from worker.job_task import HandlerContext, JobTask

pytestmark = pytest.mark.slow

PIECES = 40


class Reporter:
    """Counts signs of life; a cancel is accepted with the last that is let through."""

    def __init__(self, let_through: int) -> None:
        self.left = let_through

    def progress(self, stage: str, done: float, eta_s: float | None = None) -> None:
        """Take no notice: a stage begins before its file comes."""

    def touch(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Canceled("asked for")


@pytest.fixture
def storage(
    s3: S3OfTests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> ObjectStorage:
    monkeypatch.setattr(whole_reads, "READ_BYTES", 1024)
    return storage_in(s3, tmp_path / "cache", monkeypatch)


@pytest.fixture
def task(storage: ObjectStorage) -> JobTask:
    video_id = uuid4()
    key = f"videos/{video_id}/source"
    storage.put(key, b"x" * 1024 * PIECES)
    return JobTask(uuid4(), JobKind.PROBE, video_id, key, {}, 1, uuid4())


def test_a_run_stops_while_its_file_still_comes(
    storage: ObjectStorage, task: JobTask, settings: Settings, sessions: Sessions
) -> None:
    context, reporter = HandlerContext(settings, storage, sessions), Reporter(2)

    with pytest.raises(Canceled):
        probe_video(task, context, reporter)

    assert storage.cache.used_bytes() == 0  # The rest was not waited for.


def test_a_run_that_waits_for_anothers_fetch_stops(
    storage: ObjectStorage, task: JobTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_cache, "WAIT_S", 0.01)
    goes_on, waits = threading.Event(), threading.Event()

    def hold(done: int) -> None:
        waits.set()
        goes_on.wait(60)

    def fetch() -> None:
        with storage.local_copy(str(task.source_key), hold):
            pass

    other = threading.Thread(target=fetch)
    other.start()
    try:
        assert waits.wait(60)
        copy = arriving_source_file(task, storage, Reporter(3).touch)
        with pytest.raises(Canceled), copy:
            pytest.fail("it is not there yet")
    finally:
        goes_on.set()
        other.join()

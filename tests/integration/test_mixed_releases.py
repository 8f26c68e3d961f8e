"""Workers that differ, as processes: each job is run by one that can."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.core.broker.notifier import JobNotifier
from app.core.db.session import Sessions
from app.core.settings import Settings
from app.core.storage.interface import Storage
from app.health.tables import WorkerHeartbeat
from tests.integration.uploaded import upload
from tests.integration.worker_processes import gpu_worker, wait_until
from tests.videos import draw_video
from worker.sweeper import sweep

pytestmark = [pytest.mark.slow, pytest.mark.costly]


def test_a_worker_without_the_checkpoint_leaves_the_job_to_one_that_has_it(
    settings: Settings,
    sessions: Sessions,
    storage: Storage,
    models: Path,
    checkpoint: Path,
    redis_url: str,
    tmp_path: Path,
) -> None:
    settings = settings.model_copy(update={"redis_url": redis_url})
    draw_video(tmp_path / "a.mp4", frames=60, fps=15, size=(96, 54))
    there = tmp_path / "there"  # another machine, with models of its own
    (there / "models").mkdir(parents=True)
    (there / "models" / checkpoint.name).symlink_to(checkpoint)
    storage.put("videos/any", b"")
    (there / "videos").symlink_to(settings.data_dir / "videos")
    (there / "models" / "hall.touchline").symlink_to(checkpoint)
    elsewhere = settings.model_copy(update={"data_dir": there})
    job = upload(tmp_path / "a.mp4", sessions=sessions, storage=storage, model="hall")
    lacking, having = tmp_path / "lacking.log", tmp_path / "having.log"
    with sessions.begin() as session:  # Of one that is about to come.
        name, seen_at = "gpu having@there there/1/1", datetime(2100, 1, 1, tzinfo=UTC)
        session.add(WorkerHeartbeat(name=name, kind="gpu", seen_at=seen_at, info={}))

    with gpu_worker("lacking@here", settings, lacking):
        wait_until(lambda: bool(job.job().refusals), "it is refused", lacking)
        refused = job.job()
        with gpu_worker("having@there", elsewhere, having):
            wait_until(lambda: job.job().status == "succeeded", "it has ended", having)

    assert (refused.status, refused.error_code) == ("queued", "bad_checkpoint")
    assert "there is no checkpoint called 'hall'" in str(refused.error_detail)
    assert (job.job().attempt, job.job().error_code) == (1, None)
    assert "job_refused" in lacking.read_text()


@pytest.mark.nightly
def test_a_job_of_a_newer_release_waits_for_a_newer_worker(
    settings: Settings,
    sessions: Sessions,
    storage: Storage,
    models: Path,
    notifier: JobNotifier,
    redis_url: str,
    tmp_path: Path,
) -> None:
    patient = {"redis_url": redis_url, "heartbeat": timedelta(seconds=10)}
    settings = settings.model_copy(update=patient)
    draw_video(tmp_path / "a.mp4", frames=60, fps=15, size=(96, 54))
    job = upload(tmp_path / "a.mp4", sessions=sessions, storage=storage)
    other = upload(tmp_path / "a.mp4", sessions=sessions, storage=storage)
    job.set(needs=["spot/2"], priority=5)
    older, newer = tmp_path / "older.log", tmp_path / "newer.log"

    def sweep_now() -> None:
        sweep(settings=settings, sessions=sessions, storage=storage, notifier=notifier)

    with gpu_worker("older@here", settings, older):
        wait_until(lambda: other.job().status == "succeeded", "it works", older)
        sweep_now()
        told = job.job()
        with gpu_worker(
            "newer@here", settings, newer, entry="tests.integration.newer_worker"
        ):
            wait_until(lambda: job.job().status == "succeeded", "it has ended", newer)

    assert (told.status, told.attempt) == ("queued", 0)
    assert told.error_code == "no_capable_worker"
    assert "it needs spot/2" in str(told.error_detail)
    assert "older@here" in str(told.error_detail)
    assert job.job().attempt == 1

"""The real worker process on a real Redis: killed in the middle, and ended in order."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy import make_url, select

from app.core.db.models import WorkerBeat
from app.core.db.session import Sessions
from app.core.queue import GPU_QUEUE, Doorbell, make_celery
from app.core.settings import Settings
from app.core.storage import Storage
from tests.integration.uploaded import upload
from tests.videos import draw_video
from worker.sweep import sweep

PATIENCE_S = 240.0  # a busy machine is slow; nothing here measures speed
QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat")


@contextmanager
def gpu_worker(
    name: str, settings: Settings, log: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run Celery's GPU worker under a node name; kill what is left in the end."""
    environment = {
        **os.environ,
        "TOUCHLINE_DATA_DIR": str(settings.data_dir),
        "TOUCHLINE_DATABASE_URL": str(settings.database_url),
        "TOUCHLINE_REDIS_URL": str(settings.redis_url),
        "TOUCHLINE_MODEL": "tiny",
        "TOUCHLINE_ENGINE": "openvino",
        "TOUCHLINE_LEASE": "PT3S",
        "TOUCHLINE_HEARTBEAT": "PT1S",
    }
    command = [sys.executable, "-P", "-m", "celery", "-A", "worker.gpu", "worker"]
    command += ["-Q", GPU_QUEUE, "-n", name, *QUIET]
    with log.open("wb") as words:
        process = subprocess.Popen(
            command, env=environment, stdout=words, stderr=words, start_new_session=True
        )
    try:
        yield process
    finally:
        # What a killed parent leaves in its group ends with it.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE_S)


def wait_until(look: Callable[[], bool], what: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not look():
        if time.monotonic() > deadline:
            pytest.fail(f"waited in vain until {what}:\n{log.read_text()[-3000:]}")
        time.sleep(0.1)


def test_a_killed_workers_job_is_finished_once_by_another_and_that_one_leaves_in_order(
    settings: Settings,
    sessions: Sessions,
    storage: Storage,
    models: Path,
    redis_url: str,
    tmp_path: Path,
) -> None:
    settings = settings.model_copy(update={"redis_url": redis_url})
    doorbell = Doorbell(make_celery(settings))
    draw_video(tmp_path / "long.mp4", frames=1200, fps=15, size=(96, 54))
    job = upload(tmp_path / "long.mp4", sessions=sessions, storage=storage)
    first_log, second_log = tmp_path / "first.log", tmp_path / "second.log"

    doorbell.ring_job(job.job_id)
    with gpu_worker("gpu-first@here", settings, first_log) as first:
        wait_until(lambda: job.job().progress > 0, "the job runs", first_log)
        os.kill(first.pid, signal.SIGKILL)
        first.wait(PATIENCE_S)
    died = job.job()

    def swept_and_done() -> bool:
        sweep(settings=settings, sessions=sessions, storage=storage, doorbell=doorbell)
        return job.job().status not in ("queued", "running")

    with gpu_worker("gpu-second@here", settings, second_log) as second:
        wait_until(swept_and_done, "the job has ended", second_log)
        second.terminate()
        second.wait(PATIENCE_S)

    assert (died.status, died.lease_owner) == ("running", "gpu-first@here")
    row, events = job.job(), job.events()
    assert (row.status, row.attempt) == ("succeeded", 2)
    assert events
    assert row.event_counts is not None
    assert len(events) == sum(row.event_counts.values())
    with sessions() as session:
        names = session.scalars(select(WorkerBeat.name)).all()
    assert not [name for name in names if "gpu-second@here" in name]


def test_a_worker_started_before_its_database_becomes_ready_once_that_is_there(
    settings: Settings,
    sessions: Sessions,
    models: Path,
    redis_url: str,
    tmp_path: Path,
) -> None:
    url = make_url(str(settings.database_url))
    door, log = tmp_path / "door", tmp_path / "gpu.log"
    closed = url.update_query_dict({"host": str(door)})
    settings = settings.model_copy(
        update={
            "redis_url": redis_url,
            "database_url": closed.render_as_string(hide_password=False),
        }
    )

    def info() -> dict[str, object]:
        with sessions() as session:
            beats = session.scalars(select(WorkerBeat)).all()
        return beats[0].info if beats else {}

    with gpu_worker("gpu@here", settings, log):
        wait_until(lambda: "nothing_taken_back" in log.read_text(), "it tried", log)
        door.symlink_to(str(url.query["host"]))
        wait_until(lambda: info().get("model") == "tiny", "it is ready", log)

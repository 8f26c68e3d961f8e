"""The real worker process on a real Redis: killed in the middle, and ended in order."""

import os
import signal
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import make_url, select

from app.core.broker.notifier import JobNotifier, make_celery
from app.core.db.session import Sessions
from app.core.process_identity import ProcessIdentity
from app.core.settings import Settings
from app.core.storage.interface import Storage
from app.health.tables import WorkerHeartbeat
from tests.integration.uploaded import upload
from tests.integration.worker_processes import (
    PATIENCE_S,
    children_of,
    gpu_worker,
    wait_until,
)
from tests.videos import draw_video
from worker.pool import UNFIT_CODE
from worker.sweeper import sweep
from worker.watchdog import RESTART_CODE

pytestmark = pytest.mark.costly

CRASHES = """
import os, signal, sys

class Crashing:
    def find_spec(self, name, path=None, target=None):
        if name == "model.spotting.spot_file":  # as a library does on a wrong machine
            os.kill(os.getpid(), signal.SIGSEGV)

sys.meta_path.insert(0, Crashing())
"""


def test_a_killed_workers_job_is_finished_once_by_another_and_that_one_leaves_in_order(
    settings: Settings,
    sessions: Sessions,
    storage: Storage,
    models: Path,
    redis_url: str,
    tmp_path: Path,
) -> None:
    settings = settings.model_copy(update={"redis_url": redis_url})
    notifier = JobNotifier(make_celery(settings))
    draw_video(tmp_path / "long.mp4", frames=1200, fps=15, size=(96, 54))
    job = upload(tmp_path / "long.mp4", sessions=sessions, storage=storage)
    first_log, second_log = tmp_path / "first.log", tmp_path / "second.log"

    notifier.notify_job(job.job_id)
    with gpu_worker("gpu-first@here", settings, first_log) as first:
        wait_until(lambda: job.job().progress > 0, "the job runs", first_log)
        (worker,) = children_of(first)
        owner = ProcessIdentity.of(worker)
        os.kill(first.pid, signal.SIGKILL)
        first.wait(PATIENCE_S)
    died = job.job()

    def swept_and_done() -> bool:
        sweep(settings=settings, sessions=sessions, storage=storage, notifier=notifier)
        return job.job().status not in ("queued", "running")

    with gpu_worker("gpu-second@here", settings, second_log) as second:
        wait_until(swept_and_done, "the job has ended", second_log)
        second.terminate()
        second.wait(PATIENCE_S)

    assert (died.status, died.lease_owner) == ("running", str(owner))
    row, events = job.job(), job.events()
    assert (row.status, row.attempt, row.interruptions) == ("succeeded", 2, 1)
    assert events
    assert len(events) == sum(job.analysis().event_counts.values())
    with sessions() as session:
        names = session.scalars(select(WorkerHeartbeat.name)).all()
    assert not [name for name in names if "gpu-second@here" in name]


def test_a_second_worker_of_the_same_node_name_leaves_the_first_ones_job_alone(
    settings: Settings,
    sessions: Sessions,
    storage: Storage,
    models: Path,
    redis_url: str,
    tmp_path: Path,
) -> None:
    settings = settings.model_copy(update={"redis_url": redis_url})
    os.mkfifo(models / "stuck.touchline")  # Whoever opens it hangs in the kernel.
    (tmp_path / "video").write_bytes(b"bytes")
    job = upload(tmp_path / "video", sessions=sessions, storage=storage, model="stuck")
    first_log, second_log = tmp_path / "first.log", tmp_path / "second.log"

    def ready() -> int:
        with sessions() as session:
            beats = session.scalars(select(WorkerHeartbeat)).all()
        return [beat.info.get("state") for beat in beats].count("ready")

    with gpu_worker("gpu@here", settings, first_log):
        wait_until(lambda: job.job().status == "running", "the job runs", first_log)
        owner = job.job().lease_owner
        with gpu_worker("gpu@here", settings, second_log):
            wait_until(lambda: ready() == 2, "both are ready", second_log)
            row = job.job()

    assert (row.status, row.attempt, row.interruptions) == ("running", 1, 0)
    assert row.lease_owner == owner


def test_a_message_wakes_the_child_that_runs_jobs(
    settings: Settings,
    sessions: Sessions,
    models: Path,
    notifier: JobNotifier,
    tmp_path: Path,
) -> None:
    log = tmp_path / "gpu.log"

    def told(name: str) -> object:
        with sessions() as session:
            rows = session.scalars(select(WorkerHeartbeat)).all()
        return next((row.info.get(name) for row in rows), None)

    with gpu_worker("gpu@here", settings, log):
        wait_until(lambda: told("state") == "ready", "it is ready", log)
        notifier.notify_job(uuid4())  # Of no job: all it does is to wake.
        wait_until(lambda: told("messages") == 1, "it was woken", log)

    assert "raised unexpected" not in log.read_text()


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
            beats = session.scalars(select(WorkerHeartbeat)).all()
        return beats[0].info if beats else {}

    with gpu_worker("gpu@here", settings, log):
        wait_until(lambda: "nothing_requeued" in log.read_text(), "it tried", log)
        door.symlink_to(str(url.query["host"]))
        wait_until(lambda: info().get("model") == "tiny", "it is ready", log)


def test_a_worker_whose_handlers_cannot_be_loaded_ends_and_says_why(
    settings: Settings, models: Path, redis_url: str, tmp_path: Path
) -> None:
    settings = settings.model_copy(update={"redis_url": redis_url})
    log = tmp_path / "worker.log"
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "sys.modules['model.spotting.spot_file'] = None\n"  # as where it is broken
    )
    path = f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}".rstrip(":")

    with gpu_worker(
        "gpu-lame@here", settings, log, environment={"PYTHONPATH": path}
    ) as lame:
        code = lame.wait(60)

    said = log.read_text()
    assert code == UNFIT_CODE, said
    assert "error: the handlers of gpu jobs cannot be loaded" in said


@pytest.mark.nightly
@pytest.mark.slow
def test_a_worker_whose_children_crash_before_they_are_ready_ends(
    settings: Settings, models: Path, redis_url: str, tmp_path: Path
) -> None:
    settings = settings.model_copy(update={"redis_url": redis_url})
    log = tmp_path / "worker.log"
    (tmp_path / "sitecustomize.py").write_text(CRASHES)
    path = f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}".rstrip(":")

    with gpu_worker(
        "gpu-lame@here", settings, log, environment={"PYTHONPATH": path}
    ) as lame:
        code = lame.wait(PATIENCE_S)

    said = log.read_text()
    assert code == RESTART_CODE, said
    assert "children in a row ended before they were ready" in said

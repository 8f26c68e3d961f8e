"""The GPU worker comes back by itself: from a dead broker, a hang, a deaf consumer."""

import os
import signal
import time
from pathlib import Path
from uuid import uuid4

import pytest

from app.core.broker.notifier import GPU_QUEUE, JobNotifier, make_celery
from app.core.db.session import Sessions
from app.core.process_identity import ProcessIdentity
from app.core.settings import Settings
from app.core.storage.interface import Storage
from app.health.tables import WorkerHeartbeat
from app.jobs.tables import JobStatus
from tests.integration.uploaded import Uploaded, upload
from tests.integration.worker_processes import (
    PATIENCE_S,
    children_of,
    gpu_worker,
    wait_until,
)
from tests.services import free_port, running_redis
from tests.videos import draw_video
from worker.heartbeat import heartbeat_name
from worker.watchdog import RESTART_CODE

pytestmark = pytest.mark.costly

NODE = "gpu@here"


@pytest.fixture(scope="module")
def match(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video whose analysis takes a second or two."""
    path = tmp_path_factory.mktemp("videos") / "match.mp4"
    draw_video(path, frames=900, fps=15, size=(96, 54))
    return path


def is_ready(sessions: Sessions, pid: int) -> bool:
    """Whether a child says that its checkpoint is loaded."""
    name = heartbeat_name(NODE, kind="gpu", process=ProcessIdentity.of(pid))
    with sessions() as session:
        row = session.get(WorkerHeartbeat, name)
    return row is not None and row.info.get("state") == "ready"


def has_ended(job: Uploaded) -> bool:
    return JobStatus(job.job().status).is_final


def test_jobs_go_on_while_redis_is_dead_and_messages_are_heard_once_it_is_back(
    settings: Settings,
    sessions: Sessions,
    storage: Storage,
    models: Path,
    match: Path,
    tmp_path: Path,
) -> None:
    port, log = free_port(), tmp_path / "gpu.log"
    redis_url = f"redis://127.0.0.1:{port}/0"
    settings = settings.model_copy(update={"redis_url": redis_url})
    notifier = JobNotifier(make_celery(settings))
    jobs = [upload(match, sessions=sessions, storage=storage) for _ in range(3)]

    with gpu_worker(NODE, settings, log) as worker:
        with running_redis(tmp_path, port=port):
            for job in jobs:
                notifier.notify_job(job.job_id)
            wait_until(lambda: jobs[0].job().progress > 0, "a job runs", log)
        # Redis is gone, and with it the messages of those that wait.
        wait_until(lambda: all(map(has_ended, jobs)), "all jobs have ended", log)
        with running_redis(tmp_path, port=port):
            notifier.notify_job(uuid4())
            wait_until(
                lambda: notifier.waiting(GPU_QUEUE) == 0 or worker.poll() is not None,
                "the message was taken, or the worker ended to be started anew",
                log,
            )

    assert [job.job().status for job in jobs] == ["succeeded"] * 3
    assert [job.job().attempt for job in jobs] == [1] * 3


def test_a_worker_that_hears_no_messages_runs_its_jobs_then_ends_to_be_restarted(
    settings: Settings,
    sessions: Sessions,
    storage: Storage,
    models: Path,
    match: Path,
    redis_url: str,
    tmp_path: Path,
) -> None:
    own = redis_url.replace("/0", "/1")  # What stays in the queue is in nobody's way.
    settings = settings.model_copy(update={"redis_url": own})
    notifier, log = JobNotifier(make_celery(settings)), tmp_path / "gpu.log"
    job = upload(match, sessions=sessions, storage=storage)
    notifier.notify_job(job.job_id)

    # It listens to another queue: to this one it is as deaf as can be.
    quick = {"TOUCHLINE_SWEEP_EVERY": "PT1S"}
    with gpu_worker(NODE, settings, log, queue="nowhere", environment=quick) as worker:
        code = worker.wait(PATIENCE_S)

    assert job.job().status == "succeeded"
    assert code == RESTART_CODE
    assert "no message was received" in log.read_text()


@pytest.fixture(scope="module")
def long_match(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video that takes a while, so that its run can be stopped in the middle."""
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    draw_video(path, frames=2700, fps=15, size=(96, 54), key_every=60)
    return path


@pytest.mark.nightly
def test_a_stopped_child_is_replaced_once_its_heartbeat_is_gone_but_not_while_it_loads(
    settings: Settings,
    sessions: Sessions,
    storage: Storage,
    models: Path,
    long_match: Path,
    redis_url: str,
    tmp_path: Path,
) -> None:
    settings, log = (
        settings.model_copy(update={"redis_url": redis_url}),
        tmp_path / "log",
    )

    short = {"TOUCHLINE_LEASE": "PT3S"}
    with gpu_worker(NODE, settings, log, environment=short) as worker:
        wait_until(lambda: bool(children_of(worker)), "there is a child", log)
        (loading,) = children_of(worker)
        os.kill(loading, signal.SIGSTOP)
        time.sleep(6.0)  # Twice the lease: a ready child would be replaced by now.
        os.kill(loading, signal.SIGCONT)
        wait_until(lambda: is_ready(sessions, loading), "that child is ready", log)
        job = upload(long_match, sessions=sessions, storage=storage)
        wait_until(lambda: job.job().progress > 0, "the job runs", log)
        os.kill(loading, signal.SIGSTOP)
        wait_until(lambda: has_ended(job), "another child has run the job", log)
        now = children_of(worker)

    assert loading not in now
    row = job.job()
    assert (row.status, row.attempt) == ("succeeded", row.interruptions + 1)
    assert row.interruptions >= 1


def test_a_child_whose_run_hangs_ends_itself_and_the_job_is_not_tried_for_ever(
    settings: Settings,
    sessions: Sessions,
    storage: Storage,
    models: Path,
    match: Path,
    redis_url: str,
    tmp_path: Path,
) -> None:
    settings, log = (
        settings.model_copy(update={"redis_url": redis_url}),
        tmp_path / "log",
    )
    os.mkfifo(models / "stuck.touchline")  # Whoever opens it hangs in the kernel.
    job = upload(match, sessions=sessions, storage=storage, model="stuck")
    after = upload(match, sessions=sessions, storage=storage)
    limits = {"TOUCHLINE_STALL": "PT2S", "TOUCHLINE_MAX_INTERRUPTIONS": "2"}

    with gpu_worker(NODE, settings, log, environment=limits):
        wait_until(lambda: has_ended(after), "the next job has ended", log)

    assert after.job().status == "succeeded"
    row = job.job()
    assert (row.status, row.error_code, row.interruptions) == (
        "failed",
        "worker_died",
        2,
    )
    assert log.read_text().count("run_stalled") == 2

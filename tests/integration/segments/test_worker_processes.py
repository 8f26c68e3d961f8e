"""A match in segments on two real worker processes, of which one is killed."""

import os
import signal
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from app.core.broker.notifier import JobNotifier, make_celery
from app.core.db.session import Sessions
from app.core.process_identity import ProcessIdentity
from app.core.settings import Settings
from app.core.storage.interface import Storage
from app.health.tables import WorkerHeartbeat
from app.jobs.kinds import JobKind
from app.jobs.tables import Job
from model.spotting.timeline import Timeline
from tests.integration.uploaded import Uploaded, upload
from tests.integration.worker_processes import children_of, gpu_worker, wait_until
from tests.videos import draw_video, match_picture
from worker.sweeper import sweep

pytestmark = pytest.mark.slow

FRAMES, FPS, PARTS = 2400, 15, 4
IN_SEGMENTS = {"TOUCHLINE_SEGMENTS": str(PARTS), "OMP_NUM_THREADS": "1"}
Swept = Callable[[], None]


@pytest.fixture(scope="module")
def match(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("videos") / "match.mp4"
    draw_video(path, frames=FRAMES, fps=FPS, size=(96, 54), paint=match_picture)
    return path


@pytest.fixture
def settings(settings: Settings, redis_url: str) -> Settings:
    # One round of the sweep is asked for here; it looks as often as a worker's would.
    often = {"redis_url": redis_url, "sweep_every": timedelta(seconds=1)}
    return settings.model_copy(update=often)


@pytest.fixture
def notifier(settings: Settings) -> JobNotifier:
    return JobNotifier(make_celery(settings))


@pytest.fixture
def swept(
    settings: Settings, sessions: Sessions, storage: Storage, notifier: JobNotifier
) -> Swept:
    def look() -> None:
        sweep(settings=settings, sessions=sessions, storage=storage, notifier=notifier)

    return look


def segments_of(job: Uploaded) -> list[Job]:
    with job.sessions() as session:
        mine = select(Job).where(
            Job.kind == JobKind.SPOT_SEGMENT, Job.parent_id == job.job_id
        )
        return list(session.scalars(mine.order_by(Job.created_at)))


def workers(sessions: Sessions) -> int:
    with sessions() as session:
        beats = session.scalars(select(WorkerHeartbeat)).all()
    return [beat.info.get("state") for beat in beats].count("ready")


def found(job: Uploaded, storage: Storage) -> tuple[list[tuple[object, ...]], bytes]:
    key = job.analysis().scores_key
    assert key is not None
    events: list[tuple[object, ...]] = [
        (one.seq, one.label, one.time_ms, one.frame, one.pts, one.score)
        for one in job.events()
    ]
    return events, Timeline.from_bytes(storage.get(key)).to_bytes()


@pytest.mark.nightly
def test_two_workers_share_a_match_and_one_that_is_killed_costs_its_segment_alone(
    settings: Settings,
    sessions: Sessions,
    storage: Storage,
    models: Path,
    notifier: JobNotifier,
    swept: Swept,
    match: Path,
    tmp_path: Path,
) -> None:
    first_log, second_log = tmp_path / "first.log", tmp_path / "second.log"
    job = upload(match, sessions=sessions, storage=storage)
    whole = upload(match, sessions=sessions, storage=storage)
    whole.set(saved_key="none", priority=-5)  # What was begun is not split.

    def running() -> list[Job]:
        return [one for one in segments_of(job) if one.status == "running"]

    def ended() -> bool:
        swept()
        return all(
            one.job().status not in ("queued", "running") for one in (job, whole)
        )

    def stopped_inside() -> bool:
        """Stop the worker that is to die; it goes on unless it is amid a segment."""
        os.kill(doomed, signal.SIGSTOP)
        here = [one for one in running() if one.lease_owner == owner]
        if len(running()) == 2 and any(one.progress > 0 for one in here):
            return True
        os.kill(doomed, signal.SIGCONT)
        return False

    job.set(status="canceled")  # until both are ready
    whole.set(status="canceled")
    with (
        gpu_worker("one@here", settings, first_log, environment=IN_SEGMENTS) as first,
        gpu_worker("two@here", settings, second_log, environment=IN_SEGMENTS),
    ):
        wait_until(lambda: workers(sessions) == 2, "both are ready", second_log)
        job.set(status="queued")
        notifier.notify_job(job.job_id)
        (doomed,) = children_of(first)
        owner = str(ProcessIdentity.of(doomed))
        wait_until(stopped_inside, "it is in a segment", first_log)
        os.kill(first.pid, signal.SIGKILL)  # so that it starts no other child
        os.kill(doomed, signal.SIGKILL)
        held = [one.id for one in running() if one.lease_owner == owner]
        shown = job.job()
        whole.set(status="queued")
        wait_until(ended, "both analyses have ended", second_log)

    assert (shown.status, shown.stage) == ("queued", "spot")
    assert len(held) == 1
    for one in segments_of(job):
        assert one.attempt == (2 if one.id in held else 1)
    assert {one.status for one in segments_of(job)} == {"succeeded"}
    assert len(segments_of(job)) == PARTS
    assert (job.job().status, job.job().attempt) == ("succeeded", 1)
    assert segments_of(whole) == []
    assert found(job, storage) == found(whole, storage)
    assert job.events()

"""Machines whose clocks are half a minute apart: leases are the database's to judge."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, select

from app.batches.items import BatchSourceItem
from app.batches.service import BatchRequest, create_batch
from app.batches.tables import Batch, BatchItem
from app.core.db.base import new_id, utc_now
from app.core.db.session import Sessions
from app.core.settings import Settings
from app.core.storage.interface import Storage
from app.jobs.kinds import JobKind
from app.jobs.requests import request
from app.jobs.tables import Job
from app.videos.tables import Video
from tests.integration.uploaded import upload
from tests.integration.worker_processes import (
    background_worker,
    gpu_worker,
    wait_until,
)
from tests.receivers import Receiver, running_receiver
from tests.skewed_clocks import skewed, time_with
from tests.videos import draw_video

SKEW_S = 30
SHOWS_STATE = """
import sys
from uuid import UUID

import app.tables
from app.core.db.session import make_engine, make_sessions
from app.jobs.tables import Job
from app.live.service import state_of
from app.live.tables import LiveStream, Phase

with make_sessions(make_engine(sys.argv[1]))() as session:
    job = session.get_one(Job, UUID(sys.argv[2]))
    print(state_of(LiveStream(phase=Phase.LIVE), job))
"""

ASKS_FOR_A_JOB = """
import sys
from uuid import UUID

import app.tables
from app.core.db.session import make_engine, make_sessions
from app.jobs.kinds import JobKind
from app.jobs.requests import request

with make_sessions(make_engine(sys.argv[1])).begin() as session:
    print(request(session, kind=JobKind.SPOT, video_id=UUID(sys.argv[2])).id)
"""

TAKES_BATCHES_FURTHER = """
import sys

import app.tables
from app.batches.feeding import advance_batches
from app.core.db.session import make_engine, make_sessions
from app.core.settings import Settings

advance_batches(make_sessions(make_engine(sys.argv[1])), settings=Settings())
"""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as running:
        yield running


@pytest.mark.parametrize("offset_s", [SKEW_S, -SKEW_S], ids=["ahead", "behind"])
def test_a_process_of_the_tests_has_another_time(offset_s: int) -> None:
    apart = time_with(skewed(offset_s)) - time.time()

    assert abs(apart - offset_s) < SKEW_S / 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "offset_s",
    [
        pytest.param(SKEW_S, id="ahead"),
        pytest.param(-SKEW_S, id="behind", marks=pytest.mark.nightly),
    ],
)
def test_workers_with_a_wrong_clock_steal_nothing_and_lose_nothing(
    settings: Settings,
    sessions: Sessions,
    storage: Storage,
    models: Path,
    redis_url: str,
    receiver: Receiver,
    tmp_path: Path,
    offset_s: int,
) -> None:
    settings = settings.model_copy(update={"redis_url": redis_url})
    os.mkfifo(models / "stuck.touchline")  # Whoever opens it runs for ever.
    draw_video(tmp_path / "a.mp4", frames=60, fps=15, size=(96, 54))
    video = tmp_path / "a.mp4"
    stuck = upload(video, sessions=sessions, storage=storage, model="stuck")
    right, wrong = tmp_path / "right.log", tmp_path / "wrong.log"
    sweeping = tmp_path / "sweeping.log"
    clock = skewed(offset_s)

    with gpu_worker("right@here", settings, right):
        wait_until(lambda: stuck.job().status == "running", "it runs", right)
        owner = stuck.job().lease_owner
        other = upload(
            video, sessions=sessions, storage=storage, callback_url=receiver.url
        )
        with (
            gpu_worker("wrong@here", settings, wrong, environment=clock),
            background_worker("background@here", settings, sweeping, environment=clock),
        ):
            wait_until(lambda: bool(receiver.received), "the end is told", sweeping)
            held = stuck.job()
            taken = other.job()

    assert (held.status, held.attempt, held.interruptions) == ("running", 1, 0)
    assert held.lease_owner == owner
    assert (taken.status, taken.attempt, taken.interruptions) == ("succeeded", 1, 0)
    assert f"job={other.job_id}" in wrong.read_text()


def add_job(sessions: Sessions, video_id: UUID) -> Job:
    with sessions.begin() as session:
        return request(session, kind=JobKind.SPOT, video_id=video_id)


def test_the_job_asked_for_last_is_the_latest_whatever_the_clock_has_done(
    sessions: Sessions,
) -> None:
    video = Video(id=new_id(), size_bytes=1, sha256="x", created_at=utc_now())
    with sessions.begin() as session:
        session.add(video)
    first = add_job(sessions, video.id)
    with sessions.begin() as session:  # The database's own clock was set back.
        ahead = utc_now() + timedelta(seconds=SKEW_S)
        session.get_one(Job, first.id).created_at = ahead
    second, third = add_job(sessions, video.id), add_job(sessions, video.id)

    with sessions() as session:
        order = session.scalars(select(Job.id).order_by(Job.created_at)).all()
    assert order == [first.id, second.id, third.id]


@pytest.mark.costly
@pytest.mark.parametrize(
    ("lease_s", "state"), [(20, "live"), (-1, "interrupted")], ids=str
)
def test_a_stream_is_interrupted_by_the_databases_clock(
    sessions: Sessions, settings: Settings, lease_s: int, state: str
) -> None:
    video = Video(id=new_id(), size_bytes=1, sha256="x", created_at=utc_now())
    with sessions.begin() as session:
        session.add(video)
    job = add_job(sessions, video.id)
    with sessions.begin() as session:
        row = session.get_one(Job, job.id)
        row.status, row.kind = "running", JobKind.LIVE
        row.lease_expires_at = func.now() + timedelta(seconds=lease_s)

    database = settings.database_url or ""
    for offset_s in (SKEW_S, -SKEW_S):
        done = subprocess.run(
            [sys.executable, "-c", SHOWS_STATE, database, str(job.id)],
            env={**os.environ, **skewed(offset_s)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.stdout.strip(), done.stderr) == (state, "")


@pytest.mark.costly
@pytest.mark.parametrize("offset_s", [SKEW_S, -SKEW_S], ids=["ahead", "behind"])
def test_how_long_a_job_has_waited_is_told_by_the_databases_clock(
    sessions: Sessions, settings: Settings, offset_s: int
) -> None:
    video = Video(id=new_id(), size_bytes=1, sha256="x", created_at=utc_now())
    with sessions.begin() as session:
        session.add(video)

    done = subprocess.run(
        [
            *(sys.executable, "-c", ASKS_FOR_A_JOB),
            settings.database_url or "",
            str(video.id),
        ],
        env={**os.environ, **skewed(offset_s)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.stderr == ""
    asked = UUID(done.stdout.split()[-1])  # behind what was logged
    with sessions() as session:
        now, asked_at = session.execute(
            select(func.now(), Job.created_at).where(Job.id == asked)
        ).one()
    assert abs((now - asked_at).total_seconds()) < SKEW_S / 2


@pytest.mark.costly
@pytest.mark.parametrize("offset_s", [SKEW_S, -SKEW_S], ids=["ahead", "behind"])
def test_how_fast_a_batch_goes_on_is_told_by_the_databases_clock(
    sessions: Sessions, settings: Settings, offset_s: int
) -> None:
    wanted = BatchRequest({}, model="tiny", weights={}, priority=-5)
    items = [
        BatchSourceItem("video", str(new_id())),  # which is not there
        BatchSourceItem("url", "https://archive.example.org/1.mp4"),
    ]
    with sessions.begin() as session:
        batch_id = create_batch(session, wanted, items).id

    done = subprocess.run(
        [
            *(sys.executable, "-c", TAKES_BATCHES_FURTHER),
            settings.database_url or "",
        ],
        env={**os.environ, **skewed(offset_s)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.stderr == ""
    with sessions() as session:
        batch = session.get_one(Batch, batch_id)
        failed = session.get_one(BatchItem, (batch_id, 1))
        asked_at = session.scalars(select(Job.created_at)).one()  # in that very step
    for at in (batch.started_at, failed.finished_at):
        assert at is not None
        assert abs((asked_at - at).total_seconds()) < SKEW_S / 2

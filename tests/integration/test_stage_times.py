"""A job keeps how long its runs spent in each stage, whatever became of them."""

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from app.core.broker.notifier import JobNotifier
from app.core.db.base import utc_now
from app.core.db.session import Sessions
from app.core.settings import Settings
from app.core.storage.interface import Storage
from app.jobs import service
from app.jobs.attempts import JobProgress
from app.jobs.kinds import JobKind
from app.jobs.tables import JobStatus
from model.errors import DecoderCrashed
from tests.api_server import RunningApi
from tests.integration.uploaded import Uploaded, upload
from worker.job_task import HandlerContext, JobResult, JobTask, Reporter
from worker.lease import Lease
from worker.outcomes import WorkerContext
from worker.runner import run_job
from worker.stages import StageClock


@pytest.fixture
def context(
    settings: Settings, sessions: Sessions, storage: Storage, notifier: JobNotifier
) -> WorkerContext:
    return WorkerContext(
        settings=settings,
        sessions=sessions,
        storage=storage,
        predictors=None,
        notifier=notifier,
        node="gpu@test",
        leaving=threading.Event(),
    )


@pytest.fixture
def job(tmp_path: Path, sessions: Sessions, storage: Storage) -> Uploaded:
    (tmp_path / "video").write_bytes(b"bytes")
    return upload(tmp_path / "video", sessions=sessions, storage=storage)


def passing(
    *stages: str, error: Exception | None = None
) -> Callable[[JobTask, HandlerContext, Reporter], JobResult]:
    """Make a handler that passes through stages, and then fails if it is to."""

    def handle(_task: JobTask, _context: HandlerContext, report: Reporter) -> JobResult:
        for stage in stages:
            report.progress(stage, 0.5)
        if error is not None:
            raise error
        return JobResult()

    return handle


def test_times_are_kept_of_runs_that_failed_and_added_up(
    job: Uploaded, context: WorkerContext
) -> None:
    crash = passing("probe", "decode", error=DecoderCrashed("it died"))
    first = run_job(job.job_id, context=context, handlers={JobKind.SPOT: crash})
    failed = job.job().stage_seconds
    well = passing("probe", "decode", "spot", "store")
    second = run_job(job.job_id, context=context, handlers={JobKind.SPOT: well})

    assert (first, second) == (JobStatus.QUEUED, JobStatus.SUCCEEDED)
    assert set(failed) == {"start", "probe", "decode"}
    whole = job.job().stage_seconds
    assert set(whole) == {"start", "probe", "decode", "spot", "store"}
    assert all(whole[stage] >= failed[stage] for stage in failed)


def test_a_worker_that_dies_leaves_what_its_last_tick_wrote(
    job: Uploaded, context: WorkerContext, sessions: Sessions
) -> None:
    settings, token = context.settings, uuid4()
    with sessions.begin() as session:
        service.claim(session, job.job_id, token=token, owner="x", settings=settings)
    lease = Lease(
        job.job_id,
        token,
        sessions=sessions,
        length=settings.lease,
        renew_every=timedelta(milliseconds=10),
        leaving=threading.Event(),
        stages=StageClock({"spot": 100.0}),
    )
    lease.note(JobProgress("decode", 0.1, None))
    with lease.kept_alive():
        while "decode" not in job.job().stage_seconds:
            pass
    job.set(lease_expires_at=utc_now() - timedelta(seconds=1))

    well = passing("spot")
    run_job(job.job_id, context=context, handlers={JobKind.SPOT: well})

    whole = job.job().stage_seconds
    assert set(whole) == {"start", "decode", "spot"}
    assert whole["spot"] >= 100.0


def test_the_api_tells_them(api: RunningApi, tmp_path: Path) -> None:
    service_parts = api.service
    (tmp_path / "video").write_bytes(b"bytes")
    job = upload(
        tmp_path / "video",
        sessions=service_parts.sessions,
        storage=service_parts.storage,
    )
    assert api.client.get(f"/jobs/{job.job_id}").json()["stage_seconds"] == {}

    job.set(stage_seconds={"probe": 0.25, "spot": 12.5})

    told = api.client.get(f"/jobs/{job.job_id}").json()["stage_seconds"]
    assert told == {"probe": 0.25, "spot": 12.5}

"""Whether a worker splits the job that it has: who else is there, and who else does."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from app.batches.queries import running_of
from app.batches.service import BatchRequest, create_batch
from app.core.broker.notifier import GPU_QUEUE
from app.health.queries import save_heartbeat
from app.jobs import segment_plan, service
from app.jobs.needs import offers_of
from app.jobs.tables import JobStatus
from model.video.probe import probe_in_child
from model.video.step_reading import read_steps_in_child
from tests.integration.segments.segment_jobs import (
    GPU_KINDS,
    PATIENT,
    run,
    segments_of,
    split,
    upload_one,
)
from tests.integration.uploaded import Uploaded
from worker.handlers import segmented
from worker.outcomes import WorkerContext

pytestmark = pytest.mark.costly


@pytest.fixture
def planner(context: WorkerContext, monkeypatch: pytest.MonkeyPatch) -> WorkerContext:
    """A worker that looks for others; short videos are worth it to it."""
    monkeypatch.setattr(segment_plan, "LEAST_AUTO_S", 5.0)
    settings = context.settings.model_copy(update={"segments": "auto", **PATIENT})
    return replace(context, settings=settings)


def beat(context: WorkerContext, *owners: str) -> None:
    info = {"offers": offers_of(GPU_KINDS)}
    with context.sessions.begin() as session:
        for owner in owners:
            name = f"gpu gpu@here {owner}"
            session.execute(save_heartbeat(name=name, kind=GPU_QUEUE, info=info))


@pytest.mark.nightly
def test_two_jobs_that_are_planned_at_once_do_not_count_the_same_workers(
    job: Uploaded, match: Path, planner: WorkerContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    beat(planner, "2@a/b", "3@a/b")
    other = upload_one(match, planner)
    before: list[JobStatus | None] = []

    def while_another_is_split(*args: Any, **options: Any) -> Any:
        if not before:
            before.append(None)
            before[0] = run(other.job_id, planner)
        return read_steps_in_child(*args, **options)

    monkeypatch.setattr(segmented, "read_steps_in_child", while_another_is_split)
    ended = run(job.job_id, planner)

    assert before == [JobStatus.RUNNING]
    assert len(segments_of(other)) == 3
    assert ended is JobStatus.SUCCEEDED
    assert segments_of(job) == []


def test_an_item_of_a_batch_whose_segments_run_is_one_that_runs(
    job: Uploaded, context: WorkerContext
) -> None:
    wanted = BatchRequest({}, "tiny", {}, priority=-5, is_open=True)
    with context.sessions.begin() as session:
        batch_id = create_batch(session, wanted, []).id
    job.set(batch_id=batch_id)
    segments = split(job, context)

    def running() -> list[int]:
        with context.sessions() as session:
            return [count for _, count in session.execute(running_of([batch_id]))]

    shown = [running()]
    for segment in segments[:2]:
        with context.sessions.begin() as session:
            service.claim(
                session,
                segment,
                token=uuid4(),
                owner="gpu@1",
                settings=context.settings,
            )
        shown.append(running())

    assert shown == [[], [1], [1]]


def test_where_no_worker_idles_nothing_is_fetched_and_read_to_plan(
    job: Uploaded, planner: WorkerContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    probed: list[Path] = []

    def noted(path: Path, **options: Any) -> Any:
        probed.append(path)
        return probe_in_child(path, **options)

    monkeypatch.setattr(segmented, "probe_in_child", noted)

    assert run(job.job_id, planner) is JobStatus.SUCCEEDED

    assert probed == []

"""An analysis of a batch gives way to one that a person waits for, and to no other."""

import threading
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.core.broker.notifier import JobNotifier
from app.core.db.base import new_id, utc_now
from app.core.db.session import Sessions
from app.core.settings import Settings
from app.core.storage.interface import Storage
from app.jobs.giving_way import gives_way, may_have_to
from app.jobs.kinds import JobKind
from app.jobs.tables import Job, JobStatus
from app.videos.tables import Video
from worker.job_loop import JobLoop
from worker.job_task import HandlerContext, JobResult, JobTask, Reporter
from worker.outcomes import WorkerContext

TEN_S = timedelta(seconds=10)


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


def add(sessions: Sessions, *, priority: int, **values: object) -> UUID:
    """Queue an analysis of a video of its own, or whatever `values` make of it."""
    video, job = new_id(), new_id()
    with sessions.begin() as session:
        session.add(Video(id=video, storage_key="key", created_at=utc_now()))
        session.flush()
        asked = {"created_at": utc_now(), **values}
        session.add(Job(id=job, video_id=video, priority=priority, **asked))
    return job


def running(began: timedelta) -> dict[str, object]:
    """What a run holds that began so long ago."""
    return {
        "status": JobStatus.RUNNING,
        "attempt": 1,
        "started_at": utc_now() - began,
        "lease_token": new_id(),
        "lease_owner": "gpu@other",
        "lease_expires_at": utc_now() + timedelta(minutes=5),
    }


def test_a_run_gives_way_and_goes_on_after_what_somebody_waited_for(
    sessions: Sessions, context: WorkerContext
) -> None:
    order: list[UUID] = []
    wanted: list[UUID] = []
    low = add(sessions, priority=-5)

    def analyse(
        task: JobTask, _context: HandlerContext, reporter: Reporter
    ) -> JobResult:
        order.append(task.job_id)
        if task.job_id == low and len(order) == 1:
            wanted.append(add(sessions, priority=0, created_at=utc_now() - TEN_S))
            stop = threading.Event()
            while not stop.wait(0.02):  # until it must give way; see `Reporter`
                reporter.progress("spot", 0.5)
        return JobResult()

    loop = JobLoop(context, {JobKind.SPOT: analyse})
    assert [loop.run_next() for _ in range(2)] == [True, True]
    given_back = state_of(sessions, low)
    again = JobLoop(context, {JobKind.SPOT: analyse}).run_next()

    assert order == [low, wanted[0], low]
    assert given_back == (JobStatus.QUEUED, 0)
    assert again
    assert state_of(sessions, low)[0] == JobStatus.SUCCEEDED


def test_of_several_runs_the_one_that_began_last_gives_way_to_one_job(
    sessions: Sessions,
) -> None:
    runs = [
        add(sessions, priority=-5, **running(timedelta(minutes=one)))
        for one in (3, 1, 2)
    ]
    assert ways_given(sessions, runs) == [False, False, False]
    add(sessions, priority=0, created_at=utc_now() - TEN_S)
    assert ways_given(sessions, runs) == [False, True, False]
    other = {"needs": ["spot/1"], "refusals": {"gpu@third": "It lacks it."}}
    add(sessions, priority=5, created_at=utc_now() - TEN_S, **other)
    assert ways_given(sessions, runs) == [False, True, True]


def test_a_segment_of_a_batchs_video_gives_way_like_a_run_in_one_piece(
    sessions: Sessions,
) -> None:
    whole = add(sessions, priority=-5, **running(timedelta(minutes=2)))
    parts = [
        add(
            sessions,
            priority=-5,
            kind=JobKind.SPOT_SEGMENT,
            **running(timedelta(minutes=one)),
        )
        for one in (1, 3)
    ]
    add(sessions, priority=0, created_at=utc_now() - TEN_S)

    assert ways_given(sessions, [*parts, whole]) == [True, False, False]
    assert may_have_to(JobKind.SPOT_SEGMENT, -5)
    assert not may_have_to(JobKind.SPOT_SEGMENT, 0)


@pytest.mark.parametrize(
    ("waits_s", "other"),
    [
        (10, {"priority": -1}),
        (0, {"priority": 0}),  # a worker that idles may take it yet
        (3600, {"priority": 0}),  # giving way has not helped
        (10, {"priority": 0, "attempt": 1}),
        (10, {"priority": 0, "cancel_requested": True}),
        (10, {"priority": 0, "kind": JobKind.PROXY}),
        (10, {"priority": 0, "needs": ["spot/99"]}),  # of a newer release
        (10, {"priority": 0, "refusals": {"gpu@other": "It lacks the checkpoint."}}),
    ],
)
def test_no_run_gives_way_to_what_nobody_waits_for(
    sessions: Sessions, waits_s: float, other: dict[str, Any]
) -> None:
    run = add(sessions, priority=-5, **running(timedelta(minutes=1)))
    add(sessions, created_at=utc_now() - timedelta(seconds=waits_s), **other)

    assert ways_given(sessions, [run]) == [False]


def ways_given(sessions: Sessions, runs: list[UUID]) -> list[bool | None]:
    with sessions() as session:
        return [session.scalar(gives_way(one)) for one in runs]


def state_of(sessions: Sessions, job_id: UUID) -> tuple[str, int]:
    with sessions() as session:
        job = session.get_one(Job, job_id)
        return job.status, job.attempt

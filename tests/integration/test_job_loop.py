"""The loop that runs jobs asks the database for them; no message is needed."""

import threading
from pathlib import Path
from uuid import UUID

import pytest

from app.core.broker.notifier import JobNotifier
from app.core.db.session import Sessions
from app.core.settings import Settings
from app.core.storage.interface import Storage
from app.jobs.kinds import USUAL_PRIORITY, JobKind
from app.jobs.tables import JobStatus
from model.errors import DecoderCrashed, UnreadableVideo
from model.spotting.predictor import Predictor
from tests.integration.uploaded import Uploaded, upload
from worker.handlers.spot import spot
from worker.job_loop import JobLoop
from worker.job_task import HandlerContext, Handlers, JobResult, JobTask, Reporter
from worker.outcomes import WorkerContext

PATIENCE_S = 60.0
HANDLERS: Handlers = {JobKind.SPOT: spot}


class Failing:
    """Fails to hand out a checkpoint, as the job's model asks for, and remembers."""

    def __init__(self) -> None:
        self.asked: list[str | None] = []

    def get(self, name: str | None) -> Predictor:
        self.asked.append(name)
        if name == "passing":
            raise DecoderCrashed("the decoder died")
        raise UnreadableVideo("no video")


@pytest.fixture
def predictors() -> Failing:
    return Failing()


@pytest.fixture
def context(
    settings: Settings,
    sessions: Sessions,
    storage: Storage,
    notifier: JobNotifier,
    predictors: Failing,
) -> WorkerContext:
    return WorkerContext(
        settings=settings,
        sessions=sessions,
        storage=storage,
        predictors=predictors,
        notifier=notifier,
        node="gpu@test",
        leaving=threading.Event(),
    )


@pytest.fixture
def queued(tmp_path: Path, sessions: Sessions, storage: Storage) -> list[Uploaded]:
    """Three jobs, each asking for a checkpoint of its own, that nobody rang for."""
    (tmp_path / "video").write_bytes(b"bytes")
    return [
        upload(tmp_path / "video", sessions=sessions, storage=storage, model=model)
        for model in ("first", "second", "third")
    ]


def test_the_oldest_job_runs_first_and_then_there_is_none(
    queued: list[Uploaded], context: WorkerContext, predictors: Failing
) -> None:
    loop = JobLoop(context, HANDLERS)

    assert [loop.run_next() for _ in range(4)] == [True, True, True, False]
    assert predictors.asked == ["first", "second", "third"]


def test_a_job_of_higher_priority_runs_before_older_ones(
    queued: list[Uploaded], context: WorkerContext, predictors: Failing
) -> None:
    queued[2].set(priority=1)
    loop = JobLoop(context, HANDLERS)

    assert [loop.run_next() for _ in range(4)] == [True, True, True, False]
    assert predictors.asked == ["third", "first", "second"]


def test_a_loop_for_what_people_wait_for_leaves_a_batch_to_others(
    queued: list[Uploaded], context: WorkerContext, predictors: Failing
) -> None:
    queued[0].set(priority=-5)
    queued[1].set(priority=3)
    people = JobLoop(context, HANDLERS, least_priority=USUAL_PRIORITY)

    assert [people.run_next() for _ in range(3)] == [True, True, False]
    assert predictors.asked == ["second", "third"]
    assert JobLoop(context, HANDLERS).run_next()
    assert predictors.asked == ["second", "third", "first"]


def test_a_job_of_a_kind_without_a_handler_here_is_left_to_others(
    queued: list[Uploaded], context: WorkerContext
) -> None:
    ran: list[UUID] = []

    def note(task: JobTask, context: HandlerContext, reporter: Reporter) -> JobResult:
        ran.append(task.job_id)
        return JobResult({"stills": 3})

    queued[0].set(kind=JobKind.THUMBNAILS)
    media = JobLoop(context, {JobKind.THUMBNAILS: note})
    gpu = JobLoop(context, HANDLERS)

    assert [gpu.run_next() for _ in range(3)] == [True, True, False]
    assert [media.run_next() for _ in range(2)] == [True, False]
    assert ran == [queued[0].job_id]
    assert queued[0].job().result == {"stills": 3}
    assert queued[0].events() == []


def test_a_job_that_may_succeed_later_lets_the_others_go_first(
    queued: list[Uploaded], context: WorkerContext, predictors: Failing
) -> None:
    queued[0].set(params={"model": "passing"})
    loop = JobLoop(context, HANDLERS)

    assert [loop.run_next() for _ in range(4)] == [True, True, True, False]
    assert predictors.asked == ["passing", "second", "third"]
    assert (queued[0].job().status, queued[0].job().attempt) == ("queued", 1)


def test_the_thread_runs_what_is_queued_and_ends_when_the_worker_leaves(
    queued: list[Uploaded], context: WorkerContext
) -> None:
    loop, waiting = JobLoop(context, HANDLERS, poll_every_s=0.01), threading.Event()

    loop.start()
    for _ in range(int(PATIENCE_S / 0.05)):
        if all(JobStatus(one.job().status).is_final for one in queued):
            break
        waiting.wait(0.05)
    context.leaving.set()
    loop.join(PATIENCE_S)

    assert [one.job().status for one in queued] == ["failed"] * 3
    assert not [one for one in threading.enumerate() if one.name == "jobs"]


def test_the_loop_outlives_whatever_a_run_raises(
    queued: list[Uploaded], context: WorkerContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting, seen = threading.Event(), []

    def run(job_id: UUID, *, context: WorkerContext, handlers: Handlers) -> None:
        seen.append(job_id)
        raise RuntimeError("a bug")

    monkeypatch.setattr("worker.job_loop.run_job", run)
    loop = JobLoop(context, HANDLERS, poll_every_s=0.01)

    loop.start()
    for _ in range(int(PATIENCE_S / 0.05)):
        if len(seen) > 1:
            break
        waiting.wait(0.05)
    context.leaving.set()
    loop.join(PATIENCE_S)

    assert len(seen) > 1

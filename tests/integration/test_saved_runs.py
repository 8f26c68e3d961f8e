"""Runs that are saved while they go on: killed, gone on with, and cleared away."""

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from sqlalchemy import select

from app.core.broker.notifier import JobNotifier
from app.core.db.session import Sessions
from app.core.errors import StorageFull
from app.core.settings import Settings
from app.core.storage.interface import Storage, StoredFile
from app.core.storage.keys import is_saved_run_key, saved_run_key, video_prefix
from app.core.storage.local import LocalStorage
from app.jobs.kinds import JobKind
from app.jobs.lost_runs import SAVED_RUNS
from app.jobs.recovery import requeue_orphaned
from app.jobs.saved_runs import name_saved, note_further
from app.jobs.service import cancel
from app.jobs.tables import Job, JobStatus
from app.videos.cleanup import clean_up
from app.videos.lost_objects import sweep_lost_objects
from model.checkpoint.manifest import Manifest
from model.spotting.predictor import Predictor, load_predictor
from model.spotting.session import Session
from model.spotting.spots import Spot
from model.spotting.timeline import Timeline
from model.video.decode import Step
from tests.fakes import MemoryStorage
from tests.integration.uploaded import Uploaded, upload
from tests.videos import draw_video, match_picture
from worker.handlers.spot import spot
from worker.outcomes import WorkerContext
from worker.runner import run_job

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
SECONDS, FPS = 16, 15


class Killed(BaseException):
    """The worker's process ends here."""


class Watched:
    """A real predictor that tells somebody of each step, images or not."""

    def __init__(self, real: Predictor, tell: Callable[[Step], None]) -> None:
        self.real, self.tell = real, tell

    def get(self, name: str | None) -> Predictor:
        return self

    @property
    def manifest(self) -> Manifest:
        return self.real.manifest

    @property
    def engine(self) -> str:
        return self.real.engine

    def predict(self, steps: Iterable[Step]) -> Timeline:
        return self.real.predict(steps)

    def open_session(
        self,
        *,
        min_score: float | None = None,
        has_timeline: bool = True,
        on_wait: Callable[[], None] | None = None,
    ) -> Session:
        real = self.real.open_session(
            min_score=min_score, has_timeline=has_timeline, on_wait=on_wait
        )
        push = real.push

        def watched(steps: Iterable[Step]) -> list[Spot]:
            steps = list(steps)
            for step in steps:
                self.tell(step)
            return push(steps)

        real.push = watched  # type: ignore[method-assign] # To look on.
        return real


class FullForRuns(LocalStorage):
    """Real storage that has no room for what runs save."""

    def put(self, key: str, data: bytes) -> StoredFile:
        if is_saved_run_key(key):
            raise StorageFull("The disk is full.")
        return super().put(key, data)


@pytest.fixture(scope="module")
def match(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("videos") / "match.mp4"
    draw_video(path, frames=SECONDS * FPS, fps=FPS, size=(96, 54), paint=match_picture)
    return path


@pytest.fixture(scope="module")
def predictor(checkpoint: Path) -> Predictor:
    return load_predictor(checkpoint, engine="openvino", threads=1)


@pytest.fixture
def context(
    settings: Settings,
    sessions: Sessions,
    storage: Storage,
    notifier: JobNotifier,
    predictor: Predictor,
) -> WorkerContext:
    often = settings.model_copy(update={"save_every": timedelta(seconds=3)})
    return WorkerContext(
        settings=often,
        sessions=sessions,
        storage=storage,
        predictors=Watched(predictor, lambda step: None),
        notifier=notifier,
        node="gpu@test",
        leaving=threading.Event(),
    )


@pytest.fixture
def job(match: Path, sessions: Sessions, storage: Storage) -> Uploaded:
    return upload(match, sessions=sessions, storage=storage)


def run(
    job: Uploaded, context: WorkerContext, tell: Callable[[Step], None] | None = None
) -> JobStatus | None:
    if tell is not None:
        assert isinstance(context.predictors, Watched)
        watched = Watched(context.predictors.real, tell)
        context = replace(context, predictors=watched)
    return run_job(job.job_id, context=context, handlers={JobKind.SPOT: spot})


def kill_at(job: Uploaded, context: WorkerContext, second: float) -> None:
    """Run a job until its worker dies at some second of the video."""

    def tell(step: Step) -> None:
        if step.time_s >= second:
            raise Killed

    with pytest.raises(Killed):
        run(job, context, tell)
    job.set(lease_expires_at=LONG_AGO)


def saved(job: Uploaded, storage: Storage) -> list[str]:
    stored = storage.list(video_prefix(job.video_id))
    return sorted(one.key for one in stored if is_saved_run_key(one.key))


def found(job: Uploaded, storage: Storage) -> tuple[list[tuple[object, ...]], Timeline]:
    key = job.analysis().scores_key
    assert key is not None
    events: list[tuple[object, ...]] = [
        (event.seq, event.label, event.time_ms, event.frame, event.pts, event.score)
        for event in job.events()
    ]
    return events, Timeline.from_bytes(storage.get(key))


def assert_undisturbed(job: Uploaded, match: Path, context: WorkerContext) -> None:
    """Compare what a job found with what an undisturbed one does."""
    storage = context.storage
    other = upload(match, sessions=context.sessions, storage=storage)
    assert run(other, context) is JobStatus.SUCCEEDED
    (events, curves), (expected, truth) = found(job, storage), found(other, storage)
    assert events == expected != []
    for name in ("scores", "time_s", "frame", "pts"):
        np.testing.assert_array_equal(getattr(curves, name), getattr(truth, name))


def test_a_job_whose_worker_died_goes_on_and_finds_the_same(
    job: Uploaded, match: Path, context: WorkerContext, storage: Storage
) -> None:
    kill_at(job, context, 7.5)
    assert len(saved(job, storage)) == 2
    shown: list[float] = []
    images: list[float] = []

    def tell(step: Step) -> None:
        shown.append(job.job().progress)
        if step.image.any():
            images.append(step.time_s)

    status = run(job, context, tell)

    assert status is JobStatus.SUCCEEDED
    assert shown[0] == min(shown) == pytest.approx(6 / SECONDS, abs=0.1)
    assert len(images) < SECONDS * FPS
    assert (job.job().attempt, job.job().interruptions) == (2, 1)
    assert_undisturbed(job, match, context)
    assert job.job().saved_key is None
    clean_up(sessions=context.sessions, storage=storage)
    assert saved(job, storage) == []


@pytest.mark.costly
def test_deaths_count_since_a_run_last_got_further(
    job: Uploaded, context: WorkerContext
) -> None:
    job.set(attempt=10, interruptions=9)  # One more, and it is given up.

    kill_at(job, context, 4.5)
    with context.sessions.begin() as session:
        back = requeue_orphaned(session, settings=context.settings)
    assert [job_id for job_id, _ in back.requeued] == [job.job_id]
    row = job.job()
    assert (row.interruptions, row.deaths, row.failures) == (10, 1, 0)
    assert row.progress == row.saved_progress == pytest.approx(3 / SECONDS, abs=0.1)

    job.set(status="running", lease_expires_at=LONG_AGO, interruptions=18)
    with context.sessions.begin() as session:
        back = requeue_orphaned(session, settings=context.settings)
    assert back.marked_dead == [job.job_id]
    assert "died 10 times" in str(job.job().error_detail)
    assert job.job().saved_key is None


def test_a_run_that_gets_no_further_has_nothing_forgiven(
    job: Uploaded, context: WorkerContext, sessions: Sessions
) -> None:
    token = uuid4()
    held = {"status": "running", "lease_token": token}
    job.set(**held, attempt=3, interruptions=1, saved_progress=0.5)

    def name(done: float) -> tuple[bool, int, int]:
        with sessions.begin() as session:
            is_named = name_saved(session, job.job_id, token, key="key", done=done)
        row = job.job()
        return is_named, row.forgiven_failures, row.forgiven_interruptions

    assert name(0.5) == (True, 0, 0)
    assert name(0.4) == (True, 0, 0)
    assert job.job().saved_progress == 0.5
    assert name(0.6) == (True, 1, 1)
    job.set(lease_token=uuid4())
    assert name(0.9) == (False, 1, 1)
    assert job.job().saved_progress == 0.6


def test_a_run_that_keeps_its_state_itself_is_forgiven_alike(
    job: Uploaded, context: WorkerContext, sessions: Sessions
) -> None:
    token = uuid4()
    job.set(status="running", lease_token=token, attempt=4, interruptions=1)

    with sessions.begin() as session:
        is_held = note_further(session, job.job_id, token, done=0.3)
        is_other = note_further(session, job.job_id, uuid4(), done=0.9)
    row = job.job()

    assert (is_held, is_other) == (True, False)
    assert (row.saved_progress, row.saved_key) == (0.3, None)
    assert (row.forgiven_failures, row.forgiven_interruptions) == (2, 1)


@pytest.mark.nightly
@pytest.mark.parametrize("damage", ["gone", "rubbish"])
def test_what_was_saved_and_cannot_be_read_costs_the_head_start_alone(
    damage: str, job: Uploaded, match: Path, context: WorkerContext, storage: Storage
) -> None:
    kill_at(job, context, 7.5)
    key = saved(job, storage)[0]
    data = storage.get(key)
    storage.delete(key)
    if damage != "gone":
        storage.put(key, bytes(len(data)))
    images: list[float] = []

    def tell(step: Step) -> None:
        images.extend([step.time_s] * bool(step.image.any()))

    assert run(job, context, tell) is JobStatus.SUCCEEDED

    assert len(images) == SECONDS * FPS
    assert_undisturbed(job, match, context)


@pytest.mark.costly
def test_another_checkpoint_begins_anew(
    job: Uploaded, context: WorkerContext, storage: Storage
) -> None:
    kill_at(job, context, 7.5)
    images: list[float] = []

    class Other(Watched):
        @property
        def engine(self) -> str:
            return "openvino/int8"

    def tell(step: Step) -> None:
        images.extend([step.time_s] * bool(step.image.any()))

    assert isinstance(context.predictors, Watched)
    other = replace(context, predictors=Other(context.predictors.real, tell))
    assert run(job, other) is JobStatus.SUCCEEDED
    assert len(images) == SECONDS * FPS


@pytest.mark.costly
def test_a_full_disk_costs_the_run_nothing(
    job: Uploaded, match: Path, context: WorkerContext
) -> None:
    full = replace(context, storage=FullForRuns(context.settings.data_dir))

    assert run(job, full) is JobStatus.SUCCEEDED

    assert job.job().saved_key is None
    assert_undisturbed(job, match, context)


@pytest.mark.costly
def test_a_run_that_lost_its_lease_names_nothing_and_leaves_nothing(
    job: Uploaded, context: WorkerContext, storage: Storage
) -> None:
    def tell(step: Step) -> None:
        if step.time_s == 1:
            job.set(lease_token=uuid4(), lease_expires_at=LONG_AGO)
        if step.time_s >= 7.5:
            raise Killed

    with suppress(Killed):  # The lease may be seen to be lost before.
        run(job, context, tell)

    assert job.job().saved_key is None
    assert saved(job, storage) == []


@pytest.mark.costly
def test_a_cancel_clears_away_what_was_saved(
    job: Uploaded, context: WorkerContext, storage: Storage
) -> None:
    kill_at(job, context, 4.5)
    with context.sessions.begin() as session:
        requeue_orphaned(session, settings=context.settings)
    assert saved(job, storage) != []

    with context.sessions.begin() as session:
        cancel(session, job.job_id, settings=context.settings)

    clean_up(sessions=context.sessions, storage=storage)
    assert saved(job, storage) == []


def test_a_sweep_removes_old_parts_of_jobs_that_have_ended(
    tmp_path: Path, sessions: Sessions
) -> None:
    storage = MemoryStorage()
    (tmp_path / "video").write_bytes(b"bytes")
    waits, ended = (
        upload(tmp_path / "video", sessions=sessions, storage=storage) for _ in "12"
    )
    ended.set(status="succeeded")
    keys = {}
    for job in (waits, ended):
        keys[job] = saved_run_key(job.video_id, job.job_id, uuid4(), 0)
        storage.put(keys[job], b"part")
        storage.age(keys[job], timedelta(days=1))
    unknown = saved_run_key(uuid4(), uuid4(), uuid4(), 0)
    storage.put(unknown, b"part")
    storage.age(unknown, timedelta(days=1))

    sweep_lost_objects([SAVED_RUNS], sessions=sessions, storage=storage)

    assert storage.exists(keys[waits])
    assert storage.exists(unknown)
    assert not storage.exists(keys[ended])
    with sessions() as session:
        assert len(session.scalars(select(Job)).all()) == 2

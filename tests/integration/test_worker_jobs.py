"""One run of one job on real parts: Postgres, files, PyAV and a network."""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import psutil
import pytest
from sqlalchemy import delete, text
from sqlalchemy.exc import OperationalError

from app.core.broker.notifier import (
    BACKGROUND_QUEUE,
    GPU_QUEUE,
    JobNotifier,
    make_celery,
)
from app.core.db.base import new_id, utc_now
from app.core.db.session import Sessions
from app.core.settings import Settings
from app.core.storage.interface import Storage, StoredFile
from app.core.storage.keys import is_scores_key, scores_key, source_key, video_prefix
from app.core.storage.local import LocalStorage
from app.jobs.kinds import JobKind
from app.jobs.service import cancel
from app.jobs.tables import Job, JobStatus
from app.videos.tables import Video
from model.checkpoint.manifest import Manifest
from model.checkpoint.spotting_options import SpottingOptions
from model.errors import DecoderCrashed, UnreadableVideo
from model.spotting.predictor import Predictor, load_predictor
from model.spotting.session import Session
from model.spotting.spots import Spot
from model.spotting.timeline import Timeline
from model.video.decode import Step
from tests.api_server import running_api
from tests.fakes import MemoryStorage
from tests.integration.uploaded import Uploaded, upload
from tests.videos import draw_video
from worker import runner
from worker.activity import Activity
from worker.handlers.spot import spot
from worker.job_task import JobTask
from worker.lease import Lease
from worker.outcomes import WorkerContext, remove_files
from worker.predictor_cache import PredictorCache, Predictors

HANDLERS = {JobKind.SPOT: spot}
HOOK = "http://127.0.0.1:9/hook"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
PATIENCE_S = 60.0


def run_job(job_id: UUID, *, context: WorkerContext) -> JobStatus | None:
    return runner.run_job(job_id, context=context, handlers=HANDLERS)


def predictors_of(context: WorkerContext) -> Predictors:
    assert context.predictors is not None
    return context.predictors


class Interrupted:
    """A real predictor that calls somebody in the middle of the video.

    From then on it holds every step until the run is stopped, so that what the test
    did takes effect before the video ends.
    """

    def __init__(self, real: Predictor, act: Callable[[], None]) -> None:
        self.real = real
        self.act = act

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
        push, numbers = real.push, count()

        def interrupted(steps: Iterable[Step]) -> list[Spot]:
            if next(numbers) == 10:
                self._interrupt(on_wait)
            return push(steps)

        real.push = interrupted  # type: ignore[method-assign] # To act in between.
        return real

    def _interrupt(self, on_wait: Callable[[], None] | None) -> None:
        self.act()
        never = threading.Event()
        for _ in range(int(PATIENCE_S / 0.1)):
            never.wait(0.1)
            if on_wait is not None:
                on_wait()
        pytest.fail("the run was not stopped")


class Killing(Interrupted):
    """A real predictor whose decoding process is killed in the middle of the video."""

    def __init__(self, real: Predictor) -> None:
        super().__init__(real, act=kill_decoders)

    def _interrupt(self, on_wait: Callable[[], None] | None) -> None:
        self.act()


def kill_decoders() -> None:
    """Kill this process's decoding processes, as a system short of memory does."""
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            if "model.video.child" in child.cmdline():
                child.kill()


class Finished(Interrupted):
    """A real predictor that calls somebody once it has seen the whole video."""

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
        close = real.close

        def finished() -> list[Spot]:
            spots = close()
            self.act()
            return spots

        real.close = finished  # type: ignore[method-assign] # To act after it.
        return real


class AtTheEnd(Interrupted):
    """A real predictor that calls somebody after a run has looked for the last time."""

    @property
    def engine(self) -> str:
        self.act()
        return self.real.engine

    def _interrupt(self, on_wait: Callable[[], None] | None) -> None:
        pass


class Storing(LocalStorage):
    """Real storage that calls somebody before it stores a file, other than the last."""

    def __init__(self, root: Path, *, first: Callable[[], None]) -> None:
        super().__init__(root)
        self.first = first

    def put(self, key: str, data: bytes) -> StoredFile:
        self.first()
        return super().put(key, data + b"another device rounds otherwise")


class OneOnTheShelf:
    """Hands out the same predictor whatever is asked for."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    def get(self, name: str | None) -> Predictor:
        return self.predictor


class Failing:
    """Fails to hand out a predictor, after calling somebody."""

    def __init__(
        self, error: Exception, *, act: Callable[[], None] = lambda: None
    ) -> None:
        self.error = error
        self.act = act

    def get(self, name: str | None) -> Predictor:
        self.act()
        raise self.error


@pytest.fixture(scope="module")
def match(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of video."""
    path = tmp_path_factory.mktemp("videos") / "match.mp4"
    draw_video(path, frames=60, fps=30)
    return path


@pytest.fixture(scope="module")
def predictor(checkpoint: Path) -> Predictor:
    """The checkpoint, loaded once for all tests here."""
    return load_predictor(checkpoint, engine="openvino")


@pytest.fixture
def context(
    settings: Settings,
    sessions: Sessions,
    storage: Storage,
    notifier: JobNotifier,
    predictor: Predictor,
) -> WorkerContext:
    return WorkerContext(
        settings=settings,
        sessions=sessions,
        storage=storage,
        predictors=OneOnTheShelf(predictor),
        notifier=notifier,
        node="gpu@test",
        leaving=threading.Event(),
    )


@pytest.fixture
def job(match: Path, sessions: Sessions, storage: Storage) -> Uploaded:
    return upload(match, sessions=sessions, storage=storage, callback_url=HOOK)


def interrupted(context: WorkerContext, act: Callable[[], None]) -> WorkerContext:
    predictor = Interrupted(predictors_of(context).get(None), act)
    return replace(context, predictors=OneOnTheShelf(predictor))


def wait_until_somebody_waits_for_a_lock(sessions: Sessions) -> None:
    waiting = text(
        "select count(*) from pg_stat_activity "
        "where datname = current_database() and wait_event_type = 'Lock'"
    )
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with sessions() as session:
            if session.scalar(waiting):
                return
        time.sleep(0.02)
    pytest.fail("nobody waits for a lock")


def tells_of_the_cancel(job: Uploaded, context: WorkerContext) -> None:
    """Look for the one webhook of a canceled job, and for what announces it."""
    (delivery,) = job.deliveries()
    body = json.loads(delivery.body)
    assert (delivery.type, body["type"]) == ("video.canceled", "video.canceled")
    assert body["data"]["status"] == "canceled"
    assert body["data"]["events"] == {}
    assert "error" not in body["data"]
    assert context.notifier.waiting(BACKGROUND_QUEUE) == 1


def nothing_was_kept(job: Uploaded, storage: Storage) -> bool:
    return no_timeline_was_kept(job, storage) and not job.deliveries()


def no_timeline_was_kept(job: Uploaded, storage: Storage) -> bool:
    return not (job.events() or scores_files(job, storage))


def scores_files(job: Uploaded, storage: Storage) -> list[str]:
    stored = storage.list(video_prefix(job.video_id))
    return [one.key for one in stored if is_scores_key(one.key)]


def test_a_job_ends_with_events_scores_and_a_webhook_at_once(
    job: Uploaded, context: WorkerContext, storage: Storage
) -> None:
    status = run_job(job.job_id, context=context)

    row, video, events = job.job(), job.video(), job.events()
    assert status is JobStatus.SUCCEEDED
    assert (row.status, row.progress, row.attempt) == ("succeeded", 1.0, 1)
    assert (row.lease_expires_at, row.lease_owner, row.error_code) == (None,) * 3
    assert row.finished_at is not None
    found = job.analysis()
    assert found.checkpoint["name"] == "tiny"
    spotting = found.checkpoint["spotting"]
    assert isinstance(spotting, dict)
    assert SpottingOptions.from_dict(spotting).temperature == 1.5
    assert found.requested_at == row.created_at
    assert (video.width, video.height, video.codec) == (160, 96, "h264")
    assert video.duration_s == pytest.approx(2.0, abs=0.05)
    assert job.is_shown()

    assert events
    assert [event.seq for event in events] == list(range(len(events)))
    assert events == sorted(events, key=lambda event: (event.time_ms, event.label))
    assert sum(found.event_counts.values()) == len(events)
    told = {key: value for key, value in found.checkpoint.items() if key != "spotting"}
    assert row.result == {
        "checkpoint": told,
        "counts": found.event_counts,
        "warnings": None,
    }
    assert found.scores_key is not None
    timeline = Timeline.from_bytes(storage.get(found.scores_key))
    assert len(timeline) == 30

    (delivery,) = job.deliveries()
    body = json.loads(delivery.body)
    assert (delivery.url, delivery.status) == (HOOK, "pending")
    assert body["type"] == "video.completed"
    assert body["data"]["events"] == found.event_counts
    assert context.notifier.waiting(BACKGROUND_QUEUE) == 1


@pytest.mark.costly
def test_a_video_that_never_was_a_file_is_spotted(
    match: Path, sessions: Sessions, context: WorkerContext
) -> None:
    storage = MemoryStorage()
    job = upload(match, sessions=sessions, storage=storage)

    status = run_job(job.job_id, context=replace(context, storage=storage))

    assert status is JobStatus.SUCCEEDED
    assert scores_files(job, storage) == [job.analysis().scores_key]


def test_a_video_whose_file_is_gone_is_not_called_unreadable(
    job: Uploaded, context: WorkerContext, storage: Storage
) -> None:
    storage.delete(source_key(job.video_id))

    assert run_job(job.job_id, context=context) is JobStatus.FAILED
    assert job.job().error_code == "source_missing"
    assert "upload the video again" in str(job.job().error_detail)


@pytest.mark.costly
def test_the_stored_curves_are_at_the_events_own_scores(
    job: Uploaded, context: WorkerContext, storage: Storage
) -> None:
    run_job(job.job_id, context=context)

    key = job.analysis().scores_key
    assert key is not None
    timeline = Timeline.from_bytes(storage.get(key))
    for event in job.events():
        curve = timeline.of(event.label)
        at = timeline.frame.tolist().index(event.frame)
        assert event.score == pytest.approx(float(curve[at]), abs=1e-6)


@pytest.mark.costly
def test_the_time_of_an_event_is_the_time_of_its_frame(
    job: Uploaded, context: WorkerContext
) -> None:
    run_job(job.job_id, context=context)

    for event in job.events():
        assert event.time_ms == round(event.frame / 30 * 1000)


@pytest.mark.costly
def test_a_job_that_is_done_is_not_run_again(
    job: Uploaded, context: WorkerContext
) -> None:
    run_job(job.job_id, context=context)

    assert run_job(job.job_id, context=context) is None
    assert run_job(uuid4(), context=context) is None
    assert job.job().attempt == 1
    assert len(job.deliveries()) == 1


@pytest.mark.costly
def test_a_job_rung_for_twice_at_once_is_run_once(
    job: Uploaded, context: WorkerContext
) -> None:
    seen: list[JobStatus | None] = []

    def second() -> None:
        seen.append(run_job(job.job_id, context=context))
        context.leaving.set()

    run_job(job.job_id, context=interrupted(context, second))

    assert seen == [None]


@pytest.mark.costly
def test_a_run_that_lost_its_lease_writes_nothing(
    job: Uploaded, context: WorkerContext, storage: Storage
) -> None:
    other = uuid4()

    def steal() -> None:
        job.set(lease_token=other)

    assert run_job(job.job_id, context=interrupted(context, steal)) is None

    row = job.job()
    assert (row.status, row.lease_token) == ("running", other)
    assert nothing_was_kept(job, storage)


@pytest.mark.costly
def test_a_canceled_run_stops_in_the_middle_and_keeps_nothing(
    job: Uploaded, context: WorkerContext, storage: Storage
) -> None:
    def cancel() -> None:
        job.set(cancel_requested=True)

    status = run_job(job.job_id, context=interrupted(context, cancel))

    assert status is JobStatus.CANCELED
    assert (job.job().status, job.job().lease_token) == ("canceled", None)
    assert no_timeline_was_kept(job, storage)
    tells_of_the_cancel(job, context)


def canceled_over_http(job: Uploaded, settings: Settings) -> int:
    with running_api(settings) as api, httpx.Client(base_url=api.url) as client:
        return client.post(f"/jobs/{job.job_id}/cancel").status_code


def test_a_cancel_accepted_after_the_last_look_still_cancels(
    job: Uploaded, context: WorkerContext, storage: Storage
) -> None:
    answers: list[int] = []

    def cancel() -> None:
        answers.append(canceled_over_http(job, context.settings))

    predictors = OneOnTheShelf(AtTheEnd(predictors_of(context).get(None), cancel))
    status = run_job(job.job_id, context=replace(context, predictors=predictors))

    assert answers == [202]
    assert status is JobStatus.CANCELED
    assert job.job().status == "canceled"
    assert job.events() == []
    assert scores_files(job, storage) == []
    assert job.video().current_analysis_id is None


def test_a_cancel_accepted_while_a_failure_is_saved_still_cancels(
    job: Uploaded, context: WorkerContext
) -> None:
    def cancel() -> None:
        job.set(cancel_requested=True)

    predictors = Failing(UnreadableVideo("no video"), act=cancel)
    status = run_job(job.job_id, context=replace(context, predictors=predictors))

    assert status is JobStatus.CANCELED
    assert (job.job().status, job.job().error_code) == ("canceled", None)


def test_a_cancel_at_the_moment_of_the_commit_is_refused_or_obeyed(
    job: Uploaded, context: WorkerContext, sessions: Sessions
) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def pause() -> None:
        reached.set()
        go_on.wait(PATIENCE_S)

    predictors = OneOnTheShelf(AtTheEnd(predictors_of(context).get(None), pause))
    context = replace(context, predictors=predictors)
    with ThreadPoolExecutor() as pool, sessions.begin() as canceling:
        run = pool.submit(run_job, job.job_id, context=context)
        assert reached.wait(PATIENCE_S)
        # What the API does; it has answered nothing yet when the run wants to end.
        cancel(canceling, job.job_id, settings=context.settings)
        canceling.flush()
        go_on.set()
        wait_until_somebody_waits_for_a_lock(sessions)
        canceling.commit()
        status = run.result(PATIENCE_S)

    assert status is JobStatus.CANCELED
    assert canceled_over_http(job, context.settings) == 409
    assert job.events() == []


def again(job: Uploaded) -> Uploaded:
    """Ask for another run of the same video, later than the first one."""
    job_id = new_id()
    with job.sessions.begin() as session:
        session.add(Job(id=job_id, video_id=job.video_id, created_at=utc_now()))
    return Uploaded(job.video_id, job_id, job.sessions)


@pytest.mark.costly
def test_the_timeline_of_the_newest_request_is_shown_whoever_ends_last(
    match: Path, context: WorkerContext, sessions: Sessions, storage: Storage
) -> None:
    for order in ([0, 1], [1, 0]):
        older = upload(match, sessions=sessions, storage=storage)
        jobs = [older, again(older)]

        statuses = [run_job(jobs[which].job_id, context=context) for which in order]

        assert statuses == [JobStatus.SUCCEEDED] * 2
        assert jobs[1].is_shown()


@pytest.mark.costly
def test_an_older_runs_timeline_is_shown_when_the_newer_run_fails(
    job: Uploaded, context: WorkerContext
) -> None:
    newer = again(job)

    run_job(
        newer.job_id, context=replace(context, predictors=Failing(UnreadableVideo("")))
    )
    run_job(job.job_id, context=context)

    assert job.is_shown()


@pytest.mark.costly
def test_a_zombie_neither_replaces_nor_removes_the_scores_of_the_winner(
    job: Uploaded, context: WorkerContext, storage: Storage
) -> None:
    def lose_and_be_overtaken() -> None:
        job.set(lease_expires_at=LONG_AGO)
        run_job(job.job_id, context=replace(context, activity=Activity()))

    # The zombie stores its scores when the winner has stored and saved its own.
    zombie = replace(
        context, storage=Storing(context.settings.data_dir, first=lose_and_be_overtaken)
    )
    assert run_job(job.job_id, context=zombie) is None

    row = job.job()
    assert (row.status, row.attempt, row.interruptions) == ("succeeded", 2, 1)
    found = job.analysis()
    assert found.scores_key is not None
    data = storage.get(found.scores_key)
    assert hashlib.sha256(data).hexdigest() == found.scores_sha256
    assert scores_files(job, storage) == [found.scores_key]


@pytest.mark.costly
def test_a_zombie_that_tidies_up_leaves_the_scores_of_a_run_about_to_be_saved(
    job: Uploaded, context: WorkerContext, storage: Storage
) -> None:
    def tidy_up() -> None:
        zombie = JobTask(
            job.job_id, JobKind.SPOT, job.video_id, None, {}, 1, token=uuid4()
        )
        lease = Lease(
            job.job_id,
            zombie.token,
            sessions=context.sessions,
            length=context.settings.lease,
            renew_every=context.settings.heartbeat,
            leaving=context.leaving,
        )
        key = scores_key(job.video_id, job.job_id, zombie.token)
        remove_files(zombie, lease, context, (key,))

    predictors = OneOnTheShelf(AtTheEnd(predictors_of(context).get(None), tidy_up))
    status = run_job(job.job_id, context=replace(context, predictors=predictors))

    key = job.analysis().scores_key
    assert status is JobStatus.SUCCEEDED
    assert key is not None
    assert storage.exists(key)


@pytest.mark.costly
def test_an_end_that_was_saved_keeps_its_scores_though_the_answer_was_lost(
    job: Uploaded, context: WorkerContext, storage: Storage
) -> None:
    class Lost(JobNotifier):
        """Fails after the commit, as a connection does that breaks in its answer."""

        def notify_delivery(self, delivery_id: UUID) -> bool:
            raise OperationalError("commit", {}, Exception("connection lost"))

    lost = Lost(make_celery(context.settings))

    assert run_job(job.job_id, context=replace(context, notifier=lost)) is None

    row = job.job()
    assert row.status == "succeeded"
    key = job.analysis().scores_key
    assert key is not None
    assert storage.exists(key)


@pytest.mark.costly
def test_a_database_that_goes_away_in_a_run_is_no_failure_of_the_job(
    job: Uploaded, context: WorkerContext
) -> None:
    away = Failing(OperationalError("select", {}, Exception("server closed")))

    for _ in range(context.settings.max_attempts + 1):
        status = run_job(job.job_id, context=replace(context, predictors=away))
        assert status is JobStatus.QUEUED

    row = job.job()
    assert (row.failures, row.deaths, row.error_code) == (0, row.attempt, None)
    assert run_job(job.job_id, context=context) is JobStatus.SUCCEEDED


@pytest.mark.costly
def test_a_disk_that_is_full_for_long_is_no_failure_of_the_job(
    job: Uploaded, context: WorkerContext
) -> None:
    class Full(LocalStorage):
        def free_bytes(self) -> int:
            return 2**20

    full = replace(context, storage=Full(context.settings.data_dir))

    for _ in range(context.settings.max_attempts + 1):
        assert run_job(job.job_id, context=full) is JobStatus.QUEUED

    row = job.job()
    assert (row.attempt, row.error_code) == (0, "storage_full")
    assert run_job(job.job_id, context=context) is JobStatus.SUCCEEDED
    assert job.job().error_code is None


@pytest.mark.costly
def test_a_run_whose_video_is_deleted_leaves_no_file(
    job: Uploaded, context: WorkerContext, storage: Storage, sessions: Sessions
) -> None:
    def delete() -> None:
        with sessions.begin() as session:
            session.delete(session.get_one(Video, job.video_id))
        storage.delete_prefix(video_prefix(job.video_id))

    assert run_job(job.job_id, context=interrupted(context, delete)) is None

    assert not list(storage.list(video_prefix(job.video_id)))


@pytest.mark.costly
def test_a_worker_that_leaves_gives_its_job_back_uncounted(
    job: Uploaded, context: WorkerContext, storage: Storage
) -> None:
    status = run_job(job.job_id, context=interrupted(context, context.leaving.set))

    row = job.job()
    assert status is JobStatus.QUEUED
    assert (row.status, row.attempt, row.lease_token) == ("queued", 0, None)
    assert nothing_was_kept(job, storage)


@pytest.mark.costly
def test_a_worker_that_leaves_closes_a_job_whose_cancel_is_pending(
    job: Uploaded, context: WorkerContext, storage: Storage
) -> None:
    def cancel_and_leave() -> None:
        context.leaving.set()  # Seen before the lease can learn of the cancel.
        job.set(cancel_requested=True)

    slow = context.settings.model_copy(update={"heartbeat": timedelta(seconds=30)})

    status = run_job(
        job.job_id,
        context=interrupted(replace(context, settings=slow), cancel_and_leave),
    )

    assert status is JobStatus.CANCELED
    assert (job.job().status, job.job().lease_token) == ("canceled", None)
    assert job.job().finished_at is not None
    assert context.notifier.waiting(GPU_QUEUE) == 0
    assert no_timeline_was_kept(job, storage)
    tells_of_the_cancel(job, context)


def test_a_failure_that_may_pass_closes_a_job_whose_cancel_is_pending(
    job: Uploaded, context: WorkerContext
) -> None:
    predictors = Failing(
        DecoderCrashed("the decoder died"), act=lambda: job.set(cancel_requested=True)
    )
    slow = context.settings.model_copy(update={"heartbeat": timedelta(seconds=30)})

    status = run_job(
        job.job_id, context=replace(context, predictors=predictors, settings=slow)
    )

    assert status is JobStatus.CANCELED
    assert job.job().status == "canceled"
    assert job.job().finished_at is not None
    tells_of_the_cancel(job, context)


@pytest.mark.parametrize("ends", ["succeeded", "failed"])
def test_a_video_can_be_deleted_while_its_job_is_being_finished(
    job: Uploaded,
    context: WorkerContext,
    storage: Storage,
    sessions: Sessions,
    ends: str,
) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def pause() -> None:
        reached.set()
        go_on.wait(PATIENCE_S)

    predictors: Predictors = Failing(UnreadableVideo("no video"), act=pause)
    if ends == "succeeded":
        predictors = OneOnTheShelf(Finished(predictors_of(context).get(None), pause))
    with ThreadPoolExecutor() as pool, sessions.begin() as session:
        run = pool.submit(
            run_job, job.job_id, context=replace(context, predictors=predictors)
        )
        assert reached.wait(PATIENCE_S)
        # What a deletion does first; then the jobs go.
        session.get_one(Video, job.video_id, with_for_update=True)
        go_on.set()
        wait_until_somebody_waits_for_a_lock(sessions)
        session.get_one(Job, job.job_id, with_for_update={"nowait": True})
        session.execute(delete(Video).where(Video.id == job.video_id))
        session.commit()

        assert run.result(PATIENCE_S) is None
    assert not [one for one in storage.list("videos") if is_scores_key(one.key)]


def test_what_is_no_video_fails_for_good_and_says_why(
    tmp_path: Path, context: WorkerContext, sessions: Sessions, storage: Storage
) -> None:
    (tmp_path / "notes.mp4").write_text("no video at all")
    job = upload(
        tmp_path / "notes.mp4", sessions=sessions, storage=storage, callback_url=HOOK
    )

    status = run_job(job.job_id, context=context)

    row = job.job()
    assert status is JobStatus.FAILED
    assert row.error_retryable is False
    assert row.error_detail
    (delivery,) = job.deliveries()
    body = json.loads(delivery.body)
    assert body["type"] == "video.failed"
    assert body["data"]["error"]["code"] == row.error_code


def test_a_failure_that_may_pass_is_tried_again_until_the_limit(
    job: Uploaded, context: WorkerContext
) -> None:
    broken = replace(context, predictors=Failing(DecoderCrashed("the decoder died")))

    seen = [run_job(job.job_id, context=broken) for _ in range(4)]

    queued, failed = JobStatus.QUEUED, JobStatus.FAILED
    assert seen == [queued, queued, failed, None]
    assert (job.job().attempt, job.job().error_code) == (3, "decoder_crashed")
    assert len(job.deliveries()) == 1


@pytest.mark.costly
def test_a_decoder_killed_by_the_system_fails_the_job_and_the_worker_lives(
    job: Uploaded,
    tmp_path: Path,
    context: WorkerContext,
    sessions: Sessions,
    storage: Storage,
    predictor: Predictor,
) -> None:
    draw_video(tmp_path / "long.mp4", frames=1800, fps=30)
    unlucky = upload(tmp_path / "long.mp4", sessions=sessions, storage=storage)
    killing = replace(context, predictors=OneOnTheShelf(Killing(predictor)))

    seen = [run_job(unlucky.job_id, context=killing) for _ in range(3)]

    assert seen == [JobStatus.QUEUED, JobStatus.QUEUED, JobStatus.FAILED]
    assert unlucky.job().error_code == "decoder_crashed"
    assert "SIGKILL" in (unlucky.job().error_detail or "")
    assert run_job(job.job_id, context=context) is JobStatus.SUCCEEDED


@pytest.mark.costly
def test_a_second_try_that_succeeds_forgets_the_first_ones_error(
    job: Uploaded, context: WorkerContext
) -> None:
    run_job(
        job.job_id, context=replace(context, predictors=Failing(DecoderCrashed("x")))
    )

    run_job(job.job_id, context=context)

    row = job.job()
    assert (row.status, row.error_code, row.attempt) == ("succeeded", None, 2)


def test_a_bug_is_told_to_the_log_and_not_to_the_user(
    job: Uploaded, context: WorkerContext
) -> None:
    predictors: Predictors = Failing(ZeroDivisionError("secret words"))

    run_job(job.job_id, context=replace(context, predictors=predictors))

    row = job.job()
    assert row.error_code == "internal_error"
    assert row.error_detail is not None
    assert "secret" not in row.error_detail


def test_a_checkpoint_that_is_not_installed_fails_the_job_by_name(
    match: Path, context: WorkerContext, sessions: Sessions, storage: Storage
) -> None:
    job = upload(match, sessions=sessions, storage=storage, model="nobody")
    context = replace(context, predictors=PredictorCache(context.settings))

    assert run_job(job.job_id, context=context) is JobStatus.FAILED
    assert "nobody" in str(job.job().error_detail)


@pytest.mark.costly
def test_the_default_is_the_settings_checkpoint_else_the_data_directorys_choice(
    settings: Settings, models: Path
) -> None:
    (models / "other.touchline").symlink_to(models / "tiny.touchline")
    (models / "default").write_text("other\n")
    by_setting = PredictorCache(settings)
    by_choice = PredictorCache(settings.model_copy(update={"model": None}))

    assert by_setting.get(None) is by_setting.get("tiny")
    assert by_choice.get(None) is by_choice.get("other")
    assert by_choice.get(None) is not by_choice.get("tiny")

"""A match in segments: jobs that score a part each, joined as if by one run."""

import json
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from sqlalchemy import select

from app.core.broker.notifier import GPU_QUEUE, JobNotifier
from app.core.db.base import utc_now
from app.core.db.session import Sessions
from app.core.settings import Settings
from app.core.storage.interface import Storage
from app.core.storage.keys import is_saved_run_key, segment_key, video_prefix
from app.health.queries import save_heartbeat
from app.jobs import service
from app.jobs.attempts import Failure, Held, JobProgress
from app.jobs.claiming import claimable_jobs
from app.jobs.giving_way import gives_way
from app.jobs.kinds import KINDS, JobKind, kinds_of
from app.jobs.lost_runs import SAVED_RUNS
from app.jobs.needs import offers_of
from app.jobs.schemas import Job as JobSchema
from app.jobs.segment_plan import Workers, count_workers
from app.jobs.segments import show_progress
from app.jobs.tables import Job, JobStatus
from app.metrics.queries import analysed_frames
from app.videos.cleanup import clean_up
from app.videos.lost_objects import sweep_lost_objects
from app.videos.tables import Video
from model.spotting.predictor import Predictor, load_predictor
from model.spotting.timeline import Timeline
from tests.fakes import MemoryStorage
from tests.integration.uploaded import Uploaded, upload
from tests.videos import draw_video, match_picture
from worker.handlers.spot import spot
from worker.handlers.spot_segment import spot_one_segment
from worker.job_loop import JobLoop
from worker.outcomes import WorkerContext
from worker.runner import run_job

FRAMES, FPS, PARTS = 420, 15, 3
HANDLERS = {JobKind.SPOT: spot, JobKind.SPOT_SEGMENT: spot_one_segment}
GPU_KINDS = kinds_of(GPU_QUEUE)


class One:
    """Whoever hands out the one checkpoint there is."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    def get(self, name: str | None) -> Predictor:
        return self.predictor


@pytest.fixture(scope="module")
def match(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("videos") / "match.mp4"
    draw_video(path, frames=FRAMES, fps=FPS, size=(96, 54), paint=match_picture)
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
    return WorkerContext(
        settings=settings.model_copy(update={"segments": PARTS}),
        sessions=sessions,
        storage=storage,
        predictors=One(predictor),
        notifier=notifier,
        node="gpu@test",
        leaving=threading.Event(),
    )


@pytest.fixture
def job(match: Path, sessions: Sessions, storage: Storage) -> Uploaded:
    return upload(
        match, sessions=sessions, storage=storage, callback_url="http://127.0.0.1:9/a"
    )


def run(job_id: UUID, context: WorkerContext) -> JobStatus | None:
    return run_job(job_id, context=context, handlers=HANDLERS)


def split(job: Uploaded, context: WorkerContext) -> list[UUID]:
    """Run a job until it waits for its segments; gives those in order of time."""
    assert run(job.job_id, context) is JobStatus.RUNNING
    return [one.id for one in segments_of(job)]


def segments_of(job: Uploaded) -> list[Job]:
    with job.sessions() as session:
        asked = select(Job).where(Job.kind == JobKind.SPOT_SEGMENT)
        mine = asked.where(Job.parent_id == job.job_id)
        return list(session.scalars(mine.order_by(Job.created_at)))


def row(sessions: Sessions, job_id: UUID) -> Job:
    with sessions() as session:
        return session.get_one(Job, job_id)


def claimable(sessions: Sessions) -> list[UUID]:
    statement = claimable_jobs(
        kinds=GPU_KINDS, max_attempts=3, max_interruptions=3, limit=20
    )
    with sessions() as session:
        return list(session.scalars(statement))


def kept(job: Uploaded, storage: Storage) -> list[str]:
    stored = storage.list(video_prefix(job.video_id))
    return [one.key for one in stored if is_saved_run_key(one.key)]


def found(job: Uploaded, storage: Storage) -> dict[str, Any]:
    """All that a job leaves, but for ids and times of clocks."""
    analysis, ended, video = job.analysis(), job.job(), job.video()
    assert analysis.scores_key is not None
    assert video.frame_times_key is not None
    told = [json.loads(one.body)["data"] for one in job.deliveries()]
    return {
        "events": [
            (one.seq, one.label, one.time_ms, one.frame, one.pts, one.score)
            for one in job.events()
        ],
        "curves": Timeline.from_bytes(storage.get(analysis.scores_key)),
        "frame times": storage.get(video.frame_times_key),
        "result": ended.result,
        "checkpoint": analysis.checkpoint,
        "counts": analysis.event_counts,
        "warnings": analysis.warnings,
        "video": (video.duration_s, video.facts),
        "webhook": [(one["status"], one["events"]) for one in told],
        "status": (ended.status, ended.attempt, ended.progress, ended.stage),
    }


def assert_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    curves, truth = one.pop("curves"), other.pop("curves")
    assert curves.to_bytes() == truth.to_bytes()
    for name in ("scores", "time_s", "frame", "pts"):
        np.testing.assert_array_equal(getattr(curves, name), getattr(truth, name))
    assert one == other
    assert one["events"]


def in_one_piece(match: Path, context: WorkerContext) -> dict[str, Any]:
    settings = context.settings.model_copy(update={"segments": 0})
    other = upload(
        match,
        sessions=context.sessions,
        storage=context.storage,
        callback_url="http://127.0.0.1:9/a",
    )
    plain = replace(context, settings=settings)
    assert run(other.job_id, plain) is JobStatus.SUCCEEDED
    assert segments_of(other) == []
    return found(other, context.storage)


def test_segments_are_joined_as_one_run_and_nothing_of_them_is_kept(
    job: Uploaded, match: Path, context: WorkerContext, storage: Storage
) -> None:
    segments = split(job, context)
    assert len(segments) == PARTS
    for segment in reversed(segments):
        assert run(job.job_id, context) is None  # It waits for them.
        assert run(segment, context) is JobStatus.SUCCEEDED
    assert len(kept(job, storage)) == PARTS

    assert run(job.job_id, context) is JobStatus.SUCCEEDED

    assert_same(found(job, storage), in_one_piece(match, context))
    clean_up(sessions=context.sessions, storage=storage)
    assert kept(job, storage) == []


def test_one_worker_alone_runs_all_of_it_without_a_pause(
    job: Uploaded, context: WorkerContext
) -> None:
    loop = JobLoop(context, HANDLERS)

    rounds = [loop.run_next() for _ in range(PARTS + 3)]

    assert rounds == [True] * (PARTS + 2) + [False]
    assert job.job().status == "succeeded"


def end_badly(sessions: Sessions, settings: Settings, segment: UUID) -> None:
    """Let a worker fail at a segment for good."""
    token = uuid4()
    with sessions.begin() as session:
        service.claim(session, segment, token=token, owner="gpu@1", settings=settings)
    failure = Failure("unreadable_video", "It is broken.", retryable=False)
    with sessions.begin() as session:
        service.fail(session, Held(segment, token), failure, settings=settings)


def test_after_a_segment_failed_the_others_end_and_the_job_runs_in_one_piece(
    job: Uploaded, match: Path, context: WorkerContext, storage: Storage
) -> None:
    first, second, third = split(job, context)
    assert run(first, context) is JobStatus.SUCCEEDED

    end_badly(context.sessions, context.settings, second)

    ends = [one.status for one in segments_of(job)]
    assert ends == ["succeeded", "failed", "canceled"]
    assert run(third, context) is None
    assert run(job.job_id, context) is JobStatus.SUCCEEDED
    assert_same(found(job, storage), in_one_piece(match, context))
    clean_up(sessions=context.sessions, storage=storage)
    assert kept(job, storage) == []


def test_curves_that_are_lost_or_of_other_inputs_have_it_run_in_one_piece(
    job: Uploaded, match: Path, context: WorkerContext, storage: Storage
) -> None:
    for segment in split(job, context):
        assert run(segment, context) is JobStatus.SUCCEEDED
    storage.delete(kept(job, storage)[0])

    assert run(job.job_id, context) is JobStatus.SUCCEEDED

    assert_same(found(job, storage), in_one_piece(match, context))


def test_a_worker_whose_model_is_another_leaves_segments_alone(
    job: Uploaded, context: WorkerContext, sessions: Sessions
) -> None:
    (segment, *_) = split(job, context)
    with sessions.begin() as session:
        row_of = session.get_one(Job, segment)
        row_of.params = {**row_of.params, "inputs": "of another"}

    # It is the only worker, so nobody can run it.
    assert run(segment, context) is JobStatus.FAILED

    assert row(sessions, segment).error_code == "engine_unavailable"
    assert run(job.job_id, context) is JobStatus.SUCCEEDED


def test_a_canceled_job_ends_its_segments(
    job: Uploaded, context: WorkerContext, storage: Storage, sessions: Sessions
) -> None:
    first, second, third = split(job, context)
    assert run(first, context) is JobStatus.SUCCEEDED
    token = uuid4()
    with sessions.begin() as session:
        service.claim(
            session, second, token=token, owner="gpu@1", settings=context.settings
        )

    with sessions.begin() as session:
        service.cancel(session, job.job_id, settings=context.settings)

    assert job.job().status == "canceled"
    assert [json.loads(one.body)["data"]["status"] for one in job.deliveries()] == [
        "canceled"
    ]
    assert (row(sessions, second).status, row(sessions, third).status) == (
        "running",
        "canceled",
    )
    with sessions.begin() as session:
        held = Held(second, token)
        assert service.renew(session, held, lease=context.settings.lease)
        service.release(
            session, held, settings=context.settings, counts_as_attempt=False
        )
    assert row(sessions, second).status == "canceled"
    assert claimable(sessions) == []
    clean_up(sessions=sessions, storage=storage)
    assert kept(job, storage) == []


def test_a_canceled_segment_has_the_job_run_in_one_piece(
    job: Uploaded, context: WorkerContext, sessions: Sessions
) -> None:
    (segment, *_) = split(job, context)

    with sessions.begin() as session:
        service.cancel(session, segment, settings=context.settings)

    assert {one.status for one in segments_of(job)} == {"canceled"}
    assert claimable(sessions) == [job.job_id]
    assert run(job.job_id, context) is JobStatus.SUCCEEDED


def test_a_deleted_video_takes_its_segments_along(
    job: Uploaded, context: WorkerContext, sessions: Sessions
) -> None:
    split(job, context)

    with sessions.begin() as session:
        session.delete(session.get_one(Video, job.video_id))

    assert segments_of(job) == []


def test_a_job_that_waits_shows_how_far_its_segments_are(
    job: Uploaded, context: WorkerContext, sessions: Sessions
) -> None:
    segments = split(job, context)
    token = uuid4()
    for segment, done in zip(segments, (0.9, 0.6, 0.0), strict=True):
        with sessions.begin() as session:
            service.claim(
                session, segment, token=token, owner="gpu@1", settings=context.settings
            )
        with sessions.begin() as session:
            service.renew(
                session,
                Held(segment, token),
                lease=None,
                progress=JobProgress("spot", done, None),
            )
        with sessions.begin() as session:
            show_progress(session, segment)

    shown = JobSchema.of(job.job())
    assert (shown.status, shown.stage) == ("queued", "spot")
    assert shown.progress == pytest.approx(0.5)
    for segment in segments:
        with sessions.begin() as session:
            held = Held(segment, token)
            service.succeed(session, held, settings=context.settings, result={})
    with sessions.begin() as session:
        show_progress(session, segments[0])
        service.claim(
            session, job.job_id, token=token, owner="gpu@1", settings=context.settings
        )
    assert job.job().progress == 1.0  # It does not fall back while it joins.


def test_segments_stand_in_the_queue_where_their_job_stood(
    job: Uploaded, match: Path, context: WorkerContext, storage: Storage
) -> None:
    later = upload(match, sessions=context.sessions, storage=storage)

    segments = split(job, context)

    assert claimable(context.sessions) == [*segments, later.job_id]
    for segment in segments:
        assert run(segment, context) is JobStatus.SUCCEEDED
    assert claimable(context.sessions) == [job.job_id, later.job_id]


def test_a_release_that_knows_no_segments_leaves_the_job_and_them_alone(
    job: Uploaded, context: WorkerContext
) -> None:
    segments = split(job, context)

    older = set(offers_of(kind for kind in KINDS if kind != JobKind.SPOT_SEGMENT))

    assert not set(job.job().needs) <= older
    for segment in segments:
        assert not set(row(context.sessions, segment).needs) <= older


def test_a_file_that_cannot_be_split_runs_in_one_piece(
    context: WorkerContext, sessions: Sessions, storage: Storage, tmp_path: Path
) -> None:
    one_key, old = tmp_path / "one_key.mp4", tmp_path / "old.avi"
    draw_video(one_key, frames=FRAMES, fps=FPS, paint=match_picture, key_every=9999)
    draw_video(old, frames=FRAMES, fps=FPS, paint=match_picture, b_frames=2)

    for path in (one_key, old):
        whole = upload(path, sessions=sessions, storage=storage)
        assert run(whole.job_id, context) is JobStatus.SUCCEEDED
        assert segments_of(whole) == []


def test_a_run_that_was_saved_goes_on_in_one_piece(
    job: Uploaded, context: WorkerContext
) -> None:
    job.set(saved_key="videos/nothing", saved_progress=0.5)

    assert run(job.job_id, context) is JobStatus.SUCCEEDED

    assert segments_of(job) == []


def test_curves_of_segments_are_swept_once_the_job_has_ended(
    job: Uploaded, sessions: Sessions
) -> None:
    key = segment_key(job.video_id, job.job_id, uuid4())
    storage = MemoryStorage()
    storage.put(key, b"left by a worker that died")
    storage.age(key, timedelta(days=1))

    sweep_lost_objects([SAVED_RUNS], sessions=sessions, storage=storage)
    assert storage.exists(key)
    job.set(status="succeeded")
    sweep_lost_objects([SAVED_RUNS], sessions=sessions, storage=storage)
    assert not storage.exists(key)


def beat(sessions: Sessions, owner: str, **info: object) -> None:
    with sessions.begin() as session:
        name = f"gpu gpu@here {owner}"
        session.execute(save_heartbeat(name=name, kind=GPU_QUEUE, info=info))


def test_workers_that_idle_and_jobs_that_wait_are_counted(
    job: Uploaded, match: Path, context: WorkerContext, storage: Storage
) -> None:
    sessions, settings = context.sessions, context.settings
    offers = offers_of(GPU_KINDS)
    me, busy, idle, older = (f"{number}@a/b" for number in "1234")
    for owner in (me, busy, idle):
        beat(sessions, owner, offers=offers)
    beat(sessions, older, offers=["spot/1"])
    for asked, owner in ((job, me), (upload_one(match, context), busy)):
        with sessions.begin() as session:
            service.claim(
                session, asked.job_id, token=uuid4(), owner=owner, settings=settings
            )
    upload_one(match, context)

    with sessions() as session:
        counted = count_workers(session, job.job_id, settings=settings)

    assert counted == Workers(idle=1, waiting=1)


def upload_one(match: Path, context: WorkerContext) -> Uploaded:
    return upload(match, sessions=context.sessions, storage=context.storage)


def test_a_job_that_waits_for_segments_has_nobody_give_way(
    job: Uploaded, match: Path, context: WorkerContext, sessions: Sessions
) -> None:
    low = upload_one(match, context)
    low.set(priority=-5)
    with sessions.begin() as session:
        service.claim(
            session,
            low.job_id,
            token=uuid4(),
            owner="gpu@1",
            settings=context.settings,
        )

    def must() -> bool | None:
        with sessions() as session:
            return session.scalar(gives_way(low.job_id))

    job.set(created_at=utc_now() - timedelta(seconds=10))
    assert must()
    split(job, context)
    assert not must()


def test_an_analysis_in_segments_tells_nothing_of_a_workers_speed(
    job: Uploaded, match: Path, context: WorkerContext, sessions: Sessions
) -> None:
    for segment in split(job, context):
        assert run(segment, context) is JobStatus.SUCCEEDED
    assert run(job.job_id, context) is JobStatus.SUCCEEDED

    def frames() -> float | None:
        with sessions() as session:
            return session.execute(analysed_frames()).one()[0]

    assert frames() is None
    in_one_piece(match, context)
    assert frames() == FRAMES

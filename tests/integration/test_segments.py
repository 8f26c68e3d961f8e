"""A match in segments: jobs that score a part each, joined as if by one run."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from sqlalchemy import select

from app.core.broker.notifier import GPU_QUEUE, JobNotifier
from app.core.db.session import Sessions
from app.core.process_identity import ProcessIdentity
from app.core.settings import Settings
from app.core.storage.interface import Storage
from app.core.storage.keys import is_saved_run_key, segment_key, video_prefix
from app.jobs import service
from app.jobs.attempts import Failure, Held, JobProgress
from app.jobs.claiming import claimable_jobs
from app.jobs.kinds import KINDS, JobKind, kinds_of
from app.jobs.lost_runs import SAVED_RUNS
from app.jobs.needs import offers_of
from app.jobs.schemas import Job as JobSchema
from app.jobs.segments import show_progress
from app.jobs.tables import Job, JobStatus
from app.videos.cleanup import clean_up
from app.videos.lost_objects import sweep_lost_objects
from model.spotting.predictor import Predictor, load_predictor
from model.spotting.timeline import Timeline
from tests.integration.uploaded import Uploaded, upload
from tests.videos import draw_video, match_picture
from worker.handlers.spot import spot
from worker.handlers.spot_segment import spot_one_segment
from worker.job_loop import JobLoop
from worker.outcomes import WorkerContext
from worker.runner import run_job

FRAMES, FPS, PARTS = 420, 15, 3
HANDLERS = {JobKind.SPOT: spot, JobKind.SPOT_SEGMENT: spot_one_segment}
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
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

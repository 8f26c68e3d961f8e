"""What tests of jobs in segments share."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import select

from app.core.broker.notifier import GPU_QUEUE
from app.core.db.session import Sessions
from app.core.storage.interface import Storage
from app.core.storage.keys import is_saved_run_key, video_prefix
from app.jobs.claiming import claimable_jobs
from app.jobs.kinds import JobKind, kinds_of
from app.jobs.tables import Job, JobStatus
from model.spotting.predictor import Predictor
from model.spotting.timeline import Timeline
from tests.integration.uploaded import Uploaded, upload
from worker.handlers.spot import spot
from worker.handlers.spot_segment import spot_one_segment
from worker.outcomes import WorkerContext
from worker.runner import run_job

FRAMES, FPS, PARTS = 420, 15, 3
HANDLERS = {JobKind.SPOT: spot, JobKind.SPOT_SEGMENT: spot_one_segment}
GPU_KINDS = kinds_of(GPU_QUEUE)
# Settings with which a heartbeat counts as long as a test takes.
PATIENT = {"heartbeat": timedelta(minutes=1), "lease": timedelta(minutes=5)}


class One:
    """Whoever hands out the one checkpoint there is."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    def get(self, name: str | None) -> Predictor:
        return self.predictor


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


def upload_one(match: Path, context: WorkerContext) -> Uploaded:
    return upload(match, sessions=context.sessions, storage=context.storage)

"""A match in segments whose file is in a bucket: each worker has an empty cache."""

import threading
from pathlib import Path

import pytest

from app.core.broker.notifier import JobNotifier
from app.core.db.session import Sessions
from app.core.settings import Settings
from app.core.storage import filling
from app.jobs.tables import JobStatus
from model.spotting.predictor import Predictor
from tests.bucket_storage import storage_in
from tests.integration.segments.segment_jobs import (
    PARTS,
    One,
    assert_same,
    found,
    in_one_piece,
    run,
    split,
)
from tests.integration.uploaded import upload
from tests.s3_server import S3OfTests
from worker.outcomes import WorkerContext


@pytest.mark.nightly
def test_segments_of_a_bucket_are_joined_as_one_run(
    s3: S3OfTests,
    match: Path,
    predictor: Predictor,
    settings: Settings,
    sessions: Sessions,
    notifier: JobNotifier,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(filling, "WINDOW_BYTES", 4096)
    bucket = s3.fresh_bucket()

    def worker(name: str) -> WorkerContext:
        return WorkerContext(
            settings=settings.model_copy(update={"segments": PARTS}),
            sessions=sessions,
            storage=storage_in(s3, tmp_path / name, monkeypatch, bucket=bucket),
            predictors=One(predictor),
            notifier=notifier,
            node=f"{name}@test",
            leaving=threading.Event(),
        )

    planner = worker("planner")
    job = upload(
        match,
        sessions=sessions,
        storage=planner.storage,
        callback_url="http://127.0.0.1:9/a",
    )

    for number, segment in enumerate(split(job, planner)):
        assert run(segment, worker(f"segment {number}")) is JobStatus.SUCCEEDED
    assert run(job.job_id, worker("joiner")) is JobStatus.SUCCEEDED

    assert_same(found(job, planner.storage), in_one_piece(match, planner))

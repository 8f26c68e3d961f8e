"""A match in segments: jobs that score a part each, joined as if by one run."""

import json
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from app.core.db.session import Sessions
from app.core.settings import Settings
from app.core.storage.interface import Storage
from app.core.storage.keys import segment_key
from app.jobs import service
from app.jobs.attempts import Failure, Held
from app.jobs.lost_runs import SAVED_RUNS
from app.jobs.tables import JobStatus
from app.videos.cleanup import clean_up
from app.videos.lost_objects import sweep_lost_objects
from app.videos.tables import Video
from tests.fakes import MemoryStorage
from tests.integration.segments.segment_jobs import (
    FPS,
    FRAMES,
    HANDLERS,
    PARTS,
    assert_same,
    claimable,
    found,
    in_one_piece,
    kept,
    row,
    run,
    segments_of,
    split,
)
from tests.integration.uploaded import Uploaded, upload
from tests.videos import draw_video, match_picture
from worker.job_loop import JobLoop
from worker.outcomes import WorkerContext

pytestmark = pytest.mark.costly


def test_segments_are_joined_as_one_run_and_nothing_of_them_is_kept(
    job: Uploaded, match: Path, context: WorkerContext, storage: Storage
) -> None:
    segments = split(job, context)
    assert len(segments) == PARTS
    for segment in reversed(segments):
        assert run(job.job_id, context) is None  # It waits for them.
        assert run(segment, context) is JobStatus.SUCCEEDED
    assert len(kept(job, storage)) == PARTS + 1  # curves, and the steps' index

    assert run(job.job_id, context) is JobStatus.SUCCEEDED

    assert_same(found(job, storage), in_one_piece(match, context))
    clean_up(sessions=context.sessions, storage=storage)
    assert kept(job, storage) == []


@pytest.mark.nightly
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


@pytest.mark.parametrize(
    "lost", [".segment.npz", pytest.param(".index.npz", marks=pytest.mark.nightly)]
)
def test_curves_or_an_index_that_are_lost_have_it_run_in_one_piece(
    job: Uploaded, match: Path, context: WorkerContext, storage: Storage, lost: str
) -> None:
    for segment in split(job, context):
        assert run(segment, context) is JobStatus.SUCCEEDED
    storage.delete(next(key for key in kept(job, storage) if key.endswith(lost)))

    assert run(job.job_id, context) is JobStatus.SUCCEEDED

    assert_same(found(job, storage), in_one_piece(match, context))


@pytest.mark.nightly
@pytest.mark.parametrize("left", [None, b"damaged"])
def test_an_index_that_is_lost_before_a_segment_has_it_run_in_one_piece(
    job: Uploaded,
    match: Path,
    context: WorkerContext,
    storage: Storage,
    left: bytes | None,
) -> None:
    first, *others = split(job, context)
    (index,) = kept(job, storage)
    storage.delete(index)
    if left is not None:
        storage.put(index, left)

    assert run(first, context) is JobStatus.FAILED

    assert all(run(one, context) is None for one in others)
    assert run(job.job_id, context) is JobStatus.SUCCEEDED
    assert_same(found(job, storage), in_one_piece(match, context))


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

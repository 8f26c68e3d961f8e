"""A job that waits for its segments: what it shows, and its place in the queue."""

from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from app.core.broker.notifier import GPU_QUEUE
from app.core.db.base import utc_now
from app.core.db.session import Sessions
from app.core.storage.interface import Storage
from app.health.queries import save_heartbeat
from app.jobs import service
from app.jobs.attempts import Held, JobProgress
from app.jobs.giving_way import gives_way
from app.jobs.kinds import KINDS, JobKind
from app.jobs.needs import offers_of
from app.jobs.schemas import Job as JobSchema
from app.jobs.segment_plan import Workers, count_workers
from app.jobs.segments import show_progress
from app.jobs.tables import Job, JobStatus
from app.metrics.queries import analysed_frames
from tests.integration.segments.segment_jobs import (
    FRAMES,
    GPU_KINDS,
    PATIENT,
    claimable,
    in_one_piece,
    row,
    run,
    split,
    upload_one,
)
from tests.integration.uploaded import Uploaded, upload
from worker.outcomes import WorkerContext


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
                progress=JobProgress("spot", done, 40 * (1 - done)),
            )
        with sessions.begin() as session:
            show_progress(session, segment)

    shown = JobSchema.of(job.job())
    assert (shown.status, shown.stage) == ("queued", "spot")
    assert (shown.progress, shown.eta_s) == pytest.approx((0.5, 40.0))
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


@pytest.mark.costly
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


def beat(sessions: Sessions, owner: str, **info: object) -> None:
    with sessions.begin() as session:
        name = f"gpu gpu@here {owner}"
        session.execute(save_heartbeat(name=name, kind=GPU_QUEUE, info=info))


def test_workers_that_idle_and_jobs_that_wait_are_counted(
    job: Uploaded, match: Path, context: WorkerContext, storage: Storage
) -> None:
    sessions = context.sessions
    settings = context.settings.model_copy(update=PATIENT)
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


@pytest.mark.nightly
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


@pytest.mark.costly
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

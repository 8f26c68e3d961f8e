"""Segments that a sweep ends: the first of them takes the others along."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func

from app.core.broker.notifier import GPU_QUEUE
from app.core.db.session import Sessions
from app.health.queries import save_heartbeat
from app.jobs import service
from app.jobs.recovery import requeue_orphaned
from app.jobs.refusals import sweep_refused
from app.jobs.tables import Job
from tests.integration.segments.segment_jobs import (
    PATIENT,
    claimable,
    segments_of,
    split,
)
from tests.integration.uploaded import Uploaded
from worker.outcomes import WorkerContext

pytestmark = pytest.mark.costly


def test_segments_of_a_worker_that_died_too_often_are_canceled_with_the_first(
    job: Uploaded, context: WorkerContext, sessions: Sessions
) -> None:
    settings = context.settings
    segments = split(job, context)
    for segment in segments[:2]:
        with sessions.begin() as session:
            service.claim(
                session, segment, token=uuid4(), owner="gpu@1", settings=settings
            )
    with sessions.begin() as session:
        for segment in segments[:2]:
            held = session.get_one(Job, segment)
            held.lease_expires_at = func.now() - timedelta(seconds=1)
        session.get_one(Job, segments[0]).interruptions = settings.max_interruptions

    with sessions.begin() as session:
        found = requeue_orphaned(session, settings=settings)

    assert (found.requeued, found.marked_dead) == ([], [segments[0]])
    ends = [(one.status, one.error_code) for one in segments_of(job)]
    assert ends == [("failed", "worker_died"), ("canceled", None), ("canceled", None)]
    assert claimable(sessions) == [job.job_id]


@pytest.mark.parametrize("is_refused", [True, False])
def test_segments_that_no_worker_may_run_end_with_the_first_of_them(
    job: Uploaded, context: WorkerContext, sessions: Sessions, is_refused: bool
) -> None:
    segments = split(job, context)
    settings = context.settings.model_copy(update=PATIENT)
    values = {"refusals": {"gpu@1": "No."}, "error_code": "engine_unavailable"}
    with sessions.begin() as session:
        name = "gpu gpu@here gpu@1"
        session.execute(save_heartbeat(name=name, kind=GPU_QUEUE, info={}))
        for segment in segments:
            row_of = session.get_one(Job, segment)
            for name, value in (values if is_refused else {"attempt": 3}).items():
                setattr(row_of, name, value)

    with sessions.begin() as session:
        if is_refused:
            sweep_refused(session, settings=settings)
        else:
            requeue_orphaned(session, settings=settings)

    assert [one.status for one in segments_of(job)] == [
        *("failed", "canceled", "canceled")
    ]

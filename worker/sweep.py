"""What was lost between database and broker is found here, every few seconds.

Runs in the light process, one at a time over all machines: rings for waiting jobs,
takes back jobs whose worker died, sends due webhooks, removes files nobody owns.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from app.core.db.base import utc_now
from app.core.db.delivery_queries import (
    close_spent_deliveries,
    due_deliveries,
    forget_idle_endpoints,
)
from app.core.db.job_queries import (
    abandoned_jobs,
    drop_beats,
    end_values,
    queued_jobs,
    release_values,
    unclaimable_jobs,
)
from app.core.db.models import Job, JobStatus, Video
from app.core.errors import TooManyAttempts
from app.core.leftovers import sweep_leftovers
from app.core.queue import GPU_QUEUE, LIGHT_QUEUE, Doorbell
from app.core.settings import Settings
from app.core.storage import Storage
from app.core.webhook_messages import Ending, add_canceled, add_delivery

ONE_SWEEP = 7_164_002  # the advisory lock under which a sweep runs
BATCH = 200  # rows taken a sweep; the next one goes on
SILENT = timedelta(hours=1)  # beats older than this are of workers long gone

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TakenBack:
    """Jobs whose worker died: those that go on, and those given up."""

    requeued: list[UUID]
    buried: list[UUID]


@dataclass(frozen=True, slots=True)
class Found:
    """What a sweep did."""

    requeued: int = 0
    buried: int = 0
    rung: int = 0
    deliveries: int = 0
    orphans: int = 0


def sweep(
    *,
    settings: Settings,
    sessions: sessionmaker[Session],
    storage: Storage,
    doorbell: Doorbell,
) -> Found | None:
    """Do one round; None if another process is at it."""
    with sessions.begin() as session:
        if not session.scalar(select(func.pg_try_advisory_xact_lock(ONE_SWEEP))):
            return None
        back = take_back(session, settings=settings)
        session.execute(drop_beats(older_than=SILENT))
        session.execute(close_spent_deliveries())
        session.execute(forget_idle_endpoints())
    with sessions() as session:
        waiting = list(session.scalars(queued_jobs(limit=BATCH)))
        # One message wakes a sender, which then finds all that is due.
        due = list(session.scalars(due_deliveries(limit=1)))
    found = Found(
        requeued=len(back.requeued),
        buried=len(back.buried),
        rung=_ring_if_silent(doorbell, GPU_QUEUE, waiting),
        deliveries=_ring_if_silent(doorbell, LIGHT_QUEUE, due),
        orphans=sweep_leftovers(sessions=sessions, storage=storage),
    )
    if found != Found():
        log.info("swept", **_nonzero(found))
    return found


def take_back(
    session: Session, *, settings: Settings, owner: str | None = None
) -> TakenBack:
    """Put jobs whose worker died back into the queue; bury those tried too often.

    Waiting jobs that nobody may claim are ended likewise. With `owner`, take back all
    that worker holds: it has just started and works on nothing.
    """
    back = TakenBack([], [])
    for job, video in session.execute(abandoned_jobs(owner=owner)):
        if job.cancel_requested:
            _cancel(session, job, video, settings=settings)
        elif job.attempt < settings.max_attempts:
            _set(job, release_values(counts_as_attempt=True))
            back.requeued.append(job.id)
        else:
            _bury(session, job, video, settings=settings)
            back.buried.append(job.id)
    for job, video in session.execute(
        unclaimable_jobs(max_attempts=settings.max_attempts)
    ):
        if job.cancel_requested:
            _cancel(session, job, video, settings=settings)
        else:
            _bury(session, job, video, settings=settings)
            back.buried.append(job.id)
    return back


def _cancel(session: Session, job: Job, video: Video, *, settings: Settings) -> None:
    """End a job whose cancel was asked for, and tell its webhook."""
    _set(job, end_values(JobStatus.CANCELED))
    add_canceled(
        session,
        video_id=video.id,
        job_id=job.id,
        url=video.callback_url,
        base_url=settings.base_url,
        now=utc_now(),
    )


def _bury(session: Session, job: Job, video: Video, *, settings: Settings) -> None:
    """Fail a job whose last run died or failed, and tell its webhook."""
    code = TooManyAttempts.code
    detail = (
        f"The worker died {job.attempt} times while it ran this job; the video may "
        "be damaged in a way that breaks the decoder. Convert it and upload it again."
    )
    if job.status == JobStatus.QUEUED:
        why = job.error_detail or "The log of the worker tells why."
        detail = f"The job was tried {job.attempt} times in vain. {why}"
    _set(job, end_values(JobStatus.FAILED))
    job.error_code, job.error_detail, job.error_retryable = code, detail, False
    log.warning("job_buried", job=str(job.id), attempts=job.attempt)
    if video.callback_url is None:
        return
    error = {"code": code, "detail": detail, "retryable": False}
    ending = Ending(job.video_id, job.id, "failed", {}, error)
    add_delivery(
        session,
        ending,
        url=video.callback_url,
        base_url=settings.base_url,
        now=utc_now(),
    )


def _set(job: Job, values: dict[str, object]) -> None:
    for name, value in values.items():
        setattr(job, name, value)


def _ring_if_silent(doorbell: Doorbell, queue: str, ids: Iterable[UUID]) -> int:
    """Ring for rows unless messages still wait, so that they never pile up.

    A message more than needed does no harm: whoever comes second finds the row taken.
    """
    rows = list(ids)
    if not rows or doorbell.waiting(queue) != 0:
        return 0
    ring = doorbell.ring_job if queue == GPU_QUEUE else doorbell.ring_delivery
    return sum(ring(row) for row in rows)


def _nonzero(found: Found) -> dict[str, int]:
    counts = {name: getattr(found, name) for name in Found.__dataclass_fields__}
    return {name: count for name, count in counts.items() if count}

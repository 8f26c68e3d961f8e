"""What was lost between database and broker is found here, every few seconds.

Runs in the background process, one at a time over all machines: rings for waiting jobs,
takes back jobs whose worker died, sends due webhooks, removes files nobody owns.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from app.core.broker.notifier import BACKGROUND_QUEUE, GPU_QUEUE, JobNotifier
from app.core.db.base import utc_now
from app.core.errors import JobFailure, TooManyAttempts, WorkerDied
from app.core.process_identity import ProcessIdentity
from app.core.settings import Settings
from app.core.storage.interface import Storage
from app.health.queries import delete_heartbeats
from app.jobs.queries import (
    abandoned_jobs,
    end_values,
    lease_owners,
    queued_jobs,
    release_values,
    unclaimable_jobs,
)
from app.jobs.tables import Job, JobStatus
from app.videos.cleanup import clean_up, sweep_lost_scores
from app.videos.tables import Video
from app.webhooks.queries import (
    close_spent_deliveries,
    due_deliveries,
    forget_idle_endpoints,
)
from app.webhooks.service import JobOutcome, add_canceled, add_delivery

ONE_SWEEP = 7_164_002  # the advisory lock under which a sweep runs
# A round that takes longer is cut off from its lock, so that another process may sweep.
LONGEST_ROUND = timedelta(minutes=15)
BATCH = 200  # rows taken a sweep; the next one goes on
WAKE_UPS = 10  # messages for waiting jobs; workers ask the database for the rest
SILENT = timedelta(hours=1)  # heartbeats older than this are of workers long gone

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Requeued:
    """Jobs whose worker died: those that go on, and those given up."""

    requeued: list[UUID]
    marked_dead: list[UUID]


@dataclass(frozen=True, slots=True)
class Found:
    """What a sweep did."""

    requeued: int = 0
    marked_dead: int = 0
    rung: int = 0
    deliveries: int = 0
    orphans: int = 0
    lost_scores: int = 0


def sweep(
    *,
    settings: Settings,
    sessions: sessionmaker[Session],
    storage: Storage,
    notifier: JobNotifier,
    look_for_lost_scores: bool = False,
) -> Found | None:
    """Do one round; None if another process is at it."""
    with _alone(sessions) as is_alone:
        if not is_alone:
            return None
        with sessions.begin() as session:
            back = requeue_orphaned(session, settings=settings)
            session.execute(delete_heartbeats(older_than=SILENT))
            session.execute(close_spent_deliveries())
            session.execute(forget_idle_endpoints())
        with sessions() as session:
            waiting = list(session.scalars(queued_jobs(limit=WAKE_UPS)))
            # One message wakes a sender, which then finds all that is due.
            due = list(session.scalars(due_deliveries(limit=1)))
        lost = look_for_lost_scores
        found = Found(
            requeued=len(back.requeued),
            marked_dead=len(back.marked_dead),
            rung=_notify_if_idle(notifier, GPU_QUEUE, waiting),
            deliveries=_notify_if_idle(notifier, BACKGROUND_QUEUE, due),
            orphans=clean_up(sessions=sessions, storage=storage),
            lost_scores=(
                sweep_lost_scores(sessions=sessions, storage=storage) if lost else 0
            ),
        )
    if found != Found():
        log.info("swept", **_nonzero(found))
    return found


@contextmanager
def _alone(sessions: sessionmaker[Session]) -> Iterator[bool]:
    """Hold the lock of sweeps, on a connection of its own, until the block ends.

    Its transaction does nothing else. The server ends it after the longest round, so
    that a process that hangs does not keep all others from sweeping for ever.
    """
    limit_ms = int(LONGEST_ROUND.total_seconds() * 1000)
    session = sessions()
    try:
        session.execute(
            text(f"set local idle_in_transaction_session_timeout = {limit_ms}")
        )
        yield bool(session.scalar(select(func.pg_try_advisory_xact_lock(ONE_SWEEP))))
    finally:
        try:
            session.close()
        except SQLAlchemyError as exc:  # The round is over, and so is its lock.
            log.warning("sweep_lost_its_lock", error=str(exc))
            session.invalidate()


def requeue_orphaned(session: Session, *, settings: Settings) -> Requeued:
    """Put jobs whose worker died back into the queue; bury those tried too often.

    Dead is a worker whose lease ran out, and at once one that was a process of this
    very machine and is gone. Waiting jobs that nobody may claim are ended likewise.
    """
    back = Requeued([], [])
    dead = _dead_owners(session)
    for job, video in session.execute(abandoned_jobs(dead_owners=dead)):
        if job.cancel_requested:
            _cancel(session, job, video, settings=settings)
            continue
        job.interruptions += 1
        if job.interruptions < settings.max_interruptions:
            _set(job, release_values(counts_as_attempt=True))
            back.requeued.append(job.id)
        else:
            _mark_dead(session, job, video, settings=settings)
            back.marked_dead.append(job.id)
    for job, video in session.execute(
        unclaimable_jobs(
            max_attempts=settings.max_attempts,
            max_interruptions=settings.max_interruptions,
        )
    ):
        if job.cancel_requested:
            _cancel(session, job, video, settings=settings)
        else:
            _mark_dead(session, job, video, settings=settings)
            back.marked_dead.append(job.id)
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


def _mark_dead(session: Session, job: Job, video: Video, *, settings: Settings) -> None:
    """Fail a job whose runs died or failed too often, and tell its webhook."""
    failure = _reason(job, settings=settings)
    code, detail, retryable = failure.code, str(failure), failure.retryable
    _set(job, end_values(JobStatus.FAILED))
    job.error_code, job.error_detail, job.error_retryable = code, detail, retryable
    log.warning(
        "job_marked_dead",
        job=str(job.id),
        code=code,
        attempts=job.attempt,
        interruptions=job.interruptions,
    )
    if video.callback_url is None:
        return
    error = {"code": code, "detail": detail, "retryable": retryable}
    outcome = JobOutcome(job.video_id, job.id, "failed", {}, error)
    add_delivery(
        session,
        outcome,
        url=video.callback_url,
        base_url=settings.base_url,
        now=utc_now(),
    )


def _reason(job: Job, *, settings: Settings) -> JobFailure:
    """Tell apart what workers did to a job and what the job did by itself."""
    if job.interruptions >= settings.max_interruptions:
        return WorkerDied(
            f"The worker died {job.interruptions} times while it ran this job. This is "
            "a problem of the server (memory, driver), not of the video: see the "
            "worker's log, then run the job again."
        )
    failures = job.attempt - job.interruptions
    why = job.error_detail or "The log of the worker tells why."
    return TooManyAttempts(f"The job failed {failures} times. {why}")


def _dead_owners(session: Session) -> list[str]:
    """List those who hold jobs and were processes of this machine that are gone."""
    owners = [owner for owner in session.scalars(lease_owners()) if owner is not None]
    named = ((owner, ProcessIdentity.parse(owner)) for owner in owners)
    return [
        owner for owner, process in named if process is not None and process.is_dead
    ]


def _set(job: Job, values: dict[str, object]) -> None:
    for name, value in values.items():
        setattr(job, name, value)


def _notify_if_idle(notifier: JobNotifier, queue: str, ids: Iterable[UUID]) -> int:
    """Ring for rows unless messages still wait, so that they never pile up.

    A message more than needed does no harm: whoever comes second finds the row taken.
    """
    rows = list(ids)
    if not rows or notifier.waiting(queue) != 0:
        return 0
    ring = notifier.notify_job if queue == GPU_QUEUE else notifier.notify_delivery
    return sum(ring(row) for row in rows)


def _nonzero(found: Found) -> dict[str, int]:
    counts = {name: getattr(found, name) for name in Found.__dataclass_fields__}
    return {name: count for name, count in counts.items() if count}

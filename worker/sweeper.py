"""What was lost between database and broker is found here, every few seconds.

Runs in the background process, one at a time over all machines: tells workers of
waiting jobs, takes back jobs whose worker died, sends due webhooks, removes files that
nobody owns.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from uuid import UUID

import structlog
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from app.clips.lost_clips import forget_clips
from app.core.broker.notifier import BACKGROUND_QUEUE, JobNotifier
from app.core.settings import Settings
from app.core.storage.interface import Storage
from app.health.queries import delete_heartbeats
from app.jobs.claiming import queued_jobs
from app.jobs.kinds import KINDS, kinds_of
from app.jobs.recovery import requeue_orphaned
from app.jobs.refusals import sweep_refused
from app.owners import OBJECT_OWNERS
from app.retention.service import apply_rules
from app.uploads.cleanup import forget_expired
from app.videos.cleanup import clean_up
from app.videos.lost_objects import sweep_lost_objects
from app.webhooks.queries import (
    close_spent_deliveries,
    due_deliveries,
    forget_idle_endpoints,
)
from worker.lost_jobs import forget_jobs

ONE_SWEEP = 7_164_002  # the advisory lock under which a sweep runs
# A round that takes longer is cut off from its lock, so that another process may sweep.
LONGEST_ROUND = timedelta(minutes=15)
BATCH = 200  # rows taken a sweep; the next one goes on
WAKE_UPS = 10  # messages for waiting jobs; workers ask the database for the rest
SILENT = timedelta(hours=1)  # heartbeats older than this are of workers long gone

QUEUES = tuple(dict.fromkeys(spec.queue for spec in KINDS.values()))

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SweepResult:
    """What a sweep did."""

    requeued: int = 0
    marked_dead: int = 0
    notified: int = 0
    deliveries: int = 0
    expired_uploads: int = 0
    orphans: int = 0
    lost_objects: int = 0
    let_go: int = 0


def sweep(
    *,
    settings: Settings,
    sessions: sessionmaker[Session],
    storage: Storage,
    notifier: JobNotifier,
    look_for_lost_objects: bool = False,
) -> SweepResult | None:
    """Do one round; None if another process is at it."""
    with _alone(sessions) as is_alone:
        if not is_alone:
            return None
        with sessions.begin() as session:
            back = requeue_orphaned(session, settings=settings)
            refused = sweep_refused(session, settings=settings)
            session.execute(delete_heartbeats(older_than=SILENT))
            session.execute(close_spent_deliveries())
            session.execute(forget_idle_endpoints())
        expired_uploads = forget_expired(sessions)
        let_go = apply_rules(sessions)
        let_go += forget_clips(sessions, settings=settings)
        let_go += forget_jobs(sessions)
        with sessions() as session:
            waiting = {queue: _waiting(session, queue) for queue in QUEUES}
            # One message wakes a sender, which then finds all that is due.
            due = list(session.scalars(due_deliveries(limit=1)))
        found = SweepResult(
            requeued=len(back.requeued),
            marked_dead=len(back.marked_dead) + refused,
            notified=_notify_of_jobs(notifier, waiting),
            deliveries=_notify_if_idle(
                notifier, BACKGROUND_QUEUE, due, notifier.notify_delivery
            ),
            expired_uploads=expired_uploads,
            let_go=let_go,
            orphans=clean_up(
                sessions=sessions, storage=storage, upload_idle=settings.upload_idle
            ),
            lost_objects=(
                sweep_lost_objects(OBJECT_OWNERS, sessions=sessions, storage=storage)
                if look_for_lost_objects
                else 0
            ),
        )
    if found != SweepResult():
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


def _waiting(session: Session, queue: str) -> list[UUID]:
    statement = queued_jobs(kinds=kinds_of(queue), limit=WAKE_UPS)
    return list(session.scalars(statement))


def _notify_of_jobs(notifier: JobNotifier, waiting: Mapping[str, list[UUID]]) -> int:
    """Tell workers of waiting jobs, by queue; returns how many messages were sent."""
    return sum(
        _notify_if_idle(
            notifier, queue, jobs, partial(notifier.notify_job, queue=queue)
        )
        for queue, jobs in waiting.items()
    )


def _notify_if_idle(
    notifier: JobNotifier, queue: str, rows: list[UUID], notify: Callable[[UUID], bool]
) -> int:
    """Tell of rows unless messages still wait, so that they never pile up.

    A message more than needed does no harm: whoever comes second finds the row taken.
    """
    if not rows or notifier.waiting(queue) != 0:
        return 0
    return sum(notify(row) for row in rows)


def _nonzero(found: SweepResult) -> dict[str, int]:
    counts = {name: getattr(found, name) for name in SweepResult.__dataclass_fields__}
    return {name: count for name, count in counts.items() if count}

"""What was lost between database and broker is found here, every few seconds.

Runs in the background process, one at a time over all machines: tells workers of
waiting jobs, takes back jobs whose worker died, sends due webhooks, removes files that
nobody owns.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TypeVar
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
from app.jobs.attempts import Requeued
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

T = TypeVar("T")

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
    """Do one round; None if another process is at it.

    A step that fails keeps no later one from its turn.

    Raises:
        Exception: what the first step raised that failed, once all others are done.
    """
    do = (steps := _Steps()).do
    with _alone(sessions) as is_alone:
        if not is_alone:
            return None
        in_rows = partial(_in_transaction, sessions)
        requeue = partial(requeue_orphaned, settings=settings)
        back = do(partial(in_rows, requeue), Requeued())
        refused = do(partial(in_rows, partial(sweep_refused, settings=settings)), 0)
        do(partial(in_rows, _forget_what_is_over), None)
        expired_uploads = do(partial(forget_expired, sessions), 0)
        let_go = do(partial(apply_rules, sessions), 0)
        let_go += do(partial(forget_clips, sessions, settings=settings), 0)
        let_go += do(partial(forget_jobs, sessions), 0)
        # Before what may take long: waiting jobs wait for no listing of a bucket.
        notified = do(partial(_notify_of_jobs, notifier, sessions), 0)
        deliveries = do(partial(_notify_of_deliveries, notifier, sessions), 0)
        clear = partial(clean_up, sessions=sessions, storage=storage)
        orphans = do(partial(clear, upload_idle=settings.upload_idle), 0)
        lost_objects = 0
        if look_for_lost_objects:
            look = partial(sweep_lost_objects, sessions=sessions, storage=storage)
            lost_objects = do(partial(look, OBJECT_OWNERS), 0)
        found = SweepResult(
            requeued=len(back.requeued),
            marked_dead=len(back.marked_dead) + refused,
            notified=notified,
            deliveries=deliveries,
            expired_uploads=expired_uploads,
            let_go=let_go,
            orphans=orphans,
            lost_objects=lost_objects,
        )
    if found != SweepResult():
        log.info("swept", **_nonzero(found))
    if steps.problems:
        raise steps.problems[0]
    return found


class _Steps:
    """The steps of a round, and what those raised that failed."""

    def __init__(self) -> None:
        self.problems: list[Exception] = []

    def do(self, step: Callable[[], T], otherwise: T) -> T:
        """Do a step and give what it gives; if it fails, something else."""
        try:
            return step()
        except Exception as exc:  # noqa: BLE001  # raised once the others are done
            if self.problems:  # The first one is told by whoever sweeps.
                log.warning("sweep_step_failed", error=f"{type(exc).__name__}: {exc}")
            self.problems.append(exc)
            return otherwise


def _in_transaction(sessions: sessionmaker[Session], work: Callable[[Session], T]) -> T:
    with sessions.begin() as session:
        return work(session)


def _forget_what_is_over(session: Session) -> None:
    session.execute(delete_heartbeats(older_than=SILENT))
    session.execute(close_spent_deliveries())
    session.execute(forget_idle_endpoints())


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


def _notify_of_jobs(notifier: JobNotifier, sessions: sessionmaker[Session]) -> int:
    """Tell workers of waiting jobs, by queue; returns how many messages were sent."""
    with sessions() as session:
        waiting = {queue: _waiting(session, queue) for queue in QUEUES}
    return sum(
        _notify_if_idle(
            notifier, queue, jobs, partial(notifier.notify_job, queue=queue)
        )
        for queue, jobs in waiting.items()
    )


def _waiting(session: Session, queue: str) -> list[UUID]:
    statement = queued_jobs(kinds=kinds_of(queue), limit=WAKE_UPS)
    return list(session.scalars(statement))


def _notify_of_deliveries(
    notifier: JobNotifier, sessions: sessionmaker[Session]
) -> int:
    """Wake a sender, which then finds all that is due: one message is enough."""
    with sessions() as session:
        due = list(session.scalars(due_deliveries(limit=1)))
    return _notify_if_idle(notifier, BACKGROUND_QUEUE, due, notifier.notify_delivery)


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

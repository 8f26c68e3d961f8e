"""When a training gives way: analyses wait, and it computes on what they need.

Somebody waits for an analysis of the usual priority or a higher one. One of a lower
priority, such as an archive that is analysed again, runs beside the training: else
it would keep it from its work for days.

They need the same where a machine that spots has one card, or no card and one or two
cores. Anywhere else the training's low priority does.
"""

import os
from dataclasses import dataclass

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.core.broker.notifier import GPU_QUEUE
from app.core.db.session import Sessions
from app.core.process_identity import machine_id
from app.core.settings import Settings
from app.health.queries import living_workers
from app.jobs.kinds import USUAL_PRIORITY, JobKind
from app.jobs.queries import is_work_waiting

FEW_CORES = 2
MISSED_HEARTBEATS = 3  # a worker that missed so many spots nothing
WAITED_FOR = (JobKind.SPOT,)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Machine:
    """What a training computes on.

    Attributes:
        device: `cuda` or `cpu`.
        cards: that it can see.
        cores: that it may use.
    """

    device: str
    cards: int
    cores: int

    @property
    def is_shared(self) -> bool:
        """Whether there is too little of it for two."""
        return self.cards == 1 if self.device == "cuda" else self.cores <= FEW_CORES


def usable_cores() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Queue:
    """Looks whether somebody waits for an analysis on this machine.

    One of less than the usual priority is waited for by nobody.
    """

    sessions: Sessions
    settings: Settings

    def is_waited_for(self) -> bool:
        """Whether analyses wait or run, and a worker of this machine runs them.

        A database that does not answer says no: the lease ends a training that has
        lost it.
        """
        try:
            with self.sessions() as session:
                is_waiting = session.scalar(
                    is_work_waiting(WAITED_FOR, least_priority=USUAL_PRIORITY)
                )
                return bool(is_waiting) and self._is_spotting_here(session)
        except SQLAlchemyError as exc:
            log.warning("queue_not_read", error=str(exc))
            return False

    def _is_spotting_here(self, session: Session) -> bool:
        within = self.settings.heartbeat * MISSED_HEARTBEATS
        workers = session.scalars(living_workers(GPU_QUEUE, within=within))
        here = machine_id()
        return any(
            worker.info.get("machine") == here and not worker.info.get("problem")
            for worker in workers
        )

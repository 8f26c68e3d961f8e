"""What a handler of jobs is given, and what it gives back.

A handler does the work of one kind of job. It knows nothing of leases and of how a job
ends: the runner claims, keeps the lease alive, and writes the result with the job's end
in one transaction.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from sqlalchemy.orm import Session, sessionmaker

from app.core.errors import StartFailed
from app.core.settings import Settings
from app.core.storage.interface import Storage
from app.jobs.attempts import NextJob
from app.jobs.kinds import KINDS, JobKind, kinds_of

if TYPE_CHECKING:  # A worker that spots nothing loads no model.
    from worker.predictor_cache import Predictors


@dataclass(frozen=True, slots=True)
class JobTask:
    """One attempt at a job.

    Attributes:
        token: of this attempt alone; files it makes carry it in their key, so that no
            two attempts share a file.
        source_key: the video's file in storage; None for jobs without a video.
    """

    job_id: UUID
    kind: JobKind
    video_id: UUID | None
    source_key: str | None
    params: Mapping[str, object]
    attempt: int
    token: UUID


@dataclass(frozen=True, slots=True)
class HandlerContext:
    """What handlers work with.

    Attributes:
        sessions: for reading, and for facts that hold whatever becomes of the job.
        predictors: loaded checkpoints; None in a worker that spots nothing.
    """

    settings: Settings
    storage: Storage
    sessions: sessionmaker[Session]
    predictors: "Predictors | None" = None


class Reporter(Protocol):
    """Takes what a handler has to say while it works; ask often."""

    def progress(self, stage: str, done: float, eta_s: float | None = None) -> None:
        """Show how far the job is, `done` from 0 to 1.

        Raises:
            Canceled: the run must stop; let it through.
        """

    def touch(self) -> None:
        """Say that the run goes on, between two reports of progress.

        Raises:
            Canceled: the run must stop; let it through.
        """


@dataclass(frozen=True, slots=True)
class JobResult:
    """What is to be written of a job that came to its end.

    Attributes:
        facts: small, for people and programs: the job's `result`.
        save: writes further rows in the transaction that ends the job.
        then: jobs to be queued with that end.
        asked: jobs that `save` queues itself, because they are asked for elsewhere; it
            adds each, and its workers are notified once that is committed.
        new_files: keys of files this attempt made; they are removed if the end is not
            written. What it made before it raised, a handler removes by itself.
        segments: parameters of jobs that each do a part first: the job does not end,
            and is run again once these have ended (see `app.jobs.segments`).
    """

    facts: dict[str, object] = field(default_factory=dict)
    save: Callable[[Session], None] | None = None
    then: Sequence[NextJob] = ()
    asked: list[tuple[UUID, JobKind]] = field(default_factory=list)
    new_files: Sequence[str] = ()
    segments: Sequence[Mapping[str, object]] = ()


Handler = Callable[[JobTask, HandlerContext, Reporter], JobResult]
Handlers = Mapping[JobKind, Handler]


def load_handlers(queue: str) -> Handlers:
    """Import the handlers of the kinds whose jobs wait in a queue.

    Raises:
        StartFailed: one cannot be imported.
    """
    try:
        return {kind: resolve_name(KINDS[kind].handler) for kind in kinds_of(queue)}
    except ImportError as exc:
        raise StartFailed(
            f"the handlers of {queue} jobs cannot be loaded: {exc}"
        ) from exc

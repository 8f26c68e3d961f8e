"""What the service of jobs and its callers tell each other of an attempt."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from app.core.db.base import new_id
from app.jobs.kinds import JobKind
from app.jobs.tables import JobStatus


class LeaseLost(Exception):
    """The job is no longer ours, or no longer there: nothing may be written."""


@dataclass(frozen=True, slots=True)
class Held:
    """The lease of an attempt: a job, and the token that holds it."""

    job_id: UUID
    token: UUID


@dataclass(frozen=True, slots=True)
class Claim:
    """A job as it was when we took it.

    Attributes:
        stage_seconds: by stage, of the runs before.
        traceparent: of whoever asked for it.
    """

    held: Held
    kind: JobKind
    video_id: UUID | None
    params: Mapping[str, object]
    attempt: int
    stage_seconds: Mapping[str, float]
    traceparent: str | None
    priority: int = 0


@dataclass(frozen=True, slots=True)
class JobProgress:
    """What is shown of a running job."""

    stage: str
    done: float
    eta_s: float | None


STORAGE_FULL = "storage_full"  # the code of a failure for want of room


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run failed: `code` is stable, `detail` is for the user."""

    code: str
    detail: str
    retryable: bool


@dataclass(frozen=True, slots=True)
class NextJob:
    """A job that another one asks for; it has that one's video, priority and maker."""

    kind: JobKind
    params: Mapping[str, object] = field(default_factory=dict)
    id: UUID = field(default_factory=new_id)


class Settled(NamedTuple):
    """How a job stands now, and the webhook message to announce, if any."""

    status: JobStatus
    delivery_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Requeued:
    """Jobs whose worker died: those that go on, by kind, and those given up."""

    requeued: list[tuple[UUID, JobKind]] = field(default_factory=list)
    marked_dead: list[UUID] = field(default_factory=list)

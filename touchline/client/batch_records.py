"""What the service tells of batches, as frozen objects."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from touchline.client.records import JobError

BatchStatus = Literal[
    "open", "listing", "running", "canceling", "completed", "failed", "canceled"
]
ItemState = Literal[
    "pending", "queued", "running", "succeeded", "skipped", "failed", "canceled"
]
ENDED: frozenset[str] = frozenset({"completed", "failed", "canceled"})


@dataclass(frozen=True, slots=True)
class BatchCounts:
    """Items by their state; `skipped`: the model had analysed their video before."""

    pending: int
    queued: int
    running: int
    succeeded: int
    skipped: int
    failed: int
    canceled: int
    total: int


@dataclass(frozen=True, slots=True)
class BatchFailure:
    """Items that failed in the same way; `detail` is one of them's."""

    code: str
    count: int
    detail: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Many videos that one model analyses, behind what is uploaded.

    Attributes:
        source: `bucket` or `imports`, what was listed.
        model: with its version.
        progress: the share of known items that have ended.
        matches_per_hour: over the last hour; None: nothing has ended yet.
        eta_s: how long it may still take at that pace.
        waits_for: why nothing more is queued now.
        error: `code` and `detail`: why the source could not be listed.
        failures: by code; empty in lists.
    """

    id: str
    name: str | None
    source: Mapping[str, Any]
    model: str
    again: bool
    priority: int
    status: BatchStatus
    counts: BatchCounts
    progress: float
    matches_per_hour: float | None
    eta_s: float | None
    waits_for: str | None
    error: Mapping[str, Any] | None
    created_by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    failures: tuple[BatchFailure, ...] = ()

    @property
    def is_final(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self.status in ENDED


@dataclass(frozen=True, slots=True)
class BatchItem:
    """A video of a batch.

    Attributes:
        number: rises in the order of the batch.
        address: the URL, the path in the folder of imports, or the video's id.
        rounds: how often it was queued.
    """

    number: int
    kind: Literal["url", "import", "video"]
    address: str
    title: str | None
    size_bytes: int | None
    state: ItemState
    stage: str | None
    progress: float
    video_id: str | None
    job_id: str | None
    rounds: int
    error: JobError | None
    finished_at: datetime | None

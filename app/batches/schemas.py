"""What is sent of batches."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from app.batches.service import Progress
from app.batches.tables import Batch as BatchRow
from app.batches.tables import BatchItem as ItemRow
from app.batches.tables import ItemState
from app.core.http.schemas import Links, Page
from app.jobs.kinds import stage_of
from app.jobs.schemas import JOB_ID, VIDEO_ID, JobError
from app.jobs.tables import Job as JobRow
from app.jobs.tables import JobStatus
from app.webhooks.schemas import BatchCounts

BATCH_ID = "01980c1e-8f00-7a10-9c5d-5b7f10c3e004"
Status = Literal[
    "open", "listing", "running", "canceling", "completed", "failed", "canceled"
]
State = Literal[
    "pending", "queued", "running", "succeeded", "skipped", "failed", "canceled"
]


class BatchSource(BaseModel):
    """What was listed; all null: its client named the items."""

    bucket: str | None = None
    imports: str | None = None


class BatchFailure(BaseModel):
    """Items that failed in the same way."""

    code: str = Field(examples=["unreadable_video"])
    count: int
    detail: str = Field(description="Of one of them.")


class BatchProblem(BaseModel):
    """Why a source could not be listed."""

    code: str
    detail: str


class BatchLinks(Links):
    """Addresses that belong to a batch."""

    self: str
    items: str
    failed: str
    events: str
    cancel: str
    retry: str


class Batch(BaseModel):
    """Many videos that one model analyses, and how far that is."""

    id: UUID = Field(examples=[BATCH_ID])
    name: str | None
    source: BatchSource
    model: str = Field(description="With its version, as it was when it was asked for.")
    again: bool
    priority: int
    callback_url: str | None
    status: Status = Field(
        description="open: its client adds items; listing: its source is listed, and "
        "what was found is worked on; completed: every item has ended, well or not; "
        "failed: the source could not be listed."
    )
    counts: BatchCounts
    progress: float = Field(ge=0, le=1, description="The share of known items.")
    matches_per_hour: float | None = Field(description="Over the last hour of work.")
    eta_s: float | None = Field(description="Seconds to go at that pace.")
    open_until: datetime | None = Field(
        description="Of an open one: when it is closed, if no more items come."
    )
    waits_for: str | None = Field(description="Why nothing more is queued now.")
    error: BatchProblem | None
    created_by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    links: BatchLinks

    @classmethod
    def of(cls, batch: BatchRow, progress: Progress) -> "Batch":
        """Read a row and how far it is."""
        return cls.model_validate(batch_facts(batch, progress))


class BatchDetails(Batch):
    """A batch with what failed in it."""

    failures: list[BatchFailure] = Field(description="The most frequent first.")

    @classmethod
    def with_failures(
        cls, batch: BatchRow, progress: Progress, failures: dict[str, tuple[int, str]]
    ) -> "BatchDetails":
        """Read a row, how far it is and what failed."""
        told = [
            BatchFailure(code=code, count=count, detail=detail)
            for code, (count, detail) in failures.items()
        ]
        return cls.model_validate({**batch_facts(batch, progress), "failures": told})


class BatchPage(Page[Batch]):
    """The project's batches, the newest first."""


class BatchItem(BaseModel):
    """A video of a batch."""

    number: int = Field(
        description="Rises in the order of the batch; may leave out some."
    )
    kind: Literal["url", "import", "video"]
    address: str = Field(
        description="The URL without its query, the path, or the video's id."
    )
    title: str | None
    size_bytes: int | None = Field(description="As it was listed.")
    state: State
    stage: str | None = Field(description="Of its job, while that runs.")
    progress: float = Field(ge=0, le=1)
    video_id: UUID | None = Field(examples=[VIDEO_ID])
    job_id: UUID | None = Field(examples=[JOB_ID])
    rounds: int = Field(description="How often it was queued.")
    error: JobError | None
    finished_at: datetime | None

    @classmethod
    def of(cls, item: ItemRow, job: JobRow | None) -> "BatchItem":
        """Read a row with its latest job."""
        error = None
        if item.error_code is not None:
            error = JobError(
                code=item.error_code,
                detail=item.error_detail or "",
                retryable=bool(item.error_retryable),
            )
        is_open = item.state == ItemState.QUEUED and job is not None
        is_run = is_open and job is not None and job.status == JobStatus.RUNNING
        done = 1.0 if item.state in (ItemState.SUCCEEDED, ItemState.SKIPPED) else 0.0
        facts = {name: getattr(item, name) for name in _SAME_IN_ITEM}
        facts |= {
            "state": "running" if is_run else item.state,
            "stage": _stage(job) if is_run else None,
            "progress": job.progress if is_open and job else done,
            "address": item.shown_address,
            "error": error,
        }
        return cls.model_validate(facts)


class BatchItemPage(Page[BatchItem]):
    """Items of a batch, in its order."""


class AddedItems(BaseModel):
    """What came of items that were sent."""

    added: int = Field(description="The batch had the others already.")
    batch: Batch


class Reopened(BaseModel):
    """What is tried again."""

    items: int
    batch: Batch


def batch_facts(batch: BatchRow, progress: Progress) -> dict[str, object]:
    """Tell of a row what its schema shows."""
    counts = {name: progress.counts.get(name, 0) for name in BatchCounts.model_fields}
    address = f"/batches/{batch.id}"
    error = None
    if batch.error_code is not None:
        error = {"code": batch.error_code, "detail": batch.error_detail or ""}
    return {
        **{name: getattr(batch, name) for name in _SAME_IN_BATCH},
        "counts": {**counts, "total": progress.total},
        "progress": progress.done,
        "matches_per_hour": progress.per_s and progress.per_s * 3600,
        "eta_s": None if batch.finished_at else progress.eta_s,
        "error": error,
        "links": {
            "self": address,
            "items": f"{address}/items",
            "failed": f"{address}/items?state=failed",
            "events": f"{address}/events.parquet",
            "cancel": f"{address}/cancel",
            "retry": f"{address}/retry",
        },
    }


def _stage(job: JobRow | None) -> str | None:
    return None if job is None else stage_of(job.kind, job.status, job.stage)


_SAME_IN_BATCH = (
    *("id", "name", "source", "model", "again", "priority", "callback_url", "status"),
    *(
        "open_until",
        "waits_for",
        "created_by",
        "created_at",
        "started_at",
        "finished_at",
    ),
)
_SAME_IN_ITEM = (
    *("number", "kind", "title", "size_bytes", "video_id", "job_id"),
    *("rounds", "finished_at"),
)

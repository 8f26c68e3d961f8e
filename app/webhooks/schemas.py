"""What is sent of webhook messages, and the messages themselves."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.http.schemas import Page
from app.jobs.schemas import JOB_ID, VIDEO_ID, Counts, JobError
from app.webhooks.message_types import MessageType
from app.webhooks.tables import Delivery as DeliveryRow


class DeliveryAttempt(BaseModel):
    """One POST of a webhook message."""

    model_config = ConfigDict(from_attributes=True)

    number: int
    at: datetime
    duration_ms: int
    status_code: int | None = Field(description="Null: there was no answer.")
    error: str | None


class Delivery(BaseModel):
    """A webhook message and what became of it."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(description="The header webhook-id of each attempt.")
    video_id: UUID | None = Field(description="Null: it is about no single video.")
    job_id: UUID | None
    batch_id: UUID | None = Field(description="Of a message about a batch.")
    type: str = Field(examples=["video.completed"])
    url: str
    status: Literal["pending", "delivered", "failed", "gone", "held"] = Field(
        validation_alias="shown_status",
        description="gone: the receiver answered 410; held: the webhook is switched "
        "off, a replay sends it.",
    )
    next_attempt_at: datetime | None
    created_at: datetime
    finished_at: datetime | None
    attempts: list[DeliveryAttempt]

    @classmethod
    def of(cls, delivery: DeliveryRow) -> "Delivery":
        """Read a row with its attempts."""
        return cls.model_validate(delivery)


class DeliveryPage(Page[Delivery]):
    """Webhook messages, the newest first."""


class WebhookData(BaseModel):
    """What a webhook tells of a finished job."""

    video_id: UUID | None = Field(
        examples=[VIDEO_ID],
        description="Null: a clip of several videos, or a training.",
    )
    job_id: UUID = Field(examples=[JOB_ID])
    status: Literal["succeeded", "failed", "canceled"]
    events: Counts = Field(description="Events by type.")
    clip_id: UUID | None = Field(
        default=None, description="Only of messages about a clip."
    )
    training_id: UUID | None = Field(
        default=None, description="Only of messages about a training."
    )
    links: dict[str, str]
    error: JobError | None = Field(default=None, description="Only of a failed job.")


class ReviewData(BaseModel):
    """What a webhook tells of a video that has been reviewed from end to end."""

    video_id: UUID = Field(examples=[VIDEO_ID])
    revision: int = Field(description="Of the video's corrections.")
    events: Counts = Field(description="Events by type, without the rejected ones.")
    states: Counts = Field(
        description="All events by what was decided: suggested, accepted, rejected, "
        "edited, added."
    )
    reviewers: list[str]
    links: dict[str, str]


class CreatedEvent(BaseModel):
    """An event of a live stream that has become final."""

    number: int = Field(description="Of the change, rising.")
    id: UUID
    type: str
    time_s: float
    wall: datetime = Field(description="When it happened.")
    frame: int
    score: float
    team: str | None
    is_provisional: Literal[False]
    replaces: UUID | None


class CreatedData(BaseModel):
    """What a webhook tells of events of a live stream."""

    video_id: UUID = Field(examples=[VIDEO_ID])
    items: list[CreatedEvent]
    links: dict[str, str]


class BatchCounts(BaseModel):
    """Items of a batch by their state."""

    pending: int = Field(description="No job is queued for them yet.")
    queued: int = Field(description="A job waits for a worker.")
    running: int
    succeeded: int
    skipped: int = Field(description="Their video shows what this model found.")
    failed: int
    canceled: int
    total: int


class BatchData(BaseModel):
    """What a webhook tells of a batch that has ended."""

    batch_id: UUID
    name: str | None
    status: Literal["completed", "failed", "canceled"]
    counts: BatchCounts
    failures: dict[str, int] = Field(description="Items by the code of their error.")
    links: dict[str, str]


class PingData(BaseModel):
    """What a ping tells."""

    webhook_id: UUID


class WebhookMessage(BaseModel):
    """The body of a webhook, signed as Standard Webhooks 1.0 has it."""

    type: MessageType
    timestamp: datetime
    data: WebhookData


class ReviewMessage(BaseModel):
    """The body of `review.completed`."""

    type: Literal["review.completed"]
    timestamp: datetime
    data: ReviewData


class CreatedMessage(BaseModel):
    """The body of `event.created`."""

    type: Literal["event.created"]
    timestamp: datetime
    data: CreatedData


class BatchMessage(BaseModel):
    """The body of a message about a batch."""

    type: Literal["batch.completed", "batch.failed", "batch.canceled"]
    timestamp: datetime
    data: BatchData


class PingMessage(BaseModel):
    """The body of a ping."""

    type: Literal["ping"]
    timestamp: datetime
    data: PingData

"""What is sent of webhook messages, and the messages themselves."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.http.schemas import Page
from app.jobs.schemas import JOB_ID, VIDEO_ID, Counts, JobError
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
    video_id: UUID
    job_id: UUID
    type: str = Field(examples=["video.completed"])
    url: str
    status: Literal["pending", "delivered", "failed", "gone"]
    next_attempt_at: datetime | None
    created_at: datetime
    finished_at: datetime | None
    attempts: list[DeliveryAttempt]

    @classmethod
    def of(cls, delivery: DeliveryRow) -> "Delivery":
        """Read a row with its attempts."""
        return cls.model_validate(delivery)


class DeliveryPage(Page[Delivery]):
    """A video's webhook messages, the newest first."""


class WebhookData(BaseModel):
    """What a webhook tells of a finished job."""

    video_id: UUID = Field(examples=[VIDEO_ID])
    job_id: UUID = Field(examples=[JOB_ID])
    status: Literal["succeeded", "failed", "canceled"]
    events: Counts = Field(description="Events by type.")
    links: dict[str, str]
    error: JobError | None = Field(default=None, description="Only of a failed job.")


class WebhookMessage(BaseModel):
    """The body of a webhook, signed as Standard Webhooks 1.0 has it."""

    type: Literal["video.completed", "video.failed", "video.canceled"]
    timestamp: datetime
    data: WebhookData

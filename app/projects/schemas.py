"""What is sent of a project."""

from uuid import UUID

from pydantic import BaseModel, Field


class StoredUse(BaseModel):
    """What the files of a project's videos take, in bytes."""

    used_bytes: int = Field(
        description="Of all videos, and of uploads that are under way."
    )
    limit_bytes: int | None = Field(description="Null: as much as the disk has.")


class QueueUse(BaseModel):
    """How much video of a project waits for analysis or is analysed, in hours."""

    used_hours: float = Field(
        description="A video that no job has looked at yet counts as 1.5 hours."
    )
    limit_hours: float | None = Field(description="Null: no limit.")


class Project(BaseModel):
    """The project that a key sees: its quotas, and what is used of them."""

    id: UUID
    name: str = Field(examples=["default"])
    stored: StoredUse
    queued: QueueUse

"""The row of an `Idempotency-Key`."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ForeignKey,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.base import Base
from app.jobs.tables import Job
from app.videos.tables import Video


class IdempotencyKeyRow(Base):
    """An `Idempotency-Key` somebody sent with an upload, and what came of it."""

    __tablename__ = "upload_keys"
    is_shared = True

    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str | None]  # sha256 over file and fields; null: in flight
    video_id: Mapped[UUID | None] = mapped_column(
        ForeignKey(Video.id, ondelete="CASCADE"), index=True
    )
    job_id: Mapped[UUID | None] = mapped_column(
        ForeignKey(Job.id, ondelete="CASCADE"), index=True
    )  # what the request made, if that was a job of a known video
    made_id: Mapped[UUID | None]  # what else it made: a step of corrections
    owner: Mapped[str | None]  # the process that takes the request in
    token: Mapped[UUID | None]  # of the request that holds the key
    touched_at: Mapped[datetime]  # kept fresh while bytes flow; old and in flight: dead
    created_at: Mapped[datetime]

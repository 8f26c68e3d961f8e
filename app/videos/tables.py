"""The row of an uploaded video."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.base import Base, new_id


class Video(Base):
    """An uploaded file: immutable facts, and which analysis is shown."""

    __tablename__ = "videos"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    title: Mapped[str | None]
    filename: Mapped[str | None]  # the client's name: metadata only, never a path
    callback_url: Mapped[str | None]
    storage_key: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    # Facts from the probe; null until a job has looked.
    duration_s: Mapped[float | None]
    width: Mapped[int | None]
    height: Mapped[int | None]
    fps: Mapped[float | None]
    codec: Mapped[str | None]
    container: Mapped[str | None]
    facts: Mapped[dict[str, object] | None]  # all the probe said, as JSON
    current_analysis_id: Mapped[UUID | None]  # the one whose events /events shows
    created_at: Mapped[datetime]

"""The row of an event."""

from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ForeignKeyConstraint,
    Index,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.base import Base
from app.jobs.tables import Job
from app.videos.tables import Video


class Event(Base):
    """A spot that survived, stored under the job that found it."""

    __tablename__ = "events"
    __table_args__ = (
        ForeignKeyConstraint(["job_id"], [Job.id], ondelete="CASCADE"),
        ForeignKeyConstraint(["video_id"], [Video.id], ondelete="CASCADE"),
        Index(None, "video_id", "job_id", "time_ms", "seq"),
        Index(None, "video_id", "job_id", "label", "time_ms", "seq"),
        Index(None, "job_id"),
    )

    video_id: Mapped[UUID] = mapped_column(primary_key=True)
    job_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)  # 0.. by time, then label
    time_ms: Mapped[int] = mapped_column(BigInteger)  # from the start, as players show
    pts: Mapped[int] = mapped_column(BigInteger)  # in the stream's own time base
    frame: Mapped[int] = mapped_column(BigInteger)  # 0-based in the source
    label: Mapped[str]
    score: Mapped[float]

"""The row of a job, and the states it can be in."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.db.base import Base, new_id
from app.core.errors import JobIsFinished
from app.videos.tables import Video


class JobStatus(StrEnum):
    """Where a job stands; the last three are final."""

    QUEUED = "queued"  # waits for a worker
    RUNNING = "running"  # a worker holds its lease
    SUCCEEDED = "succeeded"  # its timeline is stored
    FAILED = "failed"  # ended by an error, see error_code
    CANCELED = "canceled"  # ended by the user

    @property
    def is_final(self) -> bool:
        return self not in (JobStatus.QUEUED, JobStatus.RUNNING)


class Job(Base):
    """One run of one checkpoint over one video."""

    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint(
            "status in ('queued','running','succeeded','failed','canceled')",
            name="status",
        ),
        Index(None, "video_id", "created_at"),
        Index(
            "ix_jobs_open",
            "status",
            "lease_expires_at",
            postgresql_where=text("status in ('queued','running')"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    video_id: Mapped[UUID] = mapped_column(ForeignKey(Video.id, ondelete="CASCADE"))
    model: Mapped[str | None]  # checkpoint asked for; null: the service's default
    status: Mapped[str] = mapped_column(default=JobStatus.QUEUED)
    stage: Mapped[str | None]  # probe | decode | spot | store
    progress: Mapped[float] = mapped_column(default=0.0)  # 0..1 by PTS
    eta_s: Mapped[float | None]
    attempt: Mapped[int] = mapped_column(default=0)  # claims so far
    # Claims that ended with the death of a worker: no fault of the video.
    interruptions: Mapped[int] = mapped_column(default=0, server_default="0")
    lease_token: Mapped[UUID | None]
    lease_expires_at: Mapped[datetime | None]
    lease_owner: Mapped[str | None]  # the process that holds it, a ProcessIdentity
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    error_code: Mapped[str | None]
    error_detail: Mapped[str | None]
    error_retryable: Mapped[bool | None]
    checkpoint: Mapped[dict[str, object] | None]  # name, version, sha256 that ran
    scores_key: Mapped[str | None]  # the stored score curves
    scores_sha256: Mapped[str | None]
    event_counts: Mapped[dict[str, int] | None]  # {"PASS": 812, ...}
    warnings: Mapped[dict[str, object] | None]  # what the decoder had to forgive
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    # Tells the order of inserts: a video's row comes before its jobs'.
    video: Mapped[Video] = relationship(lazy="raise")

    def cancel(self, *, now: datetime) -> None:
        """End a waiting job; ask the worker that holds a running one to stop.

        Raises:
            JobIsFinished: it has ended already.
        """
        if JobStatus(self.status).is_final:
            raise JobIsFinished(f"The job has {self.status} already.")
        self.cancel_requested = True
        if self.status == JobStatus.QUEUED:
            self.status = JobStatus.CANCELED
            self.finished_at = now

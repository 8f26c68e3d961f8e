"""The row of a job, and the states it can be in."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    Text,
    false,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, column_property, mapped_column, relationship

from app.batches.tables import Batch
from app.core.db.base import Base, Signed, new_id
from app.core.principal import DEFAULT_PROJECT_ID
from app.jobs.kinds import JobKind
from app.projects.tables import Project
from app.videos.tables import Video


class JobStatus(StrEnum):
    """Where a job stands; the last three are final."""

    QUEUED = "queued"  # waits for a worker
    RUNNING = "running"  # a worker holds its lease
    SUCCEEDED = "succeeded"  # its result is stored
    FAILED = "failed"  # ended by an error, see error_code
    CANCELED = "canceled"  # ended by the user

    @property
    def is_final(self) -> bool:
        return self not in (JobStatus.QUEUED, JobStatus.RUNNING)


class Job(Signed, Base):
    """One piece of background work of some kind."""

    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint(
            "status in ('queued','running','succeeded','failed','canceled')",
            name="status",
        ),
        Index(None, "video_id", "created_at"),
        Index(None, "parent_id"),
        Index(None, "finished_at"),  # for streams: what has just ended
        Index(None, "project_id"),
        Index(None, "batch_id", postgresql_where=text("batch_id is not null")),
        Index(None, "project_id", "kind", "started_at"),  # whose turn it is
        Index(
            "ix_jobs_waiting",
            "project_id",
            text("priority desc"),
            "created_at",
            "id",
            postgresql_where=text("status in ('queued','running')"),
        ),
        Index(
            "ix_jobs_open",
            "status",
            "lease_expires_at",
            postgresql_where=text("status in ('queued','running')"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(default=JobKind.SPOT, server_default="spot")
    video_id: Mapped[UUID | None] = mapped_column(
        ForeignKey(Video.id, ondelete="CASCADE")
    )
    parent_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("jobs.id", ondelete="CASCADE")
    )  # the job that asked for this one
    project_id: Mapped[UUID] = mapped_column(
        ForeignKey(Project.id), server_default=text(f"'{DEFAULT_PROJECT_ID}'::uuid")
    )  # its video's, if it has one
    batch_id: Mapped[UUID | None] = mapped_column(
        ForeignKey(Batch.id, ondelete="SET NULL")
    )  # the batch that asked for it, or for the job that did
    # What was asked for; spot: {"model": a checkpoint, or null for the default}.
    params: Mapped[dict[str, object]] = mapped_column(
        default=dict, server_default=text("'{}'")
    )
    priority: Mapped[int] = mapped_column(default=0, server_default="0")  # high first
    # What its worker must offer (`app.jobs.needs`); and which processes found that they
    # cannot run it, each with why.
    needs: Mapped[list[str]] = mapped_column(
        ARRAY(Text), default=list, server_default=text("'{}'")
    )
    refusals: Mapped[dict[str, str]] = mapped_column(
        default=dict, server_default=text("'{}'")
    )
    status: Mapped[str] = mapped_column(default=JobStatus.QUEUED)
    stage: Mapped[str | None]  # spot: probe | decode | spot | store
    progress: Mapped[float] = mapped_column(default=0.0)  # 0..1; spot: by PTS
    eta_s: Mapped[float | None]
    # Seconds in each stage so far, over all runs.
    stage_seconds: Mapped[dict[str, float]] = mapped_column(
        default=dict, server_default=text("'{}'")
    )
    traceparent: Mapped[str | None]  # the trace that asked for it, as W3C writes it
    attempt: Mapped[int] = mapped_column(default=0)  # claims so far
    # Claims that ended with the death of a worker: no fault of the video.
    interruptions: Mapped[int] = mapped_column(default=0, server_default="0")
    # What its runs saved last, to go on from: how far they got at best, and how many
    # failures and interruptions no longer count, since a run got further after them.
    saved_key: Mapped[str | None]
    saved_progress: Mapped[float] = mapped_column(default=0.0, server_default="0")
    forgiven_failures: Mapped[int] = mapped_column(default=0, server_default="0")
    forgiven_interruptions: Mapped[int] = mapped_column(default=0, server_default="0")
    # Of the attempt under way; once it succeeded, of the one whose files are kept.
    lease_token: Mapped[UUID | None]
    lease_expires_at: Mapped[datetime | None] = mapped_column()
    lease_owner: Mapped[str | None]  # the process that holds it, a ProcessIdentity
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    error_code: Mapped[str | None]
    error_detail: Mapped[str | None]
    error_retryable: Mapped[bool | None]
    result: Mapped[dict[str, object] | None]  # small facts, once it succeeded
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    # Whether its worker has died, or been away for too long, by the database's clock:
    # a machine's own may be off by more than a lease.
    is_lease_over: Mapped[bool] = column_property(
        func.coalesce(lease_expires_at < func.now(), false())
    )

    # Tells the order of inserts: a video's row comes before its jobs'.
    video: Mapped[Video | None] = relationship(lazy="raise")

    @property
    def failures(self) -> int:
        """How often runs failed by themselves since one last got further."""
        return self.attempt - self.interruptions - self.forgiven_failures

    @property
    def deaths(self) -> int:
        """How often a worker died of it, or with it, since a run last got further."""
        return self.interruptions - self.forgiven_interruptions

    @classmethod
    def in_project(cls, project_id: UUID) -> ColumnElement[bool]:
        return cls.project_id == project_id

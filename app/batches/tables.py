"""The rows of a batch: many videos that are analysed behind what is uploaded."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    UniqueConstraint,
    false,
    select,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.base import Base, Signed, new_id
from app.core.principal import DEFAULT_PROJECT_ID
from app.projects.tables import Project
from app.sources.shown import shown_url
from app.videos.tables import Video


class BatchStatus(StrEnum):
    """Where a batch stands; the last three end it, until it is resumed."""

    OPEN = "open"  # its client adds items; they are worked on meanwhile
    LISTING = "listing"  # a job lists its source; items are worked on meanwhile
    RUNNING = "running"  # all items are known
    CANCELING = "canceling"  # a cancel was accepted
    COMPLETED = "completed"  # every item has ended, well or not
    FAILED = "failed"  # its source could not be listed
    CANCELED = "canceled"

    @property
    def is_final(self) -> bool:
        return self in FINAL


FINAL = (BatchStatus.COMPLETED, BatchStatus.FAILED, BatchStatus.CANCELED)


class ItemState(StrEnum):
    """Where an item stands; the last four end it, until it is tried again."""

    PENDING = "pending"  # no job is queued for it yet
    QUEUED = "queued"  # its job waits or runs
    SUCCEEDED = "succeeded"
    SKIPPED = "skipped"  # what its video shows is this model's already
    FAILED = "failed"
    CANCELED = "canceled"


class Batch(Signed, Base):
    """Many videos, one model: what was asked for, and how far it is."""

    __tablename__ = "batches"
    __table_args__ = (
        CheckConstraint(
            "status in ('open','listing','running','canceling','completed','failed',"
            "'canceled')",
            name="status",
        ),
        Index(None, "project_id", "id"),
        Index(
            "ix_batches_under_way",
            "id",
            postgresql_where=text("status in ('open','listing','running','canceling')"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    project_id: Mapped[UUID] = mapped_column(
        ForeignKey(Project.id), server_default=text(f"'{DEFAULT_PROJECT_ID}'::uuid")
    )
    name: Mapped[str | None]
    # {"bucket": "s3://..."}, {"imports": a folder in it} or {} for what a client names.
    source: Mapped[dict[str, str]]
    model: Mapped[str]  # the name of its file, with its version
    # What tells whether the model has analysed a video already: sha256, spotting.
    weights: Mapped[dict[str, object]]
    again: Mapped[bool] = mapped_column(default=False, server_default=false())
    # Its client has not named the last item: it is open, or will be once resumed.
    takes_items: Mapped[bool] = mapped_column(default=False, server_default=false())
    open_until: Mapped[datetime | None]  # of an open one: it is closed then
    priority: Mapped[int]
    callback_url: Mapped[str | None]
    status: Mapped[str]
    listing_job_id: Mapped[UUID | None]  # no foreign key: the job may be forgotten
    named: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    waits_for: Mapped[str | None]  # why no more is queued now, for people
    error_code: Mapped[str | None]
    error_detail: Mapped[str | None]
    created_at: Mapped[datetime]
    # The first item that was queued since it was asked for or resumed.
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    @classmethod
    def in_project(cls, project_id: UUID) -> ColumnElement[bool]:
        return cls.project_id == project_id


class BatchItem(Base):
    """One video of a batch: where it is, and what became of it."""

    __tablename__ = "batch_items"
    __table_args__ = (
        CheckConstraint(
            "state in ('pending','queued','succeeded','skipped','failed','canceled')",
            name="state",
        ),
        UniqueConstraint("batch_id", "source_id"),
        Index(None, "batch_id", "state", "number"),
        Index(None, "batch_id", "finished_at"),
        Index(None, "source_id"),
        Index(None, "video_id"),
    )

    batch_id: Mapped[UUID] = mapped_column(
        ForeignKey(Batch.id, ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True)  # 1.., with gaps
    kind: Mapped[str]  # url | import | video
    address: Mapped[str]  # the URL, the path in the folder of imports, the video's id
    # Follows from project, kind, address and, where it is known, the version of what
    # is there: the same file is the same item, in this batch and in a later one.
    source_id: Mapped[UUID]
    title: Mapped[str | None]
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)  # as it was listed
    etag: Mapped[str | None]  # of an object, as it was listed
    state: Mapped[str] = mapped_column(default=ItemState.PENDING)
    video_id: Mapped[UUID | None] = mapped_column(
        ForeignKey(Video.id, ondelete="SET NULL")
    )
    job_id: Mapped[UUID | None]  # its latest; no foreign key: it may be forgotten
    rounds: Mapped[int] = mapped_column(default=0, server_default="0")  # times queued
    error_code: Mapped[str | None]
    error_detail: Mapped[str | None]
    error_retryable: Mapped[bool | None]
    finished_at: Mapped[datetime | None]

    @property
    def shown_address(self) -> str:
        """The address without what may be a secret."""
        return shown_url(self.address) if self.kind == "url" else self.address

    @classmethod
    def in_project(cls, project_id: UUID) -> ColumnElement[bool]:
        its = Batch.__table__.alias("project_batches").c  # no entity: asked no further
        return cls.batch_id.in_(select(its.id).where(its.project_id == project_id))

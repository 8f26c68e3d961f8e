"""The row of a request of OpenSportsLab's annotation tool for inference."""

from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy import ColumnElement, ForeignKey, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.base import Base, Signed, new_id
from app.projects.tables import Project


class OslItem(TypedDict):
    """One sample of a request, as the column `items` holds it."""

    item_id: str
    sample_id: str
    video_id: str
    job_id: str | None  # the analysis; null: it follows once the file is here
    from_ms: int  # what of the video is wanted
    to_ms: int | None  # null: until its end


class OslJob(Signed, Base):
    """A request for inference: which of our jobs it stands for."""

    __tablename__ = "osl_jobs"
    __table_args__ = (
        Index("uq_osl_jobs_project_id_key", "project_id", "key", unique=True),
        Index(None, "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    project_id: Mapped[UUID] = mapped_column(ForeignKey(Project.id))
    key: Mapped[str]  # the client's Idempotency-Key, or one of ours
    fingerprint: Mapped[str]  # of what was asked for
    model: Mapped[str]
    head: Mapped[str]  # the list of labels that events are to be of
    labels: Mapped[list[str]] = mapped_column(JSONB)  # how the client spells them
    items: Mapped[list[Any]] = mapped_column(JSONB)  # of OslItem
    canceled_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    @classmethod
    def in_project(cls, project_id: UUID) -> ColumnElement[bool]:
        return cls.project_id == project_id

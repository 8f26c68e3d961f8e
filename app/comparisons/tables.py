"""The rows of a comparison: which models, on what, and where they went wrong."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, ForeignKey, Index, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.base import Base, Signed, new_id
from app.jobs.tables import Job
from app.projects.tables import Project
from app.videos.tables import Video


class Comparison(Signed, Base):
    """Models that are held against each other on reviewed stretches."""

    __tablename__ = "comparisons"
    __table_args__ = (
        Index(None, "project_id", "id"),
        Index(None, "job_id"),
        Index(None, "training_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    project_id: Mapped[UUID] = mapped_column(ForeignKey(Project.id))
    job_id: Mapped[UUID] = mapped_column(ForeignKey(Job.id, ondelete="CASCADE"))
    training_id: Mapped[UUID | None]  # whose hold-out it is; it may have gone since
    models: Mapped[list[str]] = mapped_column(JSONB)  # names; the first is the new one
    # Of {"video_id", "spans": [[from_s, to_s], ...]}.
    holdout: Mapped[list[Any]] = mapped_column(JSONB)
    result: Mapped[dict[str, object] | None]  # see app.comparisons.results; once made
    created_at: Mapped[datetime]

    @classmethod
    def in_project(cls, project_id: UUID) -> ColumnElement[bool]:
        return cls.project_id == project_id


class ComparisonMoment(Base):
    """A moment that one of the compared models got wrong; it goes with its video."""

    __tablename__ = "comparison_moments"
    __table_args__ = (Index(None, "video_id"),)

    comparison_id: Mapped[UUID] = mapped_column(
        ForeignKey(Comparison.id, ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)  # by video, then by time
    video_id: Mapped[UUID] = mapped_column(ForeignKey(Video.id, ondelete="CASCADE"))
    time_ms: Mapped[int] = mapped_column(BigInteger)
    frame: Mapped[int] = mapped_column(BigInteger)  # 0-based in the source
    label: Mapped[str]
    is_event: Mapped[bool]  # it happened; else a model saw what did not
    # By the name of the model: {"kind", "score", "label", "time_s"}.
    by_model: Mapped[dict[str, object]]

    @classmethod
    def in_project(cls, project_id: UUID) -> ColumnElement[bool]:
        seen = select(Comparison.id).where(Comparison.project_id == project_id)
        return cls.comparison_id.in_(seen)

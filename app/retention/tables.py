"""The row of a project's rules."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.base import Base
from app.projects.tables import Project


class RetentionRules(Base):
    """How long a project keeps what; null: for ever. Without a row: all for ever."""

    __tablename__ = "retention_rules"

    project_id: Mapped[UUID] = mapped_column(ForeignKey(Project.id), primary_key=True)
    file_days: Mapped[int | None]  # then the footage goes, and the events stay
    video_days: Mapped[int | None]  # then all of a video goes
    stored_bytes: Mapped[int | None] = mapped_column(BigInteger)  # of uploaded files
    updated_by: Mapped[str]
    updated_at: Mapped[datetime]

    @classmethod
    def in_project(cls, project_id: UUID) -> ColumnElement[bool]:
        return cls.project_id == project_id

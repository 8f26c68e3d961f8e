"""The row of a project."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.base import Base, new_id


class Project(Base):
    """What videos and all that hangs on them belong to; there is one by default."""

    __tablename__ = "projects"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str]
    # Quotas; null: none. See `app.projects.quotas`.
    max_stored_bytes: Mapped[int | None] = mapped_column(BigInteger)
    max_queued_hours: Mapped[float | None]
    created_at: Mapped[datetime]

    @classmethod
    def in_project(cls, project_id: UUID) -> ColumnElement[bool]:
        return cls.id == project_id

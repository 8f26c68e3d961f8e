"""The row of a type of event that people tag."""

from uuid import UUID

from sqlalchemy import ColumnElement, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.base import Base
from app.projects.tables import Project


class EventType(Base):
    """A type of event of a project, beside those that its models know."""

    __tablename__ = "event_types"
    __table_args__ = (UniqueConstraint("project_id", "name"),)

    project_id: Mapped[UUID] = mapped_column(ForeignKey(Project.id), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)  # in the list, from 0
    name: Mapped[str]
    key: Mapped[str | None]  # on the keyboard: "1" to "9"
    colour: Mapped[str | None]  # "#rrggbb" in lower case

    @classmethod
    def in_project(cls, project_id: UUID) -> ColumnElement[bool]:
        return cls.project_id == project_id

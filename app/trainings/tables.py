"""The rows of a training: what was asked for, how it goes, and what came of it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.base import Base, Signed, new_id
from app.jobs.tables import Job
from app.projects.tables import Project


class Training(Signed, Base):
    """A training that makes a version of a model out of what people reviewed."""

    __tablename__ = "trainings"
    __table_args__ = (Index(None, "project_id", "id"), Index(None, "job_id"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    project_id: Mapped[UUID] = mapped_column(ForeignKey(Project.id))
    job_id: Mapped[UUID] = mapped_column(ForeignKey(Job.id, ondelete="CASCADE"))
    name: Mapped[str]  # of the model; its versions are called name@1, name@2, ...
    base: Mapped[str | None]  # the checkpoint it starts from, with its version
    options: Mapped[dict[str, object]]  # see TrainingOptions
    # What whoever asked was told of the data, then what the model that was made lacks;
    # of each: [{"code": ..., "detail": ...}, ...]
    warnings: Mapped[list[dict[str, str]]] = mapped_column(
        JSONB, default=list, server_default=text("'[]'")
    )
    data: Mapped[dict[str, object] | None]  # what it trains on, once that is exported
    figures: Mapped[dict[str, object] | None]  # how good it is, once it has ended
    model: Mapped[str | None]  # the version that it made
    # Not a foreign key: the comparison may be deleted, the training stays.
    comparison_id: Mapped[UUID | None]
    created_at: Mapped[datetime]

    @classmethod
    def in_project(cls, project_id: UUID) -> ColumnElement[bool]:
        return cls.project_id == project_id


class TrainingPoint(Base):
    """A point of a training's curves, in the order in which they came."""

    __tablename__ = "training_points"
    __table_args__ = (
        CheckConstraint("kind in ('loss','validation','learning')", name="kind"),
    )

    training_id: Mapped[UUID] = mapped_column(
        ForeignKey(Training.id, ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]  # loss | validation | learning
    stage: Mapped[str]  # of the training, when it was taken: head, finetune, ...
    step: Mapped[int]  # of that stage, counted from 0
    values: Mapped[dict[str, object]]  # by name; null where it was no finite number
    at: Mapped[datetime]

    @classmethod
    def in_project(cls, project_id: UUID) -> ColumnElement[bool]:
        return _of_a_training_in(project_id, cls.training_id)


class TrainingLine(Base):
    """A line of a training's log."""

    __tablename__ = "training_lines"

    training_id: Mapped[UUID] = mapped_column(
        ForeignKey(Training.id, ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    at: Mapped[datetime]

    @classmethod
    def in_project(cls, project_id: UUID) -> ColumnElement[bool]:
        return _of_a_training_in(project_id, cls.training_id)


def _of_a_training_in(
    project_id: UUID, training_id: Mapped[UUID]
) -> ColumnElement[bool]:
    its = Training.__table__.alias("project_trainings").c  # no entity: asked no further
    return training_id.in_(select(its.id).where(its.project_id == project_id))

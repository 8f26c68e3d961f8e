"""The rows of uploaded videos, of uploads in flight and of deletions pending."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    ForeignKey,
    Index,
    SQLColumnExpression,
    select,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.base import Base, Signed, new_id
from app.core.principal import DEFAULT_PROJECT_ID
from app.projects.tables import Project


class Video(Signed, Base):
    """An uploaded file: immutable facts, and which analysis is shown."""

    __tablename__ = "videos"
    __table_args__ = (Index(None, "project_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    project_id: Mapped[UUID] = mapped_column(
        ForeignKey(Project.id), server_default=text(f"'{DEFAULT_PROJECT_ID}'::uuid")
    )
    title: Mapped[str | None]
    filename: Mapped[str | None]  # the client's name: metadata only, never a path
    callback_url: Mapped[str | None]
    storage_key: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    # Facts from the probe; null until a job has looked.
    duration_s: Mapped[float | None]
    width: Mapped[int | None]
    height: Mapped[int | None]
    fps: Mapped[float | None]
    codec: Mapped[str | None]
    container: Mapped[str | None]
    facts: Mapped[dict[str, object] | None]  # all the probe said, as JSON
    current_analysis_id: Mapped[UUID | None]  # the one whose events /events shows
    thumbnails: Mapped[dict[str, str] | None]  # keys of its pictures, by use
    created_at: Mapped[datetime]

    @classmethod
    def in_project(cls, project_id: UUID) -> ColumnElement[bool]:
        return cls.project_id == project_id


def of_a_video_in(
    project_id: UUID,
    video_id: SQLColumnExpression[UUID] | SQLColumnExpression[UUID | None],
) -> ColumnElement[bool]:
    """Tell which rows hang on a video of a project, by their column `video_id`."""
    its = Video.__table__.alias("project_videos").c  # no entity: asked no further
    return video_id.in_(select(its.id).where(its.project_id == project_id))


class Upload(Base):
    """An upload in flight: its bytes may be in storage, its video is not recorded."""

    __tablename__ = "uploads"
    is_shared = True  # named by an id that its client has not been told

    id: Mapped[UUID] = mapped_column(primary_key=True)  # of the video it will be
    owner: Mapped[str]  # the process that takes it in
    touched_at: Mapped[datetime]  # kept fresh while bytes flow
    created_at: Mapped[datetime]


class PendingDeletion(Base):
    """Objects that nobody needs any more and that are to be deleted."""

    __tablename__ = "pending_deletions"
    is_shared = True  # whoever deletes adds them, a sweep of all projects ends them

    prefix: Mapped[str] = mapped_column(primary_key=True)  # of their keys
    # When they were deleted; it is done once more before the row goes, because a run
    # that was under way may have stored something since.
    deleted_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

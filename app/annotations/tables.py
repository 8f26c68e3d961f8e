"""The rows of what people say of events, and of the stretches they have reviewed."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.base import Base, new_id
from app.videos.tables import Video, of_a_video_in


class Annotation(Base):
    """What one step did to one event: a line of a log that only grows."""

    __tablename__ = "annotations"
    __table_args__ = (
        Index(None, "video_id", "revision"),
        Index(None, "video_id", "event_id", "revision"),
        Index(None, "video_id", "author", "revision"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    video_id: Mapped[UUID] = mapped_column(ForeignKey(Video.id, ondelete="CASCADE"))
    revision: Mapped[int] = mapped_column(BigInteger)  # of the video, made by the step
    step_id: Mapped[UUID]  # all that one request did; undone and redone as one
    event_id: Mapped[UUID]
    author: Mapped[str]
    action: Mapped[str]  # accept, reject, edit, add, reset or import
    before: Mapped[dict[str, object] | None]  # what was decided; null: nothing
    after: Mapped[dict[str, object] | None]
    reverts: Mapped[UUID | None]  # the step that this one undoes or redoes
    created_at: Mapped[datetime]

    @classmethod
    def in_project(cls, project_id: UUID) -> ColumnElement[bool]:
        return of_a_video_in(project_id, cls.video_id)


class Decision(Base):
    """What the log says of an event in the end: one row an event spoken on."""

    __tablename__ = "decisions"
    __table_args__ = (Index(None, "video_id", "revision"),)

    video_id: Mapped[UUID] = mapped_column(
        ForeignKey(Video.id, ondelete="CASCADE"), primary_key=True
    )
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    state: Mapped[str]  # accepted, rejected, edited or added
    source: Mapped[str]  # who saw the event first: model or human
    label: Mapped[str]
    frame: Mapped[int] = mapped_column(BigInteger)  # 0-based in the source
    time_ms: Mapped[int] = mapped_column(BigInteger)  # from the start, as players show
    score: Mapped[float | None]  # the model's when the event was decided
    attributes: Mapped[dict[str, object]]  # team, player, note, ...
    # What the model said of it; null for events that a person added.
    anchor_label: Mapped[str | None]
    anchor_frame: Mapped[int | None] = mapped_column(BigInteger)
    anchor_time_ms: Mapped[int | None] = mapped_column(BigInteger)
    anchor_team: Mapped[str | None]
    anchor_analysis_id: Mapped[UUID | None]  # which may have gone since
    revision: Mapped[int] = mapped_column(BigInteger)  # of the step that decided it
    author: Mapped[str]
    decided_at: Mapped[datetime]

    @classmethod
    def in_project(cls, project_id: UUID) -> ColumnElement[bool]:
        return of_a_video_in(project_id, cls.video_id)


class ReviewedStretch(Base):
    """A stretch of a video in which every event has been looked at.

    The stretches of a video do not overlap; those of one author do not touch.
    """

    __tablename__ = "reviewed_stretches"

    video_id: Mapped[UUID] = mapped_column(
        ForeignKey(Video.id, ondelete="CASCADE"), primary_key=True
    )
    from_ms: Mapped[int] = mapped_column(BigInteger, primary_key=True)  # included
    to_ms: Mapped[int] = mapped_column(BigInteger)  # not included
    author: Mapped[str]
    created_at: Mapped[datetime]

    @classmethod
    def in_project(cls, project_id: UUID) -> ColumnElement[bool]:
        return of_a_video_in(project_id, cls.video_id)

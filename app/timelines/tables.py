"""The rows of an analysis, of its events and of saved thresholds."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    false,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.base import Base, new_id
from app.jobs.tables import Job
from app.projects.tables import Project
from app.videos.tables import Video, of_a_video_in

# In `Analysis.checkpoint`:
SPOTTING = "spotting"  # the spotting options
SPOTTING_IS_FOUND = "spotting_is_found"  # not by the run, but in the library since


class Analysis(Base):
    """What one run of a checkpoint over a video found."""

    __tablename__ = "analyses"
    __table_args__ = (Index(None, "video_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    video_id: Mapped[UUID] = mapped_column(ForeignKey(Video.id, ondelete="CASCADE"))
    job_id: Mapped[UUID] = mapped_column(
        ForeignKey(Job.id, ondelete="CASCADE"), unique=True
    )
    checkpoint: Mapped[dict[str, object]]  # what ran: name, version, sha256, ...
    scores_key: Mapped[str | None]  # the stored score curves
    scores_sha256: Mapped[str | None]
    event_counts: Mapped[dict[str, int]]  # {"PASS": 812, ...}
    warnings: Mapped[dict[str, object]]  # what the decoder had to forgive
    requested_at: Mapped[datetime]  # when its job was asked for: the newest is shown
    # Goes up with each change of its events; only those of a live stream change.
    version: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    created_at: Mapped[datetime]

    @property
    def teams(self) -> tuple[str, ...]:
        """Name the sides that its events tell apart; none if the model does not."""
        teams = self.checkpoint.get("teams")
        return tuple(map(str, teams)) if isinstance(teams, list) else ()

    @classmethod
    def in_project(cls, project_id: UUID) -> ColumnElement[bool]:
        return of_a_video_in(project_id, cls.video_id)


class Event(Base):
    """A spot that survived, stored under the analysis that found it."""

    __tablename__ = "events"
    __table_args__ = (
        ForeignKeyConstraint(["analysis_id"], [Analysis.id], ondelete="CASCADE"),
        ForeignKeyConstraint(["video_id"], [Video.id], ondelete="CASCADE"),
        Index(None, "video_id", "analysis_id", "time_ms", "seq"),
        Index(None, "video_id", "analysis_id", "label", "time_ms", "seq"),
        Index(None, "analysis_id"),
    )

    video_id: Mapped[UUID] = mapped_column(primary_key=True)
    analysis_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)  # 0.. by time, then label
    time_ms: Mapped[int] = mapped_column(BigInteger)  # from the start, as players show
    pts: Mapped[int] = mapped_column(BigInteger)  # in the stream's own time base
    frame: Mapped[int] = mapped_column(BigInteger)  # 0-based in the source
    label: Mapped[str]
    score: Mapped[float]
    team: Mapped[str | None]  # the side that did it; null: the checkpoint does not tell
    # Of a live stream: a better one may still take its place.
    is_provisional: Mapped[bool] = mapped_column(default=False, server_default=false())

    @classmethod
    def in_project(cls, project_id: UUID) -> ColumnElement[bool]:
        return of_a_video_in(project_id, cls.video_id)


class VideoThresholds(Base):
    """The thresholds saved for a video and the weights that ran over it."""

    __tablename__ = "video_thresholds"

    video_id: Mapped[UUID] = mapped_column(
        ForeignKey(Video.id, ondelete="CASCADE"), primary_key=True
    )
    weights: Mapped[str] = mapped_column(primary_key=True)  # their SHA-256, or a name
    thresholds: Mapped[dict[str, float]] = mapped_column(JSONB)  # by type
    saved_by: Mapped[str]
    saved_at: Mapped[datetime]

    @classmethod
    def in_project(cls, project_id: UUID) -> ColumnElement[bool]:
        return of_a_video_in(project_id, cls.video_id)


class ModelThresholds(Base):
    """The thresholds a project saved for all videos that some weights ran over."""

    __tablename__ = "model_thresholds"

    project_id: Mapped[UUID] = mapped_column(
        ForeignKey(Project.id, ondelete="CASCADE"), primary_key=True
    )
    weights: Mapped[str] = mapped_column(primary_key=True)  # their SHA-256, or a name
    thresholds: Mapped[dict[str, float]] = mapped_column(JSONB)  # by type
    saved_by: Mapped[str]
    saved_at: Mapped[datetime]

    @classmethod
    def in_project(cls, project_id: UUID) -> ColumnElement[bool]:
        return cls.project_id == project_id

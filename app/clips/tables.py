"""The row of a clip: events of videos that are shown one after another."""

from datetime import datetime
from typing import NotRequired, TypedDict
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    and_,
    or_,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.base import Base, Signed, new_id
from app.jobs.tables import Job
from app.projects.tables import Project
from app.videos.tables import Video, of_a_video_in


class ClippedEvent(TypedDict):
    """An event as it was when the clip was asked for.

    Clips of releases before have neither player nor video.
    """

    id: str
    type: str
    time_ms: int
    frame: int
    score: float | None
    team: str | None
    player: NotRequired[str | None]
    video_id: NotRequired[str]
    hit: NotRequired[int]  # those with the same number are shown by one cut


class StoredCut(TypedDict):
    """Frames that follow each other, and the events they show; times in the video."""

    first: int  # the first frame
    until: int  # the one after the last
    start_s: float
    end_s: float
    events: list[str]  # their ids
    video_id: NotRequired[str]


class Clip(Signed, Base):
    """A reel, an archive of single clips, or a playlist of some events."""

    __tablename__ = "clips"
    __table_args__ = (
        CheckConstraint("form in ('reel','zip','playlist')", name="form"),
        CheckConstraint("mode in ('exact','smart','copy')", name="mode"),
        Index(None, "video_id", "id"),
        Index(None, "project_id", "id"),
        Index(None, "job_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    video_id: Mapped[UUID | None] = mapped_column(
        ForeignKey(Video.id, ondelete="CASCADE")
    )  # null: it is of several
    # Null: the release before made it; it is in the project of its video.
    project_id: Mapped[UUID | None] = mapped_column(ForeignKey(Project.id))
    job_id: Mapped[UUID | None] = mapped_column(
        ForeignKey(Job.id, ondelete="CASCADE")
    )  # renders it; null: nothing is rendered
    form: Mapped[str]  # reel | zip | playlist
    # exact: cut to the frame; smart: so, too, but only borders are encoded; copy: from
    # the key frame before.
    mode: Mapped[str]
    options: Mapped[dict[str, object]]  # lead_s, lag_s, merge, order, captions
    events: Mapped[list[ClippedEvent]] = mapped_column(JSONB)
    cuts: Mapped[list[StoredCut]] = mapped_column(JSONB)  # in the order they are shown
    file_key: Mapped[str | None]  # null until it is rendered
    file: Mapped[dict[str, object] | None]  # its facts: media_type, width, height, ...
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime]

    @classmethod
    def in_project(cls, project_id: UUID) -> ColumnElement[bool]:
        of_its_video = of_a_video_in(project_id, cls.video_id)
        return or_(
            cls.project_id == project_id,
            and_(cls.project_id.is_(None), of_its_video),
        )

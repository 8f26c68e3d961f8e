"""The rows by which events of all matches are found: copies, made anew when stale.

Beside them the searches that people saved.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    ForeignKey,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.base import Base, Signed, new_id
from app.projects.tables import Project
from app.videos.tables import Video


class SearchedTimeline(Base):
    """Which state of a video's timeline can be searched: what it was made of."""

    __tablename__ = "searched_timelines"

    video_id: Mapped[UUID] = mapped_column(
        ForeignKey(Video.id, ondelete="CASCADE"), primary_key=True
    )
    project_id: Mapped[UUID] = mapped_column(ForeignKey(Project.id))
    analysis_id: Mapped[UUID | None]  # the video's, when its events were copied
    revision: Mapped[int] = mapped_column(BigInteger)  # of the video, likewise
    facts_version: Mapped[int] = mapped_column(BigInteger)  # of the video, likewise
    # Of those that the project saved for models, after the layout of the copies.
    thresholds_tag: Mapped[str | None]

    @classmethod
    def in_project(cls, project_id: UUID) -> ColumnElement[bool]:
        return cls.project_id == project_id


class SearchedEvent(Base):
    """An event of a merged timeline, as it is found by a search."""

    __tablename__ = "searched_events"
    __table_args__ = (
        Index(
            "ix_searched_events_place", "project_id", "video_id", "time_ms", "event_id"
        ),
        Index(
            "ix_searched_events_label",
            *("project_id", "label", "video_id", "time_ms", "event_id"),
        ),
        Index(
            "ix_searched_events_player",
            *("project_id", "player", "video_id", "time_ms", "event_id"),
        ),
        Index(
            "ix_searched_events_label_player",
            *("project_id", "label", "player", "video_id", "time_ms", "event_id"),
            postgresql_where=text("player is not null"),
        ),
    )

    video_id: Mapped[UUID] = mapped_column(
        ForeignKey(Video.id, ondelete="CASCADE"), primary_key=True
    )
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[UUID] = mapped_column(ForeignKey(Project.id))
    label: Mapped[str]
    time_ms: Mapped[int] = mapped_column(BigInteger)  # from the start, as players show
    frame: Mapped[int] = mapped_column(BigInteger)  # 0-based in the source
    state: Mapped[str]  # suggested, accepted, rejected, edited or added
    score: Mapped[float | None]  # the model's
    team: Mapped[str | None]  # as the event has it
    team_name: Mapped[str | None]  # as the match facts call it
    player: Mapped[str | None]  # the attribute of that name, as text
    attributes: Mapped[dict[str, object]]

    @classmethod
    def in_project(cls, project_id: UUID) -> ColumnElement[bool]:
        return cls.project_id == project_id


class SearchedCount(Base):
    """How many events of a match are alike: it is looked into only for such."""

    __tablename__ = "searched_counts"
    __table_args__ = (
        Index("ix_searched_counts_label", "project_id", "label", "video_id"),
        Index("ix_searched_counts_team", "project_id", "team", "video_id"),
        Index("ix_searched_counts_team_name", "project_id", "team_name", "video_id"),
        Index("ix_searched_counts_state", "project_id", "state", "video_id"),
    )

    video_id: Mapped[UUID] = mapped_column(
        ForeignKey(Video.id, ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)  # in the match, from 0
    project_id: Mapped[UUID] = mapped_column(ForeignKey(Project.id))
    # As in `SearchedEvent`:
    label: Mapped[str]
    state: Mapped[str]
    team: Mapped[str | None]
    team_name: Mapped[str | None]
    count: Mapped[int]
    max_score: Mapped[float | None]  # null: none of them has a score

    @classmethod
    def in_project(cls, project_id: UUID) -> ColumnElement[bool]:
        return cls.project_id == project_id


class SavedSearch(Signed, Base):
    """A search under a name."""

    __tablename__ = "saved_searches"
    __table_args__ = (UniqueConstraint("project_id", "name"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    project_id: Mapped[UUID] = mapped_column(ForeignKey(Project.id))
    name: Mapped[str]
    query: Mapped[dict[str, object]] = mapped_column(JSONB)  # a `SearchQuery`
    version: Mapped[int] = mapped_column(BigInteger)  # 1, and 1 more a change
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    @classmethod
    def in_project(cls, project_id: UUID) -> ColumnElement[bool]:
        return cls.project_id == project_id

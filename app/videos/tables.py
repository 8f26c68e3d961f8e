"""The rows of uploaded videos, of uploads in flight and of deletions pending."""

from datetime import date, datetime
from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    ForeignKey,
    Index,
    SQLColumnExpression,
    event,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.base import Base, Signed, new_id
from app.core.principal import DEFAULT_PROJECT_ID
from app.projects.tables import Project
from app.videos.search_words import SearchWords, words_of


class TeamFacts(TypedDict):
    """One of the teams of a match, as a video's column `teams` holds it."""

    name: str
    colour: str | None  # "#rrggbb" in lower case
    side: str | None  # what the model calls its events: `left`, `right`


class HalfFacts(TypedDict):
    """A stretch of play, as a video's column `halves` holds it; times in seconds."""

    start_s: float  # of the kick-off, in the video
    end_s: float | None  # null: the next half's start, or the video's end
    clock_start_s: float | None  # what the match clock shows at the kick-off


class PartFacts(TypedDict):
    """One of the files that a video was made of; times in seconds of the video."""

    filename: str | None
    size_bytes: int
    sha256: str | None
    storage_key: str | None  # while it waits to be joined, if it came with the video
    video_id: str | None  # whose file it is, if it was a video before
    start_s: float | None  # its first frame's; null until it is joined
    end_s: float | None
    offset_s: float | None  # what is to be added to a time of its own file


class JoinFacts(TypedDict):
    """What a video was made of, as its column `parts` holds it."""

    kind: str  # `halves`, `consecutive`
    mode: str | None  # of the pictures: `copied`, `encoded`; null until joined
    sound: str | None  # the same of the sound; null: there is none
    warnings: dict[str, str]
    files: list[PartFacts]


class Video(Signed, Base):
    """A file of match video: what is known of it, and which analysis is shown."""

    __tablename__ = "videos"
    __table_args__ = (
        Index(None, "project_id", "id"),
        Index("ix_videos_project_id_sha256", "project_id", "sha256"),
        Index(None, "duplicate_of"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    project_id: Mapped[UUID] = mapped_column(
        ForeignKey(Project.id), server_default=text(f"'{DEFAULT_PROJECT_ID}'::uuid")
    )
    title: Mapped[str | None]
    filename: Mapped[str | None]  # the client's name: metadata only, never a path
    callback_url: Mapped[str | None]
    # Where its bytes come from, if they did not come with the request that made it:
    # {"url": ...}, {"import": a path in the folder of imports} or {"join": its kind}.
    source: Mapped[dict[str, str] | None]
    # The files that it is made of, if there are several; bytes: of those that are kept
    # until they are joined.
    parts: Mapped[JoinFacts | None] = mapped_column(JSONB(none_as_null=True))
    parts_bytes: Mapped[int | None] = mapped_column(BigInteger)
    storage_key: Mapped[str | None]  # null until all bytes are there; so the next two
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str | None]
    duplicate_of: Mapped[UUID | None] = mapped_column(
        ForeignKey("videos.id", ondelete="SET NULL")
    )  # an earlier video of the project with the same bytes
    # Facts from the probe; null until a job has looked.
    duration_s: Mapped[float | None]
    width: Mapped[int | None]
    height: Mapped[int | None]
    fps: Mapped[float | None]
    codec: Mapped[str | None]
    container: Mapped[str | None]
    facts: Mapped[dict[str, object] | None]  # all the probe said, as JSON
    # Match facts: what people say of the match.
    played_on: Mapped[date | None]
    competition: Mapped[str | None]
    teams: Mapped[list[TeamFacts] | None] = mapped_column(JSONB(none_as_null=True))
    halves: Mapped[list[HalfFacts] | None] = mapped_column(JSONB(none_as_null=True))
    # Goes up by one with every change of title or match facts.
    facts_version: Mapped[int] = mapped_column(
        BigInteger, default=0, server_default="0"
    )
    # Follows from the names above; null: the release before added the row.
    search: Mapped[SearchWords | None] = mapped_column(JSONB(none_as_null=True))
    current_analysis_id: Mapped[UUID | None]  # the one whose events /events shows
    thumbnails: Mapped[dict[str, str] | None]  # keys of its pictures, by use
    # Goes up with each step that changes what people said of its events.
    revision: Mapped[int] = mapped_column(BigInteger, server_default="0")
    proxy_key: Mapped[str | None]  # a copy that browsers play; null: none is made
    dropped_at: Mapped[datetime | None]  # its file is gone by the rules of retention
    frame_times_key: Mapped[str | None]  # when each frame is shown; null: not known
    created_at: Mapped[datetime]

    @classmethod
    def in_project(cls, project_id: UUID) -> ColumnElement[bool]:
        return cls.project_id == project_id


@event.listens_for(Video, "before_insert")
@event.listens_for(Video, "before_update")
def _note_words(_mapper: Any, _connection: Any, video: Video) -> None:
    """Keep a video's search words in step with its names, whoever changes them."""
    words = words_of(
        title=video.title,
        filename=video.filename,
        competition=video.competition,
        teams=[team["name"] for team in video.teams or ()],
    )
    if video.search != words:
        video.search = words


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

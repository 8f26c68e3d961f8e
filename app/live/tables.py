"""The rows of live streams: what they are, what changed, what is missing, segments."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, ForeignKey, Index, false, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.base import Base
from app.jobs.tables import Job
from app.videos.tables import Video, of_a_video_in


class Phase(StrEnum):
    """What the worker that holds a stream does with it."""

    WAITING = "waiting"  # none has taken it yet
    CONNECTING = "connecting"  # no picture has come
    LIVE = "live"
    ENDING = "ending"  # its recording is put together


class LiveStream(Base):
    """One live source under way, or over; beside the row of its video."""

    __tablename__ = "live_streams"
    __table_args__ = (Index(None, "job_id"),)

    video_id: Mapped[UUID] = mapped_column(
        ForeignKey(Video.id, ondelete="CASCADE"), primary_key=True
    )
    job_id: Mapped[UUID] = mapped_column(ForeignKey(Job.id, ondelete="CASCADE"))
    source: Mapped[str]  # as it was given, which may hold a password: never shown
    kind: Mapped[str]  # pull, listen, push, udp, file or relay
    model: Mapped[str | None]  # asked for; null: the default
    record: Mapped[bool]
    analyse_after: Mapped[bool]
    analyse_model: Mapped[str | None]
    webhook_batch_s: Mapped[float | None]  # null: no messages of events
    phase: Mapped[str] = mapped_column(default=Phase.WAITING)
    stop_requested: Mapped[bool] = mapped_column(default=False, server_default=false())
    # Where to send to, of `listen` and `srt`: {"url", "key"}; null: nowhere now.
    push: Mapped[dict[str, str] | None] = mapped_column(JSONB(none_as_null=True))
    # Where its worker takes what the API relays: {"host", "port", "token"}.
    ingest: Mapped[dict[str, str] | None] = mapped_column(JSONB(none_as_null=True))
    checkpoint: Mapped[dict[str, object] | None] = mapped_column(
        JSONB(none_as_null=True)
    )  # what runs: name, version, sha256, engine
    look_ahead_s: Mapped[float | None]  # of the checkpoint
    facts: Mapped[dict[str, object] | None] = mapped_column(
        JSONB(none_as_null=True)
    )  # of the source
    began_at: Mapped[datetime | None]  # wall clock of the first picture
    edge_s: Mapped[float] = mapped_column(default=0.0, server_default="0")
    steps: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    recorded_s: Mapped[float] = mapped_column(default=0.0, server_default="0")
    recording_problem: Mapped[str | None]  # null: it is recorded, if asked for
    end_reason: Mapped[str | None]  # null: stopped, or its source said so
    latency: Mapped[dict[str, object] | None] = mapped_column(
        JSONB(none_as_null=True)
    )  # percentiles by stage
    changes: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    gaps: Mapped[int] = mapped_column(default=0, server_default="0")
    segments: Mapped[int] = mapped_column(default=0, server_default="0")
    told_changes: Mapped[int] = mapped_column(
        BigInteger, default=0, server_default="0"
    )  # up to which webhooks were told
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    @classmethod
    def in_project(cls, project_id: UUID) -> ColumnElement[bool]:
        return of_a_video_in(project_id, cls.video_id)


class LiveChange(Base):
    """What was said of an event of a stream: a line of a log that only grows."""

    __tablename__ = "live_changes"

    video_id: Mapped[UUID] = mapped_column(
        ForeignKey(LiveStream.video_id, ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True)  # 1..
    kind: Mapped[str]  # provisional, final or retracted
    event_id: Mapped[UUID]
    replaces: Mapped[UUID | None]  # the provisional event whose place it takes
    label: Mapped[str]
    time_ms: Mapped[int] = mapped_column(BigInteger)
    frame: Mapped[int] = mapped_column(BigInteger)
    score: Mapped[float]
    team: Mapped[str | None]
    wall: Mapped[datetime]  # when it happened
    # When the last picture that it needed was decoded, by the worker's clock.
    decoded_at: Mapped[datetime]

    @classmethod
    def in_project(cls, project_id: UUID) -> ColumnElement[bool]:
        return of_a_video_in(project_id, cls.video_id)


class LiveGap(Base):
    """A stretch of which something is missing."""

    __tablename__ = "live_gaps"

    video_id: Mapped[UUID] = mapped_column(
        ForeignKey(LiveStream.video_id, ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)  # 1..
    from_s: Mapped[float]
    to_s: Mapped[float]
    reason: Mapped[str]
    from_wall: Mapped[datetime | None]  # the wall's clock at both ends
    to_wall: Mapped[datetime | None]

    @classmethod
    def in_project(cls, project_id: UUID) -> ColumnElement[bool]:
        return of_a_video_in(project_id, cls.video_id)


class LiveSegment(Base):
    """A piece of the recording: a fragmented MP4 that is complete by itself."""

    __tablename__ = "live_segments"

    video_id: Mapped[UUID] = mapped_column(
        ForeignKey(LiveStream.video_id, ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)  # 0..
    key: Mapped[str]  # in storage
    start_s: Mapped[float]
    duration_s: Mapped[float]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    head_bytes: Mapped[int]  # `ftyp` and `moov`, before the first fragment
    head_sha256: Mapped[str]
    is_after_gap: Mapped[bool] = mapped_column(server_default=text("false"))
    wall: Mapped[datetime | None]  # when its first picture was sent

    @classmethod
    def in_project(cls, project_id: UUID) -> ColumnElement[bool]:
        return of_a_video_in(project_id, cls.video_id)

"""The rows: Video, Job, Event, Delivery and their kin. They never open a session."""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.db.base import Base, new_id
from app.core.errors import JobIsFinished

DELIVERY_ATTEMPTS = 10
DELIVERY_LIFETIME = timedelta(days=10)  # longer than ten attempts can take


class JobStatus(StrEnum):
    """Where a job stands; the last three are final."""

    QUEUED = "queued"  # waits for a worker
    RUNNING = "running"  # a worker holds its lease
    SUCCEEDED = "succeeded"  # its timeline is stored
    FAILED = "failed"  # ended by an error, see error_code
    CANCELED = "canceled"  # ended by the user

    @property
    def is_final(self) -> bool:
        return self not in (JobStatus.QUEUED, JobStatus.RUNNING)


class DeliveryStatus(StrEnum):
    """Where a webhook message stands; the last three are final."""

    PENDING = "pending"  # to be sent at next_attempt_at
    DELIVERED = "delivered"  # answered with 2xx
    FAILED = "failed"  # every attempt failed
    GONE = "gone"  # the endpoint answered 410, to this message or to one before


class Video(Base):
    """An uploaded file: immutable facts, and which job's timeline is shown."""

    __tablename__ = "videos"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
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
    current_job_id: Mapped[UUID | None]  # the job whose timeline /events shows
    created_at: Mapped[datetime]


class Job(Base):
    """One run of one checkpoint over one video."""

    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint(
            "status in ('queued','running','succeeded','failed','canceled')",
            name="status",
        ),
        Index(None, "video_id", "created_at"),
        Index(
            "ix_jobs_open",
            "status",
            "lease_expires_at",
            postgresql_where=text("status in ('queued','running')"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    video_id: Mapped[UUID] = mapped_column(ForeignKey(Video.id, ondelete="CASCADE"))
    model: Mapped[str | None]  # checkpoint asked for; null: the service's default
    status: Mapped[str] = mapped_column(default=JobStatus.QUEUED)
    stage: Mapped[str | None]  # probe | decode | spot | store
    progress: Mapped[float] = mapped_column(default=0.0)  # 0..1 by PTS
    eta_s: Mapped[float | None]
    attempt: Mapped[int] = mapped_column(default=0)  # claims so far
    # Claims that ended with the death of a worker: no fault of the video.
    interruptions: Mapped[int] = mapped_column(default=0, server_default="0")
    lease_token: Mapped[UUID | None]
    lease_expires_at: Mapped[datetime | None]
    lease_owner: Mapped[str | None]  # the process that holds it, a ProcessIdentity
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    error_code: Mapped[str | None]
    error_detail: Mapped[str | None]
    error_retryable: Mapped[bool | None]
    checkpoint: Mapped[dict[str, object] | None]  # name, version, sha256 that ran
    scores_key: Mapped[str | None]  # the stored score curves
    scores_sha256: Mapped[str | None]
    event_counts: Mapped[dict[str, int] | None]  # {"PASS": 812, ...}
    warnings: Mapped[dict[str, object] | None]  # what the decoder had to forgive
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    def cancel(self, *, now: datetime) -> None:
        """End a waiting job; ask the worker that holds a running one to stop.

        Raises:
            JobIsFinished: it has ended already.
        """
        if JobStatus(self.status).is_final:
            raise JobIsFinished(f"The job has {self.status} already.")
        self.cancel_requested = True
        if self.status == JobStatus.QUEUED:
            self.status = JobStatus.CANCELED
            self.finished_at = now


class Event(Base):
    """A spot that survived, stored under the job that found it."""

    __tablename__ = "events"
    __table_args__ = (
        ForeignKeyConstraint(["job_id"], [Job.id], ondelete="CASCADE"),
        ForeignKeyConstraint(["video_id"], [Video.id], ondelete="CASCADE"),
        Index(None, "video_id", "job_id", "time_ms", "seq"),
        Index(None, "video_id", "job_id", "label", "time_ms", "seq"),
        Index(None, "job_id"),
    )

    video_id: Mapped[UUID] = mapped_column(primary_key=True)
    job_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)  # 0.. by time, then label
    time_ms: Mapped[int] = mapped_column(BigInteger)  # from the start, as players show
    pts: Mapped[int] = mapped_column(BigInteger)  # in the stream's own time base
    frame: Mapped[int] = mapped_column(BigInteger)  # 0-based in the source
    label: Mapped[str]
    score: Mapped[float]


class Delivery(Base):
    """One webhook message: the body as it is sent, and when to send it next."""

    __tablename__ = "deliveries"
    __table_args__ = (
        CheckConstraint(
            "status in ('pending','delivered','failed','gone')", name="status"
        ),
        Index(
            "ix_deliveries_due",
            "next_attempt_at",
            postgresql_where=text("status = 'pending'"),
        ),
        Index(
            "ix_deliveries_pending_endpoint",
            "endpoint",
            "next_attempt_at",
            postgresql_where=text("status = 'pending'"),
        ),
        Index(None, "video_id"),
        Index(None, "job_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    video_id: Mapped[UUID] = mapped_column(ForeignKey(Video.id, ondelete="CASCADE"))
    job_id: Mapped[UUID] = mapped_column(ForeignKey(Job.id, ondelete="CASCADE"))
    type: Mapped[str]  # video.completed | video.failed | video.canceled
    url: Mapped[str]
    endpoint: Mapped[str] = mapped_column(  # host and port, as the URL has them
        Computed(
            "lower(split_part(split_part(split_part((url)::text, '/'::text, 3), "
            "'?'::text, 1), '#'::text, 1))",
            persisted=True,
        )
    )
    body: Mapped[str]  # the exact text that is signed and sent
    status: Mapped[str] = mapped_column(default=DeliveryStatus.PENDING)
    attempt: Mapped[int] = mapped_column(default=0)
    attempts_allowed: Mapped[int] = mapped_column(
        default=DELIVERY_ATTEMPTS, server_default="10"
    )
    next_attempt_at: Mapped[datetime | None]
    locked_until: Mapped[datetime | None]  # an attempt under way holds the row
    expires_at: Mapped[datetime | None]  # given up then, however few attempts it had
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]

    # Times are the database's own: clocks of worker machines may differ.

    def close(self, status: DeliveryStatus) -> None:
        """End the message; nothing more is sent unless somebody asks."""
        self.status = status
        self.next_attempt_at = None
        self.locked_until = None
        self.finished_at = func.now()

    def send_again(self) -> None:
        """Make the message due at once; it gets one more attempt at the least."""
        self.attempts_allowed = max(self.attempts_allowed, self.attempt + 1)
        self.status = DeliveryStatus.PENDING
        self.next_attempt_at = func.now()
        self.expires_at = func.now() + DELIVERY_LIFETIME
        self.finished_at = None

    attempts: Mapped[list["DeliveryAttempt"]] = relationship(
        lazy="raise", passive_deletes=True, order_by="DeliveryAttempt.number"
    )


class DeliveryAttempt(Base):
    """One POST of a delivery and what came of it."""

    __tablename__ = "delivery_attempts"

    delivery_id: Mapped[UUID] = mapped_column(
        ForeignKey(Delivery.id, ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)  # 1..
    at: Mapped[datetime]
    duration_ms: Mapped[int]
    status_code: Mapped[int | None]  # null: no answer
    error: Mapped[str | None]


class WebhookEndpoint(Base):
    """How a host and port that webhooks are sent to answered lately.

    An endpoint that does not answer must not hold up the messages of others. Without a
    row it is new, with a streak of 0 it answers quickly.
    """

    __tablename__ = "webhook_endpoints"

    endpoint: Mapped[str] = mapped_column(primary_key=True)
    slow_streak: Mapped[int]  # latest attempts in a row that were slow or timed out
    paused_until: Mapped[datetime | None]  # nothing is sent before
    seen_at: Mapped[datetime]  # the latest attempt


class WorkerBeat(Base):
    """A worker process that says it is alive; /readyz reads it, the worker writes."""

    __tablename__ = "worker_beats"

    name: Mapped[str] = mapped_column(primary_key=True)  # kind, node name, process
    kind: Mapped[str]  # gpu | light
    seen_at: Mapped[datetime]
    info: Mapped[dict[str, object]] = mapped_column(default=dict)  # engine, model, ...


class UploadKey(Base):
    """An `Idempotency-Key` somebody sent with an upload, and what came of it."""

    __tablename__ = "upload_keys"

    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str | None]  # sha256 over file and fields; null: in flight
    video_id: Mapped[UUID | None] = mapped_column(
        ForeignKey(Video.id, ondelete="CASCADE"), index=True
    )
    job_id: Mapped[UUID | None] = mapped_column(
        ForeignKey(Job.id, ondelete="CASCADE"), index=True
    )  # what the request made, if that was a job of a known video
    owner: Mapped[str | None]  # the process that takes the request in
    token: Mapped[UUID | None]  # of the request that holds the key
    touched_at: Mapped[datetime]  # kept fresh while bytes flow; old and in flight: dead
    created_at: Mapped[datetime]

"""The rows of webhook messages and of their attempts."""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    Computed,
    ForeignKey,
    Index,
    func,
    select,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.db.base import Base, new_id
from app.jobs.tables import Job
from app.videos.tables import Video, of_a_video_in

DELIVERY_ATTEMPTS = 10


DELIVERY_LIFETIME = timedelta(days=10)  # longer than ten attempts can take


class DeliveryStatus(StrEnum):
    """Where a webhook message stands; the last three are final."""

    PENDING = "pending"  # to be sent at next_attempt_at
    DELIVERED = "delivered"  # answered with 2xx
    FAILED = "failed"  # every attempt failed
    GONE = "gone"  # the endpoint answered 410, to this message or to one before


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

    @classmethod
    def in_project(cls, project_id: UUID) -> ColumnElement[bool]:
        return of_a_video_in(project_id, cls.video_id)

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

    @classmethod
    def in_project(cls, project_id: UUID) -> ColumnElement[bool]:
        its = Delivery.__table__.alias("project_deliveries").c
        of_the_project = of_a_video_in(project_id, its.video_id)
        return cls.delivery_id.in_(select(its.id).where(of_the_project))


class WebhookEndpoint(Base):
    """How a host and port that webhooks are sent to answered lately.

    An endpoint that does not answer must not hold up the messages of others. Without a
    row it is new, with a streak of 0 it answers quickly.
    """

    __tablename__ = "webhook_endpoints"
    is_shared = True

    endpoint: Mapped[str] = mapped_column(primary_key=True)
    slow_streak: Mapped[int]  # latest attempts in a row that were slow or timed out
    paused_until: Mapped[datetime | None]  # nothing is sent before
    seen_at: Mapped[datetime]  # the latest attempt

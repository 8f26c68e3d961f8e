"""The rows of webhook messages and of their attempts."""

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ColumnElement,
    Computed,
    ForeignKey,
    Index,
    SQLColumnExpression,
    Text,
    and_,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.batches.tables import Batch
from app.core.db.base import Base, Signed, new_id
from app.core.principal import DEFAULT_PROJECT_ID
from app.jobs.tables import Job
from app.projects.tables import Project
from app.videos.tables import Video, of_a_video_in

DELIVERY_ATTEMPTS = 10


DELIVERY_LIFETIME = timedelta(days=10)  # longer than ten attempts can take


HOST = (  # and port, as a URL has them
    "lower(split_part(split_part(split_part((url)::text, '/'::text, 3), "
    "'?'::text, 1), '#'::text, 1))"
)


class DeliveryStatus(StrEnum):
    """Where a webhook message stands; all but the first are final."""

    PENDING = "pending"  # to be sent at next_attempt_at
    DELIVERED = "delivered"  # answered with 2xx
    FAILED = "failed"  # every attempt failed
    GONE = "gone"  # the endpoint answered 410, to this message or to one before
    HELD = "held"  # its webhook is switched off; a replay sends it; only shown


class Webhook(Signed, Base):
    """An address that a project has its messages sent to.

    Its secret is not kept: it follows from the service's own and the salt.
    """

    __tablename__ = "webhooks"
    __table_args__ = (Index(None, "project_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    project_id: Mapped[UUID] = mapped_column(
        ForeignKey(Project.id), default=DEFAULT_PROJECT_ID
    )
    url: Mapped[str]
    description: Mapped[str | None]
    events: Mapped[list[str]] = mapped_column(ARRAY(Text))  # which types: `video.*`
    secret_salt: Mapped[str]
    secret_sha256: Mapped[str]  # its beginning; another one: the service's has changed
    previous_salt: Mapped[str | None]  # of the secret before
    previous_until: Mapped[datetime | None]  # that one signs as well until then
    failing_since: Mapped[datetime | None]  # the first failure since anything arrived
    failures: Mapped[int] = mapped_column(default=0, server_default="0")  # since then
    disabled_at: Mapped[datetime | None]  # null: messages are sent
    disabled_reason: Mapped[str | None]
    created_at: Mapped[datetime]

    @classmethod
    def in_project(cls, project_id: UUID) -> ColumnElement[bool]:
        return cls.project_id == project_id


def _in_project(
    project_id: UUID,
    video_id: SQLColumnExpression[UUID | None],
    webhook_id: SQLColumnExpression[UUID | None],
    batch_id: SQLColumnExpression[UUID | None],
) -> ColumnElement[bool]:
    """Tell which messages are of a webhook, a video or a batch of the project."""
    its = Webhook.__table__.alias("project_webhooks").c  # no entity: asked no further
    batches = Batch.__table__.alias("project_batches").c
    return or_(
        of_a_video_in(project_id, video_id),
        webhook_id.in_(select(its.id).where(its.project_id == project_id)),
        batch_id.in_(select(batches.id).where(batches.project_id == project_id)),
    )


class Delivery(Base):
    """One webhook message: the body as it is sent, and when to send it next."""

    __tablename__ = "deliveries"
    __table_args__ = (
        CheckConstraint(
            "status in ('pending','delivered','failed','gone','held')", name="status"
        ),
        Index(
            "ix_deliveries_due",
            "next_attempt_at",
            postgresql_where=text("status = 'pending'"),
        ),
        *(
            Index(
                f"ix_deliveries_pending_{column}",
                column,
                "next_attempt_at",
                postgresql_where=text("status = 'pending'"),
            )
            for column in ("receiver", "endpoint")
        ),
        Index(None, "webhook_id", "id"),
        Index(None, "video_id"),
        Index(None, "job_id"),
        Index(None, "batch_id", postgresql_where=text("batch_id is not null")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    webhook_id: Mapped[UUID | None] = mapped_column(
        ForeignKey(Webhook.id, ondelete="CASCADE")
    )  # null: it goes to the callback URL of its video
    video_id: Mapped[UUID | None] = mapped_column(
        ForeignKey(Video.id, ondelete="CASCADE")
    )
    job_id: Mapped[UUID | None] = mapped_column(ForeignKey(Job.id, ondelete="CASCADE"))
    batch_id: Mapped[UUID | None] = mapped_column(
        ForeignKey(Batch.id, ondelete="CASCADE")
    )  # with no webhook: it goes to the callback URL of the batch
    type: Mapped[str]  # such as video.completed
    url: Mapped[str]
    # What may hang, and then holds up its own messages alone: the webhook, else the
    # host and port of the URL.
    endpoint: Mapped[str] = mapped_column(
        "receiver", Computed(f"COALESCE((webhook_id)::text, {HOST})", persisted=True)
    )
    # The release before goes by it.
    host: Mapped[str] = mapped_column("endpoint", Computed(HOST, persisted=True))
    body: Mapped[str]  # the exact text that is signed and sent
    traceparent: Mapped[str | None]  # the trace that it belongs to, as W3C writes it
    status: Mapped[str] = mapped_column(default=DeliveryStatus.PENDING)
    # Of a failed one: its webhook was switched off. `shown_status` tells it; a status
    # of its own would be one that the release before cannot read.
    is_held: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
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
        return _in_project(project_id, cls.video_id, cls.webhook_id, cls.batch_id)

    @property
    def shown_status(self) -> DeliveryStatus:
        """Where it stands, with what is held told apart."""
        return DeliveryStatus.HELD if self.is_held else DeliveryStatus(self.status)

    @classmethod
    def stands_at(cls, statuses: Collection[str]) -> ColumnElement[bool]:
        """Tell those whose shown status is one of these."""
        others = and_(cls.status.in_(statuses), ~cls.is_held)
        if DeliveryStatus.HELD not in statuses:
            return others
        return or_(others, cls.is_held)

    def close(self, status: DeliveryStatus) -> None:
        """End the message; nothing more is sent unless somebody asks."""
        self.is_held = status is DeliveryStatus.HELD
        self.status = DeliveryStatus.FAILED if self.is_held else status
        self.next_attempt_at = None
        self.locked_until = None
        self.finished_at = func.now()

    def send_again(self) -> None:
        """Make the message due at once; it gets one more attempt at the least."""
        self.attempts_allowed = max(self.attempts_allowed, self.attempt + 1)
        self.status, self.is_held = DeliveryStatus.PENDING, False
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
        of_the_project = _in_project(
            *(project_id, its.video_id, its.webhook_id, its.batch_id)
        )
        return cls.delivery_id.in_(select(its.id).where(of_the_project))


class WebhookEndpoint(Base):
    """How a webhook, or the host and port of callback URLs, answered lately.

    An endpoint that does not answer must not hold up the messages of others. Without a
    row it is new, with a streak of 0 it answers quickly.
    """

    __tablename__ = "webhook_endpoints"
    is_shared = True

    endpoint: Mapped[str] = mapped_column(primary_key=True)
    slow_streak: Mapped[int]  # latest attempts in a row that were slow or timed out
    paused_until: Mapped[datetime | None]  # nothing is sent before
    seen_at: Mapped[datetime]  # the latest attempt

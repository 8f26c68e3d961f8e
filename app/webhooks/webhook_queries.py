"""Statements about webhooks and the messages to them.

No session is opened here. Times are compared with the database's clock alone. Whoever
locks a webhook and messages to it locks the webhook first.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, Update, func, or_, select, update
from sqlalchemy.orm import selectinload

from app.projects.tables import Project
from app.webhooks.message_types import PING
from app.webhooks.tables import (
    DELIVERY_LIFETIME,
    Delivery,
    DeliveryStatus,
    Webhook,
)

IN_ORDER = timedelta(microseconds=1)  # between two messages that are due at once


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which messages to a webhook are looked at; times are those of their making."""

    statuses: Collection[str] = ()  # empty: any; so the next
    types: Collection[str] = ()
    since: datetime | None = None
    until: datetime | None = None  # not included


def webhooks_to_tell(project_id: UUID, held_for: timedelta) -> Select[Webhook]:
    """List the webhooks of a project that get its messages, or have them held.

    They can be changed meanwhile, but not deleted.
    """
    return (
        select(Webhook)
        .where(
            Webhook.project_id == project_id,
            or_(
                Webhook.disabled_at.is_(None),
                Webhook.disabled_at > func.now() - held_for,
            ),
        )
        .order_by(Webhook.id)
        .with_for_update(read=True, key_share=True)
    )


def webhooks_page(*, before: UUID | None, limit: int) -> Select[Webhook]:
    """A page of webhooks, the newest first."""
    statement = select(Webhook)
    if before is not None:
        statement = statement.where(Webhook.id < before)
    return statement.order_by(Webhook.id.desc()).limit(limit + 1)


def webhook_row(webhook_id: UUID) -> Select[Webhook]:
    """One webhook."""
    return select(Webhook).where(Webhook.id == webhook_id)


def webhook_to_change(webhook_id: UUID) -> Select[Webhook]:
    """One webhook, locked; messages to it can be made meanwhile."""
    return webhook_row(webhook_id).with_for_update(key_share=True)


def hold_webhooks(project_id: UUID) -> Select[UUID]:
    """Wait until nobody else adds a webhook to a project, and keep others so."""
    return (
        select(Project.id)
        .where(Project.id == project_id)
        .with_for_update(key_share=True)
    )


def number_of_webhooks() -> Select[int]:
    """Count the webhooks of the project."""
    return select(func.count(Webhook.id))


def signing_rows(
    ids: Collection[UUID],
) -> Select[UUID, str, str, str | None, bool | None]:
    """Give what signs for webhooks: id, salt, fingerprint, the salt before and whether
    that one still counts.
    """
    return select(
        Webhook.id,
        Webhook.secret_salt,
        Webhook.secret_sha256,
        Webhook.previous_salt,
        Webhook.previous_until > func.now(),
    ).where(Webhook.id.in_(ids))


def webhook_deliveries_page(
    webhook_id: UUID, wanted: DeliveryFilter, *, before: UUID | None, limit: int
) -> Select[Delivery]:
    """A page of the messages to a webhook with their attempts, the newest first."""
    statement = _to_webhook(webhook_id, wanted)
    if before is not None:
        statement = statement.where(Delivery.id < before)
    return (
        statement.options(selectinload(Delivery.attempts))
        .order_by(Delivery.id.desc())
        .limit(limit + 1)
    )


def webhook_delivery(webhook_id: UUID, delivery_id: UUID) -> Select[Delivery]:
    """One message to a webhook with its attempts."""
    return (
        select(Delivery)
        .where(Delivery.webhook_id == webhook_id, Delivery.id == delivery_id)
        .options(selectinload(Delivery.attempts))
    )


def messages_to_replay(
    webhook_id: UUID, wanted: DeliveryFilter, *, limit: int
) -> Select[UUID, datetime]:
    """Lock the oldest messages of a stretch of time that have ended."""
    return (
        _to_webhook(webhook_id, wanted)
        .with_only_columns(Delivery.id, Delivery.created_at)
        .where(Delivery.type != PING, Delivery.status != DeliveryStatus.PENDING)
        .order_by(Delivery.created_at, Delivery.id)
        .limit(limit)
        .with_for_update()
    )


def replay(ids: Collection[UUID], *, url: str) -> Update:
    """Make messages due at once, the oldest first, whatever came of them before."""
    place = func.row_number().over(order_by=(Delivery.created_at, Delivery.id))
    placed = (
        select(Delivery.id, place.label("place")).where(Delivery.id.in_(ids)).subquery()
    )
    return (
        update(Delivery)
        .where(Delivery.id == placed.c.id)
        .values(
            status=DeliveryStatus.PENDING,
            is_held=False,
            url=url,
            attempts_allowed=func.greatest(
                Delivery.attempts_allowed, Delivery.attempt + 1
            ),
            next_attempt_at=func.now() + placed.c.place * IN_ORDER,
            expires_at=func.now() + DELIVERY_LIFETIME,
            finished_at=None,
        )
        .execution_options(synchronize_session=False)
    )


def redirect_deliveries(webhook_id: UUID, url: str) -> Update:
    """Have what waits for a webhook sent to another address."""
    return (
        update(Delivery)
        .where(
            Delivery.webhook_id == webhook_id, Delivery.status == DeliveryStatus.PENDING
        )
        .values(url=url)
        .execution_options(synchronize_session=False)
    )


def hold_deliveries(webhook_id: UUID) -> Update:
    """Put aside what waits for a webhook that is switched off.

    An attempt under way goes on; it is written when it ends, and if the message arrives
    it counts. It is held all the same: its sender may die, and nobody else is to send.
    """
    waiting = (
        select(Delivery.id)
        .where(
            Delivery.webhook_id == webhook_id,
            Delivery.status == DeliveryStatus.PENDING,
            Delivery.type != PING,
        )
        .with_for_update(skip_locked=True)
    )
    return (
        update(Delivery)
        .where(Delivery.id.in_(waiting))
        .values(
            status=DeliveryStatus.FAILED,
            is_held=True,
            next_attempt_at=None,
            locked_until=None,
            finished_at=func.now(),
        )
        .execution_options(synchronize_session=False)
    )


def _to_webhook(webhook_id: UUID, wanted: DeliveryFilter) -> Select[Delivery]:
    statement = select(Delivery).where(Delivery.webhook_id == webhook_id)
    if wanted.statuses:
        statement = statement.where(Delivery.stands_at(wanted.statuses))
    if wanted.types:
        statement = statement.where(Delivery.type.in_(wanted.types))
    if wanted.since is not None:
        statement = statement.where(Delivery.created_at >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(Delivery.created_at < wanted.until)
    return statement

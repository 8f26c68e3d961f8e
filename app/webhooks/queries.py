"""Statements about webhook messages: which are due, claim them, put them off.

No session is opened here. Times are compared with the database's clock alone.
"""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Delete,
    ScalarSelect,
    Select,
    Update,
    and_,
    case,
    delete,
    func,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import selectinload
from sqlalchemy.sql.dml import ReturningInsert

from app.webhooks.tables import (
    Delivery,
    DeliveryStatus,
    Webhook,
    WebhookEndpoint,
)

IDLE_ENDPOINT = timedelta(days=30)  # then it is forgotten, and new if it comes back


def due_deliveries(*, limit: int) -> Select[UUID]:
    """List the webhook messages to be sent now and held by nobody."""
    return (
        select(Delivery.id)
        .where(_is_due())
        .order_by(Delivery.next_attempt_at)
        .limit(limit)
    )


def sendable_deliveries(
    *, per_endpoint: int, limit: int
) -> Select[UUID, str, int | None, int]:
    """List due messages, a few of each endpoint, the quick endpoints first.

    Endpoints that are paused or have enough messages under way are left out, so that
    one with a thousand messages hides no other. A slow one has one at a time.

    Returns:
        Rows of id, endpoint, its slow streak (None: new), messages under way to it.
    """
    streak = WebhookEndpoint.slow_streak
    endpoints = select(Delivery.endpoint).where(_is_due()).distinct().subquery()
    under_way = (
        select(Delivery.endpoint, func.count().label("number"))
        .where(
            Delivery.status == DeliveryStatus.PENDING,
            Delivery.locked_until > func.now(),
        )
        .group_by(Delivery.endpoint)
        .subquery()
    )
    first = (
        select(Delivery.id, Delivery.next_attempt_at)
        .where(Delivery.endpoint == endpoints.c.endpoint, _is_due())
        .order_by(Delivery.next_attempt_at, Delivery.id)
        .limit(per_endpoint)
        .lateral()
    )
    number = func.coalesce(under_way.c.number, 0)
    is_slow = func.coalesce(streak, 0) > 0
    return (
        select(first.c.id, endpoints.c.endpoint, streak, number)
        .select_from(endpoints)
        .join(first, true())
        .outerjoin(under_way, under_way.c.endpoint == endpoints.c.endpoint)
        .outerjoin(WebhookEndpoint, WebhookEndpoint.endpoint == endpoints.c.endpoint)
        .where(
            or_(
                WebhookEndpoint.paused_until.is_(None),
                WebhookEndpoint.paused_until <= func.now(),
            ),
            number < case((is_slow, 1), else_=per_endpoint),
        )
        .order_by(is_slow, streak.is_(None), first.c.next_attempt_at, first.c.id)
        .limit(limit)
    )


def claim_deliveries(ids: Collection[UUID], *, hold: timedelta) -> Update:
    """Take due messages for one attempt each; no row: not due, done, or somebody's.

    One to a webhook goes to where that is now: it may have been moved while a
    transaction that had read its address before was making the message.
    """
    free = (
        select(Delivery.id)
        .where(Delivery.id.in_(ids), _is_due())
        .with_for_update(skip_locked=True)
    )
    return (
        update(Delivery)
        .where(Delivery.id.in_(free))
        .values(
            url=func.coalesce(_address_now(), Delivery.url),
            locked_until=func.now() + hold,
            attempt=Delivery.attempt + 1,
        )
        .execution_options(synchronize_session=False)
    )


def release_delivery(delivery_id: UUID, *, attempt: int, wait: timedelta) -> Update:
    """Give back a claimed message that was not sent; the attempt does not count."""
    return (
        update(Delivery)
        .where(
            Delivery.id == delivery_id,
            Delivery.status == DeliveryStatus.PENDING,
            Delivery.attempt == attempt,
        )
        .values(
            locked_until=None,
            attempt=attempt - 1,
            next_attempt_at=func.now() + wait,
        )
        .execution_options(synchronize_session=False)
    )


def close_spent_deliveries() -> Update:
    """End as failed what waits but may not be sent any more: tried out, or too old."""
    spent = (
        select(Delivery.id)
        .where(
            Delivery.status == DeliveryStatus.PENDING,
            _is_free(),
            or_(
                Delivery.attempt >= Delivery.attempts_allowed,
                Delivery.expires_at < func.now(),
            ),
        )
        .with_for_update(skip_locked=True)
    )
    return (
        update(Delivery)
        .where(Delivery.id.in_(spent))
        .values(
            status=DeliveryStatus.FAILED,
            next_attempt_at=None,
            locked_until=None,
            finished_at=func.now(),
        )
        .execution_options(synchronize_session=False)
    )


def last_delivery_status(*, video_id: UUID, url: str) -> Select[str]:
    """Tell how the message that ended last went; no row: none has ended."""
    return (
        select(Delivery.status)
        .where(
            Delivery.webhook_id.is_(None),
            Delivery.video_id == video_id,
            Delivery.url == url,
            Delivery.finished_at.is_not(None),
        )
        .order_by(Delivery.finished_at.desc())
        .limit(1)
    )


def idle_deliveries(*, video_id: UUID, url: str) -> Select[Delivery]:
    """Lock the messages of a video that wait and are not under way."""
    return (
        select(Delivery)
        .where(
            Delivery.webhook_id.is_(None),
            Delivery.video_id == video_id,
            Delivery.url == url,
            Delivery.status == DeliveryStatus.PENDING,
            _is_free(),
        )
        .with_for_update(skip_locked=True)
    )


def save_endpoint(endpoint: str, *, is_slow: bool) -> ReturningInsert[int]:
    """Note how an endpoint answered; returns its streak of slow attempts."""
    row = {
        "slow_streak": WebhookEndpoint.slow_streak + 1 if is_slow else 0,
        "paused_until": None,
        "seen_at": func.now(),
    }
    first = {**row, "slow_streak": int(is_slow)}
    return (
        insert(WebhookEndpoint)
        .values(endpoint=endpoint, **first)
        .on_conflict_do_update(index_elements=[WebhookEndpoint.endpoint], set_=row)
        .returning(WebhookEndpoint.slow_streak)
    )


def pause_endpoint(endpoint: str, *, pause: timedelta) -> Update:
    """Send an endpoint nothing for a while."""
    return (
        update(WebhookEndpoint)
        .where(WebhookEndpoint.endpoint == endpoint)
        .values(paused_until=func.now() + pause)
    )


def resume_endpoint(endpoint: str) -> Update:
    """Send to an endpoint again at once, one message at a time until it answers."""
    return (
        update(WebhookEndpoint)
        .where(WebhookEndpoint.endpoint == endpoint)
        .values(paused_until=None)
    )


def put_off_deliveries(endpoint: str, *, wait: timedelta) -> Update:
    """Let the idle messages to an endpoint wait, without costing them an attempt."""
    idle = (
        select(Delivery.id)
        .where(
            Delivery.endpoint == endpoint,
            Delivery.status == DeliveryStatus.PENDING,
            Delivery.next_attempt_at < func.now() + wait,
            _is_free(),
        )
        .with_for_update(skip_locked=True)
    )
    return (
        update(Delivery)
        .where(Delivery.id.in_(idle))
        .values(next_attempt_at=func.now() + wait)
        .execution_options(synchronize_session=False)
    )


def forget_idle_endpoints() -> Delete:
    """Drop the endpoints that nothing was sent to for long."""
    return delete(WebhookEndpoint).where(
        WebhookEndpoint.seen_at < func.now() - IDLE_ENDPOINT
    )


def _address_now() -> ScalarSelect[str]:
    """Where the webhook of a message is; null: it goes to a callback URL."""
    return (
        select(Webhook.url).where(Webhook.id == Delivery.webhook_id).scalar_subquery()
    )


def _is_due() -> ColumnElement[bool]:
    return and_(
        Delivery.status == DeliveryStatus.PENDING,
        Delivery.next_attempt_at <= func.now(),
        Delivery.attempt < Delivery.attempts_allowed,
        _is_free(),
    )


def _is_free() -> ColumnElement[bool]:
    """Nobody sends it now."""
    return or_(Delivery.locked_until.is_(None), Delivery.locked_until < func.now())


def deliveries_page(
    video_id: UUID, *, before: UUID | None, limit: int
) -> Select[Delivery]:
    """A page of a video's messages to its callback URL, the newest first."""
    statement = (
        select(Delivery)
        .where(Delivery.video_id == video_id, Delivery.webhook_id.is_(None))
        .options(selectinload(Delivery.attempts))
    )
    if before is not None:
        statement = statement.where(Delivery.id < before)
    return statement.order_by(Delivery.id.desc()).limit(limit + 1)


def delivery_with_attempts(delivery_id: UUID) -> Select[Delivery]:
    """One message to a callback URL with its attempts."""
    return (
        select(Delivery)
        .where(Delivery.id == delivery_id, Delivery.webhook_id.is_(None))
        .options(selectinload(Delivery.attempts))
    )

"""One webhook message, one attempt: claim it, sign it, POST it, record what came.

About ten attempts over three days; an attempt is claimed in the database first, so
that two workers never send the same one at once.
"""

import random
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from uuid import UUID

import structlog
from sqlalchemy.orm import Session, sessionmaker

from app.core.db.base import utc_now
from app.core.db.job_queries import claim_delivery, idle_deliveries
from app.core.db.models import Delivery, DeliveryAttempt, DeliveryStatus
from app.core.errors import CallbackRefused
from app.core.settings import Network
from app.core.webhooks import check_callback_url, sign
from worker.outbound import DEADLINE_S, Answer, PostFailed, post

# Waits after the first, second, ... failed attempt: ten attempts in some three days.
WAITS = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 60, 300, 1800, 7200, 18000, 36000, 72000, 108000)
)
JITTER = 0.2  # a wait is stretched by up to this share, so that retries spread out
MAX_RETRY_AFTER = timedelta(days=1)
HOLD = timedelta(seconds=4 * DEADLINE_S)  # resolver and POST take no longer

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Post:
    """How messages are sent: the secret, where they may go, whom TLS trusts."""

    secret: str
    allow_nets: Sequence[Network] = ()
    tls: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt: an answer, or the reason why there is none."""

    duration_ms: int
    answer: Answer | None = None
    error: str | None = None


def deliver(
    delivery_id: UUID, *, sessions: sessionmaker[Session], sender: Post
) -> DeliveryStatus | None:
    """Make one attempt at a message that is due; None if it is not to be had.

    A second call for the same attempt finds the row held or done and goes home. No
    transaction is open while the other server is waited for.
    """
    with sessions.begin() as session:
        claimed = session.execute(
            claim_delivery(delivery_id, hold=HOLD).returning(
                Delivery.url, Delivery.body, Delivery.attempt
            )
        ).one_or_none()
    if claimed is None:
        return None
    url, body, number = claimed

    at = utc_now()
    outcome = _attempt(delivery_id, url, body.encode(), sender=sender, at=at)
    with sessions.begin() as session:
        delivery = session.get(Delivery, delivery_id, with_for_update=True)
        if delivery is None:  # The video was deleted meanwhile, and this with it.
            return None
        _record(session, delivery, outcome, number=number, at=at)
        status = DeliveryStatus(delivery.status)
    log.info(
        "webhook_attempt",
        delivery=str(delivery_id),
        attempt=number,
        status=status,
        answer=outcome.answer.status_code if outcome.answer else None,
        error=outcome.error,
    )
    return status


def next_wait(attempt: int, *, retry_after: timedelta | None) -> timedelta | None:
    """Tell how long to wait after failed attempt number `attempt`; None: give up.

    `Retry-After` can only lengthen a wait, and not beyond a day.
    """
    if attempt > len(WAITS):
        return None
    wait = WAITS[attempt - 1] * random.uniform(1, 1 + JITTER)  # noqa: S311  # no secret
    if retry_after is None:
        return wait
    return max(wait, min(retry_after, MAX_RETRY_AFTER))


def read_retry_after(value: str | None, *, now: datetime) -> timedelta | None:
    """Read a Retry-After header: seconds or an HTTP date; None if it is neither."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return timedelta(seconds=min(int(value), MAX_RETRY_AFTER.total_seconds()))
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(until - now, timedelta(0))


def _attempt(
    delivery_id: UUID, url: str, body: bytes, *, sender: Post, at: datetime
) -> Outcome:
    started = time.monotonic()
    answer, error = None, None
    try:
        callback = check_callback_url(url, sender.allow_nets)
        signature = sign(
            sender.secret,
            message_id=str(delivery_id),
            timestamp_s=int(at.timestamp()),
            body=body,
        )
        headers = {
            "content-type": "application/json",
            "user-agent": "touchline-webhook/1",
            **signature,
        }
        answer = post(callback, headers=headers, body=body, tls=sender.tls)
    except CallbackRefused as exc:
        error = f"refused: {exc.detail}"
    except PostFailed as exc:
        error = str(exc)
    return Outcome(int((time.monotonic() - started) * 1000), answer, error)


def _record(
    session: Session,
    delivery: Delivery,
    outcome: Outcome,
    *,
    number: int,
    at: datetime,
) -> None:
    """Write down the attempt and decide what becomes of the message."""
    answer = outcome.answer
    session.add(
        DeliveryAttempt(
            delivery_id=delivery.id,
            number=number,
            at=at,
            duration_ms=outcome.duration_ms,
            status_code=answer.status_code if answer else None,
            error=outcome.error,
        )
    )
    delivery.locked_until = None
    if answer is not None and 200 <= answer.status_code < 300:
        delivery.close(DeliveryStatus.DELIVERED, at=at)
        return
    if answer is not None and answer.status_code == 410:
        delivery.close(DeliveryStatus.GONE, at=at)
        others = idle_deliveries(video_id=delivery.video_id, url=delivery.url)
        for other in session.scalars(others).all():
            other.close(DeliveryStatus.GONE, at=at)
        return
    retry_after = read_retry_after(answer.retry_after if answer else None, now=at)
    wait = next_wait(number, retry_after=retry_after)
    if wait is None:
        delivery.close(DeliveryStatus.FAILED, at=at)
        return
    delivery.next_attempt_at = at + wait

"""One attempt at a webhook message in the database: claim it, record what came of it.

About ten attempts over three days. An attempt is counted when it is claimed, so that
one that cannot be recorded counts too; two workers never claim the same one at once.
"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.webhooks.queries import (
    claim_deliveries,
    idle_deliveries,
    pause_endpoint,
    put_off_deliveries,
    save_endpoint,
    sendable_deliveries,
)
from app.webhooks.secrets import SigningKey
from app.webhooks.tables import Delivery, DeliveryAttempt, DeliveryStatus, Webhook
from app.webhooks.webhook_queries import webhook_to_change
from app.webhooks.webhook_service import signing_keys
from app.webhooks.webhook_state import note_arrival, note_failure
from worker.webhooks.lanes import Lane, Lanes
from worker.webhooks.outbound import Answer
from worker.webhooks.retries import next_wait, pause_after, read_retry_after

PER_ENDPOINT = 2  # messages under way to one host and port
SLOW_MS = 5_000  # an attempt that took longer makes its endpoint a slow one

# Held while messages are claimed, so that several workers keep to PER_ENDPOINT.
ONE_CLAIM = 7_164_003
TURN_TRIES = 50
TURN_PAUSE_S = 0.02

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Message:
    """A message claimed for one attempt.

    Attributes:
        signing: who signs; None: the service itself, for a callback URL.
        video_id, job_id: what it tells of, if it is one of them.
        traceparent: of the trace that it belongs to.
    """

    id: UUID
    url: str
    endpoint: str
    body: bytes
    number: int  # of this attempt, from 1
    lane: Lane
    signing: SigningKey | None = None
    video_id: UUID | None = None
    job_id: UUID | None = None
    traceparent: str | None = None

    @property
    def about(self) -> dict[str, str]:
        """The ids of what it tells of."""
        ids = {"video": self.video_id, "job": self.job_id}
        return {name: str(one) for name, one in ids.items() if one is not None}

    @property
    def names_in_log(self) -> dict[str, str]:
        """What lines of the log tell it by."""
        return {"delivery": str(self.id), **self.about}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt: an answer, or the reason why there is none.

    Attributes:
        at: when it began, by the clock of this machine.
    """

    at: datetime
    duration_ms: int
    answer: Answer | None = None
    error: str | None = None
    is_timeout: bool = False

    @property
    def has_arrived(self) -> bool:
        """Whether the receiver has the message."""
        return self.answer is not None and 200 <= self.answer.status_code < 300


def claim_due(session: Session, lanes: Lanes, *, hold: timedelta) -> list[Message]:
    """Take as many due messages as there is room for, in their order.

    Those of a paused endpoint, and those there is no room for, are left as they are:
    that costs them no attempt.
    """
    _take_turn(session)
    found = session.execute(
        sendable_deliveries(per_endpoint=PER_ENDPOINT, limit=2 * lanes.places)
    )
    chosen: dict[UUID, Lane] = {}
    room: dict[str, int] = {}
    lanes = lanes.copy()
    for delivery_id, endpoint, slow_streak, under_way in found:
        lane = Lane.of(slow_streak)
        most = 1 if lane is Lane.SLOW else PER_ENDPOINT
        left = room.setdefault(endpoint, most - under_way)
        if left > 0 and lanes.has_room(lane):
            room[endpoint] = left - 1
            lanes.enter(lane)
            chosen[delivery_id] = lane
    if not chosen:
        return []
    claimed = session.execute(
        claim_deliveries(chosen, hold=hold).returning(
            Delivery.id,
            Delivery.url,
            Delivery.endpoint,
            Delivery.body,
            Delivery.attempt,
            Delivery.webhook_id,
            Delivery.video_id,
            Delivery.job_id,
            Delivery.traceparent,
        )
    ).all()
    keys = signing_keys(session, {row.webhook_id for row in claimed})
    return [
        Message(
            *(row.id, row.url, row.endpoint, row.body.encode()),
            number=row.attempt,
            lane=chosen[row.id],
            signing=None if row.webhook_id is None else keys[row.webhook_id],
            video_id=row.video_id,
            job_id=row.job_id,
            traceparent=row.traceparent,
        )
        for row in claimed
        if row.webhook_id is None or row.webhook_id in keys  # else just deleted
    ]


def record(
    session: Session, message: Message, outcome: Outcome
) -> DeliveryStatus | None:
    """Write down an attempt and decide what becomes of the message; None: it is gone.

    What becomes of the endpoint too: after a timeout it rests for a while. A webhook
    that takes nothing for days is switched off.
    """
    webhook = None
    if message.signing is not None:
        query = webhook_to_change(message.signing.webhook_id)
        webhook = session.scalars(query).one_or_none()
    delivery = session.get(Delivery, message.id, with_for_update=True)
    if delivery is None:  # The video was deleted meanwhile, and this with it.
        return None
    answer = outcome.answer
    session.add(
        DeliveryAttempt(
            delivery_id=message.id,
            number=message.number,
            at=outcome.at,
            duration_ms=outcome.duration_ms,
            status_code=answer.status_code if answer else None,
            error=outcome.error,
        )
    )
    is_ours = delivery.attempt == message.number
    _decide(session, delivery, outcome, webhook, is_ours=is_ours)
    session.flush()
    if webhook is not None:
        _note_webhook(session, webhook, outcome)
    _note_endpoint(session, message.endpoint, outcome)
    return delivery.shown_status


def _take_turn(session: Session) -> None:
    """Wait for a worker that is claiming now; one that takes long is not waited for.

    Without its turn a worker may give an endpoint more at once than it should get;
    with one that never comes nothing would be sent.
    """
    for _ in range(TURN_TRIES):
        if session.scalar(select(func.pg_try_advisory_xact_lock(ONE_CLAIM))):
            return
        time.sleep(TURN_PAUSE_S)


def _decide(
    session: Session,
    delivery: Delivery,
    outcome: Outcome,
    webhook: Webhook | None,
    *,
    is_ours: bool,
) -> None:
    """Close the message or let it wait for its next attempt.

    If our hold ran out, another may be at it (not `is_ours`), or it was closed: then
    only an arrival counts.
    """
    answer = outcome.answer
    if outcome.has_arrived:
        delivery.close(DeliveryStatus.DELIVERED)
        return
    if not is_ours or delivery.status != DeliveryStatus.PENDING:
        return
    delivery.locked_until = None
    if answer is not None and answer.status_code == 410:
        delivery.close(DeliveryStatus.GONE)
        if webhook is None and delivery.video_id is not None:
            others = idle_deliveries(video_id=delivery.video_id, url=delivery.url)
            for other in session.scalars(others).all():
                other.close(DeliveryStatus.GONE)
        return
    retry_after = read_retry_after(
        answer.retry_after if answer else None, now=outcome.at
    )
    wait = next_wait(
        delivery.attempt, retry_after=retry_after, allowed=delivery.attempts_allowed
    )
    if wait is None:
        delivery.close(DeliveryStatus.FAILED)
        return
    if webhook is not None and webhook.disabled_at is not None:
        delivery.close(DeliveryStatus.HELD)
        return
    delivery.next_attempt_at = func.now() + wait


def _note_endpoint(session: Session, endpoint: str, outcome: Outcome) -> None:
    """Note how the endpoint answered; after a timeout, put off what else waits for it.

    A refused connection or an error is an answer here: it held nobody up.
    """
    is_slow = outcome.is_timeout or outcome.duration_ms > SLOW_MS
    streak = session.execute(save_endpoint(endpoint, is_slow=is_slow)).scalar_one()
    if not outcome.is_timeout:
        return
    pause = pause_after(streak)
    session.execute(pause_endpoint(endpoint, pause=pause))
    session.execute(put_off_deliveries(endpoint, wait=pause))
    log.info("webhook_endpoint_paused", endpoint=endpoint, seconds=pause.seconds)


def _note_webhook(session: Session, webhook: Webhook, outcome: Outcome) -> None:
    """Note whether a webhook takes its messages, and switch it off if it does not."""
    if outcome.has_arrived:
        note_arrival(webhook)
        return
    status = outcome.answer.status_code if outcome.answer else None
    why = outcome.error or f"it answered {status}"
    if note_failure(session, webhook, why=why, is_gone=status == 410):
        log.warning("webhook_disabled", webhook=str(webhook.id), why=why)

"""Webhook messages of an uploaded video: written, sent once, looked at."""

import asyncio
import ipaddress
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select

from app.core.db.base import utc_now
from app.core.db.session import Sessions
from app.webhooks.service import JobOutcome, add_delivery, make_delivery
from app.webhooks.tables import Delivery, DeliveryAttempt, DeliveryStatus
from tests.integration.uploaded import Uploaded
from worker.webhooks.attempt import Post
from worker.webhooks.sender import Dispatcher

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SENDER = Post(secret=SECRET, allow_nets=(ipaddress.ip_network("127.0.0.0/8"),))


def write_message(job: Uploaded, url: str) -> UUID:
    ending = JobOutcome(job.video_id, job.job_id, "succeeded", {"PASS": 2})
    delivery = make_delivery(ending, url=url, base_url="http://h", now=utc_now())
    with job.sessions.begin() as session:
        session.add(delivery)
    return delivery.id


def add_message(
    job: Uploaded, url: str, *, now: datetime | None = None
) -> tuple[UUID, UUID | None]:
    """Add a message as an ending job does; tells its id and the one to announce."""
    before = {delivery.id for delivery in job.deliveries()}
    ending = JobOutcome(job.video_id, job.job_id, "succeeded", {})
    with job.sessions.begin() as session:
        announced = add_delivery(
            session, ending, url=url, base_url="http://h", now=now or utc_now()
        )
    (added,) = {delivery.id for delivery in job.deliveries()} - before
    return added, announced


def read(job: Uploaded, delivery_id: UUID) -> tuple[Delivery, list[DeliveryAttempt]]:
    with job.sessions() as session:
        query = select(DeliveryAttempt).where(
            DeliveryAttempt.delivery_id == delivery_id
        )
        attempts = session.scalars(query.order_by(DeliveryAttempt.number)).all()
        return session.get_one(Delivery, delivery_id), list(attempts)


def deliver(
    delivery_id: UUID,
    *,
    sessions: Sessions,
    sender: Post = SENDER,
    clock: Callable[[], datetime] = utc_now,
) -> DeliveryStatus | None:
    """Send once what is due; None if this message was not sent, or is gone."""
    before = _attempt_of(delivery_id, sessions)

    async def send() -> None:
        dispatcher = Dispatcher(sessions=sessions, how=sender, clock=clock)
        await dispatcher.fill()
        await dispatcher.finish()

    asyncio.run(send())
    if _attempt_of(delivery_id, sessions) in (None, before):
        return None
    with sessions() as session:
        return DeliveryStatus(session.get_one(Delivery, delivery_id).status)


def _attempt_of(delivery_id: UUID, sessions: Sessions) -> int | None:
    with sessions() as session:
        delivery = session.get(Delivery, delivery_id)
        return None if delivery is None else delivery.attempt


def waits(job: Uploaded, delivery_id: UUID) -> timedelta:
    """Tell how long a message will wait, by the database's clock."""
    wait = func.extract("epoch", Delivery.next_attempt_at - func.now())
    with job.sessions() as session:
        found = session.scalar(select(wait).where(Delivery.id == delivery_id))
    assert found is not None
    return timedelta(seconds=float(found))


def make_due(job: Uploaded, delivery_id: UUID) -> None:
    with job.sessions.begin() as session:
        session.get_one(Delivery, delivery_id).next_attempt_at = LONG_AGO

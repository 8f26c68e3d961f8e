"""Messages to a webhook: what was sent, what came of it; ping, retry, replay."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import AwareDatetime
from sqlalchemy.orm import Session

from app.core.db.base import utc_now
from app.core.db.snapshot import snapshot
from app.core.errors import RULE, InvalidCursor, InvalidRequest
from app.core.http.dependencies import ResourcesDep
from app.core.http.pagination import PagingDep
from app.core.http.problems import WITH_JSON, problem_responses
from app.core.http.routing import AdminRoute, guarded_router
from app.webhooks.path_ids import DeliveryId, WebhookId
from app.webhooks.problems import DeliveryNotFound, WebhookIsDisabled, WebhookNotFound
from app.webhooks.queries import resume_endpoint
from app.webhooks.schemas import Delivery, DeliveryPage
from app.webhooks.service import make_ping
from app.webhooks.webhook_queries import (
    DeliveryFilter,
    webhook_deliveries_page,
    webhook_delivery,
)
from app.webhooks.webhook_schemas import DeliveryStatusName, Replay, Replayed
from app.webhooks.webhook_service import find_webhook, lock_webhook, replay_messages

router = guarded_router("webhooks", AdminRoute)

REPLAY_DAYS = 30


@router.post(
    "/webhooks/{webhook_id}/ping",
    status_code=202,
    responses=problem_responses(WebhookNotFound),
)
def ping_webhook(webhook_id: WebhookId, resources: ResourcesDep) -> Delivery:
    """Send a message that only asks whether any arrive, also if it is switched off.

    Look at what became of it: `GET /webhooks/{webhook_id}/deliveries/{delivery_id}`.
    """
    with resources.sessions.begin() as session:
        webhook = lock_webhook(session, webhook_id)
        ping = make_ping(webhook, now=utc_now())
        session.add(ping)
        session.flush()
        session.execute(resume_endpoint(ping.endpoint))
        answer = _read_delivery(session, webhook_id, ping.id)
    resources.notifier.notify_delivery(answer.id)
    return answer


@router.get(
    "/webhooks/{webhook_id}/deliveries",
    responses=problem_responses(WebhookNotFound, InvalidCursor),
)
def list_webhook_deliveries(
    paging: PagingDep,
    webhook_id: WebhookId,
    resources: ResourcesDep,
    statuses: Annotated[
        list[DeliveryStatusName] | None,
        Query(alias="status", max_length=5, description="May be given several times."),
    ] = None,
    types: Annotated[
        list[Annotated[str, Query(max_length=64)]] | None,
        Query(alias="type", max_length=50, description="May be given several times."),
    ] = None,
    since: Annotated[
        AwareDatetime | None, Query(description="Made then or later.")
    ] = None,
    until: Annotated[AwareDatetime | None, Query(description="Made before.")] = None,
) -> DeliveryPage:
    """List the messages to a webhook with every attempt, the newest first."""
    before = paging.before("deliveries")
    wanted = DeliveryFilter(statuses or (), types or (), since, until)
    with snapshot(resources) as session:
        find_webhook(session, webhook_id)
        found = session.scalars(
            webhook_deliveries_page(
                webhook_id, wanted, before=before, limit=paging.limit
            )
        ).all()
    page, next_cursor = paging.newest_first(
        "deliveries", found, id_of=lambda delivery: delivery.id
    )
    items = [Delivery.of(delivery) for delivery in page]
    return DeliveryPage(items=items, next_cursor=next_cursor)


@router.get(
    "/webhooks/{webhook_id}/deliveries/{delivery_id}",
    responses=problem_responses(WebhookNotFound, DeliveryNotFound),
)
def get_webhook_delivery(
    webhook_id: WebhookId, delivery_id: DeliveryId, resources: ResourcesDep
) -> Delivery:
    """Tell of a message to a webhook, with every attempt."""
    with snapshot(resources) as session:
        find_webhook(session, webhook_id)
        return _read_delivery(session, webhook_id, delivery_id)


@router.post(
    "/webhooks/{webhook_id}/deliveries/{delivery_id}/retry",
    status_code=202,
    responses=problem_responses(WebhookNotFound, DeliveryNotFound),
)
def retry_webhook_delivery(
    webhook_id: WebhookId, delivery_id: DeliveryId, resources: ResourcesDep
) -> Delivery:
    """Send a message to a webhook again now, whatever came of it before.

    Its `webhook-id` stays; it goes to where the webhook is now.
    """
    with resources.sessions.begin() as session:
        webhook = lock_webhook(session, webhook_id)
        delivery = session.scalars(
            webhook_delivery(webhook_id, delivery_id).with_for_update()
        ).one_or_none()
        if delivery is None:
            raise DeliveryNotFound(f"No delivery has the id {delivery_id}.")
        delivery.send_again()
        delivery.url = webhook.url
        session.flush()
        session.refresh(delivery, ["next_attempt_at"])
        session.execute(resume_endpoint(delivery.endpoint))
    resources.notifier.notify_delivery(delivery_id)
    return Delivery.of(delivery)


@router.post(
    "/webhooks/{webhook_id}/replay",
    status_code=202,
    responses=problem_responses(
        *(WebhookNotFound, WebhookIsDisabled, InvalidRequest), *WITH_JSON
    ),
)
def replay_webhook(
    webhook_id: WebhookId, wanted: Replay, resources: ResourcesDep
) -> Replayed:
    """Send the messages of a stretch of time again, the oldest first, 1,000 at a time.

    Each keeps its `webhook-id`. Pings are left out, and what is still to be sent.
    """
    if wanted.since < utc_now() - timedelta(days=REPLAY_DAYS):
        raise InvalidRequest(f"since: at most {REPLAY_DAYS} days ago.", kind=RULE)
    asked = DeliveryFilter(wanted.statuses, (), wanted.since, wanted.until)
    with resources.sessions.begin() as session:
        webhook = lock_webhook(session, webhook_id)
        done = replay_messages(session, webhook, asked)
        session.execute(resume_endpoint(str(webhook_id)))
    if done.count:
        resources.notifier.notify_delivery(webhook_id)
    return Replayed(queued=done.count, next_since=done.next_since)


def _read_delivery(session: Session, webhook_id: UUID, delivery_id: UUID) -> Delivery:
    """Read a message to a webhook.

    Raises:
        DeliveryNotFound: there is none of that id.
    """
    query = webhook_delivery(webhook_id, delivery_id)
    found = session.scalars(query.execution_options(populate_existing=True))
    delivery = found.one_or_none()
    if delivery is None:
        raise DeliveryNotFound(f"No delivery has the id {delivery_id}.")
    return Delivery.of(delivery)

"""Webhooks of a project: made, changed, given new secrets, told again."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.orm import Session

from app.core.db.base import new_id
from app.core.db.project_sessions import project_of
from app.webhooks.message_types import check_filters
from app.webhooks.problems import (
    TooManyWebhooks,
    WebhookIsDisabled,
    WebhookNotFound,
)
from app.webhooks.secrets import (
    SigningKey,
    derive_secret,
    fingerprint_of,
    new_salt,
)
from app.webhooks.tables import Webhook
from app.webhooks.webhook_queries import (
    DeliveryFilter,
    hold_webhooks,
    messages_to_replay,
    number_of_webhooks,
    redirect_deliveries,
    replay,
    signing_rows,
    webhook_row,
    webhook_to_change,
)
from app.webhooks.webhook_state import disable, enable

MAX_WEBHOOKS = 50  # of a project
MAX_REPLAYED = 1000  # messages at a time


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay has made due.

    Attributes:
        count: how many messages.
        next_since: when the first message was made that was left out; None: all are.
    """

    count: int
    next_since: datetime | None


def create_webhook(
    session: Session,
    *,
    url: str,
    description: str | None,
    events: Collection[str],
    service_secret: str,
    now: datetime,
) -> Webhook:
    """Make a webhook; its address has been checked. `secret_of` tells its secret.

    Raises:
        InvalidRequest: a filter fits no message.
        TooManyWebhooks: the project has as many as it may have.
    """
    session.execute(hold_webhooks(project_of(session)))
    if session.scalars(number_of_webhooks()).one() >= MAX_WEBHOOKS:
        raise TooManyWebhooks(
            f"A project has {MAX_WEBHOOKS} webhooks at the most; delete one first."
        )
    webhook_id, salt = new_id(), new_salt()
    secret = derive_secret(service_secret, webhook_id, salt)
    webhook = Webhook(
        id=webhook_id,
        project_id=project_of(session),
        url=url,
        description=description,
        events=check_filters(events),
        secret_salt=salt,
        secret_sha256=fingerprint_of(secret),
        created_at=now,
    )
    session.add(webhook)
    session.flush()
    return webhook


def secret_of(webhook: Webhook, service_secret: str) -> str:
    """Compute the secret that signs for a webhook now.

    Raises:
        ServiceSecretChanged: the service has another secret than when it was made.
    """
    salt, fingerprint = webhook.secret_salt, webhook.secret_sha256
    return SigningKey(webhook.id, salt, fingerprint).secrets(service_secret)[0]


def find_webhook(session: Session, webhook_id: UUID) -> Webhook:
    """Find a webhook.

    Raises:
        WebhookNotFound: there is none of that id.
    """
    return _found(session.scalars(webhook_row(webhook_id)).one_or_none(), webhook_id)


def lock_webhook(session: Session, webhook_id: UUID) -> Webhook:
    """Find a webhook and keep others from changing it.

    Raises:
        WebhookNotFound: there is none of that id.
    """
    row = session.scalars(webhook_to_change(webhook_id)).one_or_none()
    return _found(row, webhook_id)


def move_webhook(session: Session, webhook: Webhook, url: str) -> None:
    """Give a locked webhook another address, which has been checked.

    What waits for it goes there, too.
    """
    webhook.url = url
    session.flush()
    session.execute(redirect_deliveries(webhook.id, url))


def switch_webhook(session: Session, webhook: Webhook, *, on: bool, by: str) -> None:
    """Switch a locked webhook on or off; once it is, nothing happens."""
    if on and webhook.disabled_at is not None:
        enable(session, webhook)
    elif not on and webhook.disabled_at is None:
        disable(session, webhook, reason=f"Switched off by {by}.")


def rotate_secret(
    session: Session, webhook: Webhook, *, service_secret: str, overlap: timedelta
) -> str:
    """Give a locked webhook a new secret; the one before signs as well for a while."""
    salt = new_salt()
    secret = derive_secret(service_secret, webhook.id, salt)
    has_overlap = overlap > timedelta(0)
    webhook.previous_salt = webhook.secret_salt if has_overlap else None
    webhook.previous_until = func.now() + overlap if has_overlap else None
    webhook.secret_salt, webhook.secret_sha256 = salt, fingerprint_of(secret)
    session.flush()
    session.refresh(webhook, ["previous_until"])
    return secret


def replay_messages(
    session: Session, webhook: Webhook, wanted: DeliveryFilter
) -> Replayed:
    """Make messages to a locked webhook due again, the oldest first.

    Raises:
        WebhookIsDisabled: it gets no messages.
    """
    if webhook.disabled_at is not None:
        raise WebhookIsDisabled(
            "The webhook is switched off: switch it on first, by PATCH with "
            '{"enabled": true}.'
        )
    query = messages_to_replay(webhook.id, wanted, limit=MAX_REPLAYED + 1)
    found = session.execute(query).all()
    due, left = found[:MAX_REPLAYED], found[MAX_REPLAYED:]
    session.execute(replay([row.id for row in due], url=webhook.url))
    return Replayed(len(due), left[0].created_at if left else None)


def signing_keys(
    session: Session, ids: Collection[UUID | None]
) -> Mapping[UUID, SigningKey]:
    """Find what signs for each webhook that there is."""
    wanted = [one for one in ids if one is not None]
    if not wanted:
        return {}
    return {
        webhook_id: SigningKey(
            *(webhook_id, salt, fingerprint), before if still_counts else None
        )
        for webhook_id, salt, fingerprint, before, still_counts in session.execute(
            signing_rows(wanted)
        )
    }


def _found(webhook: Webhook | None, webhook_id: UUID) -> Webhook:
    if webhook is None:
        raise WebhookNotFound(f"No webhook has the id {webhook_id}.")
    return webhook

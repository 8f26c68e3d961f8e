"""When a webhook is switched off, by itself or by hand, and switched on again."""

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.webhooks.queries import resume_endpoint
from app.webhooks.tables import Webhook
from app.webhooks.webhook_queries import hold_deliveries

# A webhook is switched off once nothing has arrived for so long, in so many attempts:
# a message that failed once and a quiet week are no reason.
DISABLE_AFTER = timedelta(days=5)
DISABLE_FAILURES = 10
MAX_REASON_CHARS = 300


def note_arrival(webhook: Webhook) -> None:
    """A message has arrived at a locked webhook."""
    if webhook.failures:
        webhook.failing_since, webhook.failures = None, 0


def note_failure(
    session: Session, webhook: Webhook, *, why: str, is_gone: bool
) -> bool:
    """An attempt to reach a locked webhook has failed; tells whether it is off now.

    Args:
        why: what came of the attempt.
        is_gone: it answered 410, which says that it wants no more.
    """
    now = session.scalars(select(func.now())).one()
    webhook.failing_since = webhook.failing_since or now
    webhook.failures += 1
    if webhook.disabled_at is not None:
        return False
    is_hopeless = (
        now - webhook.failing_since >= DISABLE_AFTER
        and webhook.failures >= DISABLE_FAILURES
    )
    if not is_gone and not is_hopeless:
        return False
    since = f"{webhook.failing_since:%Y-%m-%d %H:%M} UTC"
    reason = f"Nothing has arrived since {since}; the latest attempt: {why}"
    disable(session, webhook, reason="It answered 410 Gone." if is_gone else reason)
    return True


def disable(session: Session, webhook: Webhook, *, reason: str) -> None:
    """Switch a locked webhook off; what waits for it is held."""
    webhook.disabled_at = func.now()
    webhook.disabled_reason = reason[:MAX_REASON_CHARS]
    session.flush()
    session.execute(hold_deliveries(webhook.id))


def enable(session: Session, webhook: Webhook) -> None:
    """Switch a locked webhook on; what was held waits for a replay."""
    webhook.disabled_at = webhook.disabled_reason = None
    webhook.failing_since, webhook.failures = None, 0
    session.flush()
    session.execute(resume_endpoint(str(webhook.id)))

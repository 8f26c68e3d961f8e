"""Webhooks of a project by its API, and a sender that makes one round."""

import asyncio
import ipaddress
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import standardwebhooks
from sqlalchemy import update

from app.core.db.base import utc_now
from app.core.principal import DEFAULT_PROJECT_ID
from app.webhooks.service import announce
from app.webhooks.signing import webhook_secret
from app.webhooks.tables import Delivery, Webhook
from tests.api_server import RunningApi
from worker.webhooks.attempt import Post
from worker.webhooks.sender import Dispatcher

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
NOWHERE = "http://127.0.0.1:9/hook"
Json = dict[str, Any]


def add(api: RunningApi, url: str, *events: str) -> Json:
    wanted = {"url": url, "events": events or ["*"]}
    answer = api.client.post("/webhooks", json=wanted)
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()
    return made


def change(api: RunningApi, webhook: Json, **values: object) -> Json:
    answer = api.client.patch(f"/webhooks/{webhook['id']}", json=values)
    assert answer.status_code == 200, answer.text
    changed: Json = answer.json()
    return changed


def look(api: RunningApi, webhook: Json) -> Json:
    found: Json = api.client.get(f"/webhooks/{webhook['id']}").json()
    return found


def messages(api: RunningApi, webhook: Json, **wanted: object) -> list[Json]:
    path = f"/webhooks/{webhook['id']}/deliveries"
    answer = api.client.get(path, params=wanted)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    items: list[Json] = answer.json()["items"]
    return items


def replay(api: RunningApi, webhook: Json, **wanted: object) -> httpx.Response:
    asked = {"since": (utc_now() - timedelta(hours=1)).isoformat(), **wanted}
    return api.client.post(f"/webhooks/{webhook['id']}/replay", json=asked)


def tell(
    api: RunningApi, message_type: str = "video.completed", number: int = 0
) -> None:
    """Announce something that is about no video."""
    with api.service.sessions.begin() as session:
        announce(
            session,
            message_type,
            project_id=DEFAULT_PROJECT_ID,
            data={"number": number},
        )


def send(api: RunningApi, *, secret: str | None = None, deadline_s: float = 15) -> None:
    """Make one round, as a sender does that has just started."""
    service_secret = secret or webhook_secret(api.service.settings)
    how = Post(secret=service_secret, allow_nets=LOOPBACK, deadline_s=deadline_s)

    async def run() -> None:
        dispatcher = Dispatcher(sessions=api.service.sessions, how=how)
        await dispatcher.fill()
        await dispatcher.finish()

    asyncio.run(run())


def set_row(api: RunningApi, webhook: Json, **values: object) -> None:
    with api.service.sessions.begin() as session:
        its = Webhook.id == UUID(webhook["id"])
        session.execute(update(Webhook).where(its).values(**values))


def verify(secret: str, received: tuple[dict[str, str], bytes]) -> Json:
    headers, body = received
    read: Json = standardwebhooks.Webhook(secret).verify(body.decode(), headers)
    return read


def set_deliveries(api: RunningApi, where: Any, **values: object) -> None:
    with api.service.sessions.begin() as session:
        session.execute(update(Delivery).where(where).values(**values))


def due(api: RunningApi) -> list[UUID]:
    with api.service.sessions() as session:
        rows = session.query(Delivery).where(Delivery.status == "pending")
        return [one.id for one in rows.order_by(Delivery.next_attempt_at)]

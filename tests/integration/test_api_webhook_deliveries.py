"""Messages to webhooks: listed, sent again, replayed; webhooks that take none."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select, text

from app.core.db.base import utc_now
from app.core.principal import DEFAULT_PROJECT_ID
from app.webhooks import webhook_service
from app.webhooks.service import announce
from app.webhooks.tables import Delivery, WebhookEndpoint
from tests.api_server import RunningApi
from tests.integration.project_webhooks import (
    NOWHERE,
    add,
    change,
    due,
    look,
    messages,
    replay,
    send,
    set_deliveries,
    set_row,
    tell,
)
from tests.integration.test_api import _problem
from tests.receivers import Receiver, hanging_receivers, running_receiver

API_SETTINGS = {"webhook_allow_nets": "127.0.0.0/8"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as found:
        yield found


def test_messages_are_listed_by_page_status_type_and_time(api: RunningApi) -> None:
    webhook = add(api, NOWHERE)
    for number in range(3):
        tell(api, number=number)
    tell(api, "clip.failed")
    set_deliveries(api, Delivery.type == "clip.failed", status="failed")
    path = f"/webhooks/{webhook['id']}/deliveries"

    first = api.client.get(path, params={"limit": 3}).json()
    second = api.client.get(first_link(api, path)).json()

    listed = [one["id"] for one in (*first["items"], *second["items"])]
    assert listed == sorted(listed, reverse=True)
    assert len(set(listed)) == 4
    assert second["next_cursor"] is None
    assert [one["type"] for one in messages(api, webhook, status="failed")] == [
        "clip.failed"
    ]
    assert len(messages(api, webhook, type=["video.completed", "ping"])) == 3
    middle = first["items"][1]["created_at"]
    assert len(messages(api, webhook, since=middle)) == 2
    assert len(messages(api, webhook, until=middle)) == 2
    assert api.client.get(path, params={"status": "lost"}).status_code == 422
    assert api.client.get(path, params={"cursor": "x"}).status_code == 422


def first_link(api: RunningApi, path: str) -> str:
    answer = api.client.get(path, params={"limit": 3})
    return str(answer.links["next"]["url"])


def test_one_message_is_sent_again_under_its_id(
    api: RunningApi, receiver: Receiver
) -> None:
    webhook = add(api, receiver.url)
    tell(api)
    send(api)
    (message,) = messages(api, webhook)

    path = f"/webhooks/{webhook['id']}/deliveries/{message['id']}/retry"
    again = api.client.post(path)
    send(api)

    assert (again.status_code, again.json()["status"]) == (202, "pending")
    ids = [headers["webhook-id"] for headers, _ in receiver.received]
    assert ids == [message["id"]] * 2
    (seen,) = messages(api, webhook)
    assert [one["number"] for one in seen["attempts"]] == [1, 2]
    missing = path.replace(message["id"], str(uuid4()))
    _problem(api.client.post(missing), 404, "delivery-not-found")


def test_messages_held_are_replayed_under_their_ids_the_oldest_first(
    api: RunningApi, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_service, "MAX_REPLAYED", 2)
    webhook = add(api, receiver.url)
    change(api, webhook, enabled=False)
    for number in range(3):
        tell(api, number=number)
    held = messages(api, webhook)
    _problem(replay(api, webhook), 409, "webhook-is-disabled")

    change(api, webhook, enabled=True)
    first = replay(api, webhook).json()
    made_due = due(api)
    send(api)
    second = replay(api, webhook, since=first["next_since"]).json()
    send(api)
    nothing = replay(api, webhook).json()

    ids = [one["id"] for one in reversed(held)]
    assert (first["queued"], first["next_since"]) == (2, held[0]["created_at"])
    assert [str(one) for one in made_due] == ids[:2]
    assert (second["queued"], second["next_since"]) == (1, None)
    assert sorted(one["webhook-id"] for one, _ in receiver.received) == ids
    assert nothing == {"queued": 0, "next_since": None}
    all_again = replay(api, webhook, statuses=["delivered"]).json()
    assert all_again["queued"] == 2


def test_a_replay_reaches_back_thirty_days(api: RunningApi) -> None:
    webhook = add(api, NOWHERE)

    for since in (utc_now() - timedelta(days=31), datetime.min.replace(tzinfo=UTC)):
        _problem(replay(api, webhook, since=since.isoformat()), 422, "invalid-request")
    assert replay(api, webhook, since="2026-01-01T00:00:00").status_code == 422


def test_a_webhook_that_takes_nothing_for_days_is_switched_off_with_its_reason(
    api: RunningApi, receiver: Receiver
) -> None:
    receiver.answers[:] = [(500, {})]
    webhook = add(api, receiver.url)
    tell(api)
    send(api)
    before = look(api, webhook)
    long_ago = utc_now() - timedelta(days=6)
    set_row(api, webhook, failing_since=long_ago, failures=9)
    tell(api)
    tell(api)
    tell(api)

    send(api)

    assert (before["enabled"], before["failing_since"] is None) == (True, False)
    after = look(api, webhook)
    assert after["enabled"] is False
    since = f"{long_ago:%Y-%m-%d %H:%M} UTC"
    assert after["disabled"]["reason"] == (
        f"Nothing has arrived since {since}; the latest attempt: it answered 500"
    )
    send(api)
    assert len(receiver.received) == 3  # Two at once were under way.
    assert {one["status"] for one in messages(api, webhook)} == {"held"}

    receiver.answers[:] = [(204, {})]
    again = change(api, webhook, enabled=True)
    replay(api, webhook)
    send(api)

    assert (again["enabled"], again["disabled"]) == (True, None)
    assert again["failing_since"] is None
    assert "delivered" in {one["status"] for one in messages(api, webhook)}


def test_a_failure_after_quiet_weeks_switches_nothing_off(
    api: RunningApi, receiver: Receiver
) -> None:
    receiver.answers[:] = [(500, {}), (204, {})]
    webhook = add(api, receiver.url)
    set_row(api, webhook, failing_since=utc_now() - timedelta(days=60), failures=1)
    tell(api)

    send(api)
    failed = look(api, webhook)
    replay(api, webhook)
    set_deliveries(api, Delivery.status == "pending", next_attempt_at=func.now())
    send(api)

    assert failed["enabled"] is True
    assert look(api, webhook)["failing_since"] is None


def test_a_410_switches_a_webhook_off(api: RunningApi, receiver: Receiver) -> None:
    receiver.answers[:] = [(410, {})]
    webhook, other = add(api, receiver.url), add(api, receiver.url)
    change(api, other, enabled=False)
    change(api, other, enabled=True)
    tell(api)
    set_row(api, other, events=["ping"])
    send(api)
    tell(api)

    assert look(api, webhook)["disabled"]["reason"] == "It answered 410 Gone."
    assert [one["status"] for one in messages(api, webhook)] == ["held", "gone"]
    with api.service.sessions() as session:
        kept = set(session.scalars(select(Delivery.status)))
    assert kept <= {"pending", "delivered", "failed", "gone"}  # the release before
    asked = [messages(api, webhook, status=one) for one in ("held", "failed", "gone")]
    assert [len(found) for found in asked] == [1, 0, 1]


def test_a_webhook_that_is_deleted_while_a_job_ends_fails_no_job(
    api: RunningApi,
) -> None:
    webhook = add(api, NOWHERE)
    waiting = text(
        "select count(*) from pg_stat_activity "
        "where datname = current_database() and wait_event_type = 'Lock'"
    )

    def somebody_waits() -> bool:
        with api.service.sessions() as session:
            return bool(session.scalar(waiting))

    with ThreadPoolExecutor() as pool:
        with api.service.sessions.begin() as ending:
            announced = announce(
                ending, "video.failed", project_id=DEFAULT_PROJECT_ID, data={}
            )
            ending.flush()
            path = f"/webhooks/{webhook['id']}"
            deletion = pool.submit(api.client.delete, path)
            while not (somebody_waits() or deletion.done()):
                time.sleep(0.02)
            assert not deletion.done()

        assert deletion.result().status_code == 204
    with api.service.sessions() as session:
        assert session.get(Delivery, announced) is None


def test_a_webhook_that_hangs_puts_off_no_other_on_its_host(api: RunningApi) -> None:
    with hanging_receivers(1) as hanging:
        (url,) = hanging.urls
        hangs = add(api, f"{url}one", "video.*")
        quick = add(api, f"{url}two", "clip.*")
        tell(api)
        send(api, deadline_s=0.3)
        tell(api, "clip.completed")

    with api.service.sessions() as session:
        row = session.get_one(WebhookEndpoint, hangs["id"])
        assert row.paused_until is not None
        assert session.get(WebhookEndpoint, quick["id"]) is None
    send(api)
    (message,) = messages(api, quick)
    assert len(message["attempts"]) == 1

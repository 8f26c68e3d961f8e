"""Webhooks of a project: made, told of what happens, pinged, rotated, moved."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import httpx
import pytest
import standardwebhooks
from sqlalchemy import func, update

from app.core.db.base import utc_now
from app.core.principal import DEFAULT_PROJECT_ID
from app.idempotency.tables import IdempotencyKeyRow
from app.jobs.kinds import JobKind
from app.jobs.requests import request
from app.jobs.service import cancel
from app.projects.tables import Project
from app.webhooks import webhook_service
from app.webhooks.service import announce
from app.webhooks.signing import webhook_secret
from app.webhooks.tables import Delivery, Webhook
from tests.api_server import RunningApi
from tests.integration.project_webhooks import (
    NOWHERE,
    Json,
    add,
    change,
    look,
    messages,
    send,
    set_deliveries,
    set_row,
    tell,
    verify,
)
from tests.integration.test_api import _problem
from tests.receivers import Receiver, running_receiver

API_SETTINGS = {"webhook_allow_nets": "127.0.0.0/8"}
WRONG = standardwebhooks.webhooks.WebhookVerificationError


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as found:
        yield found


def test_a_secret_is_told_when_a_webhook_is_made_and_never_again(
    api: RunningApi,
) -> None:
    answer = api.client.post("/webhooks", json={"url": NOWHERE, "description": " bot "})
    made = answer.json()

    assert answer.headers["cache-control"] == "no-store"
    assert made["secret"].startswith("whsec_")
    assert (made["description"], made["events"]) == ("bot", ["*"])
    assert (made["enabled"], made["disabled"]) == (True, None)
    later = [look(api, made), *api.client.get("/webhooks").json()["items"]]
    assert later == [{key: made[key] for key in made if key != "secret"}] * 2
    with api.service.sessions() as session:
        row = session.get_one(Webhook, UUID(made["id"]))
        kept = " ".join(str(value) for value in vars(row).values())
    assert made["secret"].removeprefix("whsec_") not in kept


def test_a_webhook_asked_for_again_is_the_same_one(api: RunningApi) -> None:
    def post(url: str = NOWHERE) -> httpx.Response:
        headers = {"idempotency-key": "once"}
        return api.client.post("/webhooks", json={"url": url}, headers=headers)

    first, again, other = post(), post(), post(f"{NOWHERE}/elsewhere")

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert first.headers["location"] == f"/webhooks/{first.json()['id']}"
    assert len(api.client.get("/webhooks").json()["items"]) == 1
    _problem(other, 422, "idempotency-key-reused")
    api.client.delete(first.headers["location"])
    _problem(post(), 404, "webhook-not-found")


def test_a_webhook_asked_for_again_is_told_though_its_address_is_refused_by_now(
    api: RunningApi,
) -> None:
    def post(**headers: str) -> httpx.Response:
        return api.client.post("/webhooks", json={"url": NOWHERE}, headers=headers)

    first, before = post(**{"idempotency-key": "late"}), api.service
    settings = before.settings.model_copy(update={"webhook_allow_nets": ()})
    api.app.state.resources = replace(before, settings=settings)
    again, other = post(**{"idempotency-key": "late"}), post()
    with before.sessions.begin() as session:
        old = {"created_at": func.now() - timedelta(days=2)}
        session.execute(update(IdempotencyKeyRow).values(old))
    after_days = post(**{"idempotency-key": "late"})
    api.app.state.resources = before

    assert again.json() == first.json()
    _problem(other, 422, "callback-refused")
    _problem(after_days, 422, "callback-refused")


def test_a_webhook_asked_for_again_after_the_services_secret_changed_says_so(
    api: RunningApi,
) -> None:
    headers = {"idempotency-key": "once"}
    made = api.client.post("/webhooks", json={"url": NOWHERE}, headers=headers).json()
    set_row(api, made, secret_sha256="another")

    again = api.client.post("/webhooks", json={"url": NOWHERE}, headers=headers)

    assert "rotate" in _problem(again, 409, "secret-told-before")["detail"]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"url": "http://example.org/"}, "url"),
        ({"url": "https://10.1.2.3/"}, "10.1.2.3, which is not a public address"),
        ({"url": "https://[::1]/"}, "not a public address"),
        ({"url": "https://user:pw@127.0.0.1/"}, "user name"),
        ({"url": "ftp://127.0.0.1/"}, "full URL"),
        ({"url": NOWHERE, "events": ["video.done"]}, "'video.done' fits no message"),
        ({"url": NOWHERE, "events": []}, "events"),
        ({"url": NOWHERE, "secret": "x"}, "secret"),
        ({}, "url"),
    ],
)
def test_an_address_or_filter_that_cannot_work_is_refused_in_words(
    api: RunningApi, wanted: Json, words: str
) -> None:
    made = add(api, NOWHERE)

    new = api.client.post("/webhooks", json=wanted)
    assert new.status_code == 422
    assert words in new.json()["detail"]
    if wanted:
        changed = api.client.patch(f"/webhooks/{made['id']}", json=wanted)
        assert changed.status_code == 422
    assert len(api.client.get("/webhooks").json()["items"]) == 1


def test_a_canceled_job_is_told_to_the_webhooks_that_want_it_and_to_its_callback(
    api: RunningApi, receiver: Receiver
) -> None:
    wants = add(api, receiver.url, "video.*")
    others = [add(api, receiver.url, "clip.completed", "review.completed")]
    off = add(api, receiver.url)
    change(api, off, enabled=False)
    files = {"file": b"bytes"}
    video = api.client.post("/videos", files=files, data={"callback_url": NOWHERE})

    api.client.post(video.json()["job"]["links"]["cancel"])
    send(api)

    (received,) = receiver.received
    read = verify(wants["secret"], received)
    assert read["type"] == "video.canceled"
    assert read["data"]["video_id"] == video.json()["id"]
    with pytest.raises(WRONG):
        verify(webhook_secret(api.service.settings), received)
    (message,) = messages(api, wants)
    assert message["id"] == received[0]["webhook-id"]
    assert message["status"] == "delivered"
    assert [one["status_code"] for one in message["attempts"]] == [204]
    assert [messages(api, one) for one in others] == [[]]
    assert [one["status"] for one in messages(api, off)] == ["held"]
    path = f"/videos/{video.json()['id']}/deliveries"
    (callback,) = api.client.get(path).json()["items"]
    assert (callback["url"], callback["type"]) == (NOWHERE, "video.canceled")
    retry = api.client.post(f"/deliveries/{message['id']}/retry")
    _problem(retry, 404, "delivery-not-found")


def test_another_project_is_told_nothing(api: RunningApi, receiver: Receiver) -> None:
    theirs = add(api, receiver.url)
    with api.service.sessions.begin() as session:
        other = Project(id=uuid4(), name="other", created_at=utc_now())
        session.add(other)
        session.flush()
        its = Webhook.id == UUID(theirs["id"])
        session.execute(update(Webhook).where(its).values(project_id=other.id))

    tell(api)
    send(api)

    assert receiver.received == []


def test_a_job_without_a_video_is_told_to_webhooks(
    api: RunningApi, receiver: Receiver
) -> None:
    webhook = add(api, receiver.url, "clip.*")
    clip_id = str(uuid4())
    with api.service.sessions.begin() as session:
        job = request(
            session,
            kind=JobKind.CLIPS,
            video_id=None,
            params={"clip_id": clip_id},
        )
        session.flush()
        cancel(session, job.id, settings=api.service.settings)

    send(api)

    (received,) = receiver.received
    data = verify(webhook["secret"], received)["data"]
    assert (data["video_id"], data["clip_id"]) == (None, clip_id)
    assert set(data["links"]) == {"clip", "file", "job"}
    (message,) = messages(api, webhook)
    assert (message["video_id"], message["job_id"]) == (None, str(job.id))


def test_both_secrets_sign_while_one_is_rotated_then_the_new_one_alone(
    api: RunningApi, receiver: Receiver
) -> None:
    webhook = add(api, receiver.url)

    rotated = api.client.post(f"/webhooks/{webhook['id']}/rotate")
    tell(api)
    send(api)
    set_row(api, webhook, previous_until=func.now())
    tell(api)
    send(api)

    assert rotated.headers["cache-control"] == "no-store"
    new, old = rotated.json()["secret"], webhook["secret"]
    assert rotated.json()["previous_secret_until"] > utc_now().isoformat()
    during, after = receiver.received
    assert len(during[0]["webhook-signature"].split(" ")) == 2
    for secret in (new, old):
        verify(secret, during)
    verify(new, after)
    with pytest.raises(WRONG):
        verify(old, after)


def test_a_rotation_without_overlap_ends_the_old_secret_at_once(
    api: RunningApi, receiver: Receiver
) -> None:
    webhook = add(api, receiver.url)
    path = f"/webhooks/{webhook['id']}/rotate"

    rotated = api.client.post(path, json={"overlap_s": 0}).json()
    tell(api)
    send(api)

    verify(rotated["secret"], receiver.received[0])
    assert rotated["previous_secret_until"] is None
    with pytest.raises(WRONG):
        verify(webhook["secret"], receiver.received[0])
    too_long = api.client.post(path, json={"overlap_s": 10**9})
    assert too_long.status_code == 422


def test_a_message_that_can_not_be_signed_any_more_says_what_to_do(
    api: RunningApi, receiver: Receiver
) -> None:
    webhook = add(api, receiver.url)
    tell(api)

    send(api, secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")

    (message,) = messages(api, webhook)
    assert "rotate" in message["attempts"][0]["error"]
    assert receiver.received == []


@pytest.mark.parametrize("enabled", [True, False])
def test_a_ping_tells_what_became_of_it(
    api: RunningApi, receiver: Receiver, *, enabled: bool
) -> None:
    webhook = add(api, receiver.url, "training.*")
    change(api, webhook, enabled=enabled)
    receiver.answers[:] = [(204, {}), (500, {})]
    path = f"/webhooks/{webhook['id']}"

    pings = []
    for _ in range(2):
        asked = api.client.post(f"{path}/ping")
        assert (asked.status_code, asked.json()["status"]) == (202, "pending")
        send(api)
        pings.append(api.client.get(f"{path}/deliveries/{asked.json()['id']}").json())

    assert [one["status"] for one in pings] == ["delivered", "failed"]
    assert [one["attempts"][0]["status_code"] for one in pings] == [204, 500]
    assert verify(webhook["secret"], receiver.received[0])["type"] == "ping"
    assert api.service.notifier.waiting("background") == 2


def test_what_waits_goes_to_the_new_address(
    api: RunningApi, receiver: Receiver
) -> None:
    webhook = add(api, NOWHERE)
    tell(api)

    changed = change(api, webhook, url=receiver.url, description="moved")
    send(api)

    assert (changed["url"], changed["description"]) == (receiver.url, "moved")
    assert len(receiver.received) == 1
    assert change(api, webhook, description=None)["description"] is None
    null = api.client.patch(f"/webhooks/{webhook['id']}", json={"url": None})
    assert null.status_code == 422


def test_what_is_being_made_while_it_moves_goes_to_the_new_address_too(
    api: RunningApi, receiver: Receiver
) -> None:
    webhook = add(api, NOWHERE)
    with api.service.sessions.begin() as ending:
        announce(ending, "video.failed", project_id=DEFAULT_PROJECT_ID, data={})
        change(api, webhook, url=receiver.url)

    send(api)

    assert len(receiver.received) == 1
    assert [one["url"] for one in messages(api, webhook)] == [receiver.url]


def test_a_deleted_webhook_gets_nothing_more(
    api: RunningApi, receiver: Receiver
) -> None:
    webhook = add(api, receiver.url)
    tell(api)

    answer = api.client.delete(f"/webhooks/{webhook['id']}")
    send(api)

    assert answer.status_code == 204
    assert receiver.received == []
    _problem(api.client.get(f"/webhooks/{webhook['id']}"), 404, "webhook-not-found")


def test_what_a_sender_had_that_died_is_held_as_well(
    api: RunningApi, receiver: Receiver
) -> None:
    webhook = add(api, receiver.url)
    tell(api)
    its = Delivery.webhook_id == UUID(webhook["id"])
    set_deliveries(api, its, attempt=1, locked_until=func.now() + timedelta(minutes=1))

    change(api, webhook, enabled=False)
    # Its hold runs out.
    set_deliveries(api, its, locked_until=func.now() - timedelta(minutes=1))
    send(api)

    assert not receiver.received
    assert [one["status"] for one in messages(api, webhook)] == ["held"]


def test_two_webhooks_made_at_once_are_no_more_than_a_project_may_have(
    api: RunningApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_service, "MAX_WEBHOOKS", 1)
    answers: list[httpx.Response] = []

    def ask() -> None:
        answers.append(api.client.post("/webhooks", json={"url": NOWHERE}))

    other = threading.Thread(target=ask)
    with api.service.sessions.begin() as session:
        webhook_service.create_webhook(
            session,
            url=NOWHERE,
            description=None,
            events=["*"],
            service_secret=webhook_secret(api.service.settings),
            now=utc_now(),
        )
        other.start()
        other.join(0.3)  # It waits for this one's end.
    other.join()

    _problem(answers[0], 409, "too-many-webhooks")


def test_a_project_has_no_more_webhooks_than_it_may(
    api: RunningApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_service, "MAX_WEBHOOKS", 1)
    add(api, NOWHERE)

    _problem(
        api.client.post("/webhooks", json={"url": NOWHERE}), 409, "too-many-webhooks"
    )

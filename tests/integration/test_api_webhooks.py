"""Webhooks that the API itself starts: of canceled jobs, and sent again by hand."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import delete, text

from app.jobs.tables import Job, JobStatus
from app.videos.tables import Video
from app.webhooks.queries import (
    pause_endpoint,
    save_endpoint,
    sendable_deliveries,
)
from app.webhooks.tables import Delivery
from tests.api_server import RunningApi

HOOK = "http://127.0.0.1:9/hook"
FAR_OFF = datetime(2100, 1, 1, tzinfo=UTC)
EVERY_SENDABLE = sendable_deliveries(per_endpoint=9, limit=9)


API_SETTINGS = {"webhook_allow_nets": "127.0.0.0/8"}


def upload(api: RunningApi, **fields: str) -> dict[str, Any]:
    answer = api.client.post("/videos", files={"file": b"bytes"}, data=fields)
    assert answer.status_code == 202, answer.text
    body: dict[str, Any] = answer.json()
    return body


def deliveries_of(api: RunningApi, video: dict[str, Any]) -> list[dict[str, Any]]:
    answer = api.client.get(f"/videos/{video['id']}/deliveries")
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def test_a_waiting_job_that_is_canceled_tells_its_webhook_once(
    api: RunningApi,
) -> None:
    video = upload(api, callback_url=HOOK)

    for _ in range(2):
        api.client.post(video["job"]["links"]["cancel"])

    (delivery,) = deliveries_of(api, video)
    assert (delivery["type"], delivery["status"]) == ("video.canceled", "pending")
    assert api.service.notifier.waiting("background") == 1
    with api.service.sessions() as session:
        body = json.loads(session.get_one(Delivery, UUID(delivery["id"])).body)
    assert body["type"] == "video.canceled"
    assert body["data"]["status"] == "canceled"
    assert body["data"]["job_id"] == video["job"]["id"]


def test_a_canceled_job_without_a_callback_url_tells_nobody(api: RunningApi) -> None:
    video = upload(api)

    api.client.post(video["job"]["links"]["cancel"])

    assert deliveries_of(api, video) == []
    assert api.service.notifier.waiting("background") == 0


def test_a_running_job_tells_of_its_cancel_only_when_it_has_ended(
    api: RunningApi,
) -> None:
    video = upload(api, callback_url=HOOK)
    with api.service.sessions.begin() as session:
        row = session.get_one(Job, UUID(video["job"]["id"]))
        row.status = JobStatus.RUNNING

    answer = api.client.post(video["job"]["links"]["cancel"])

    assert answer.json()["status"] == "running"
    assert deliveries_of(api, video) == []


def test_a_job_that_does_not_exist_cannot_be_canceled(api: RunningApi) -> None:
    assert api.client.post(f"/jobs/{uuid4()}/cancel").status_code == 404


def test_a_cancel_waits_for_the_deletion_of_its_video_and_then_finds_nothing(
    api: RunningApi,
) -> None:
    video = upload(api, callback_url=HOOK)
    waiting = text(
        "select count(*) from pg_stat_activity "
        "where datname = current_database() and wait_event_type = 'Lock'"
    )

    def somebody_waits() -> bool:
        with api.service.sessions() as session:
            return bool(session.scalar(waiting))

    with ThreadPoolExecutor() as pool, api.service.sessions.begin() as deletion:
        deletion.get_one(Video, UUID(video["id"]), with_for_update=True)
        post = pool.submit(api.client.post, video["job"]["links"]["cancel"])
        while not (somebody_waits() or post.done()):
            time.sleep(0.02)
        deletion.execute(delete(Video).where(Video.id == UUID(video["id"])))
        deletion.commit()

        assert post.result().status_code == 404


def test_a_message_sent_again_by_hand_does_not_wait_for_the_pause_of_its_endpoint(
    api: RunningApi,
) -> None:
    video = upload(api, callback_url=HOOK)
    api.client.post(video["job"]["links"]["cancel"])
    (delivery,) = deliveries_of(api, video)
    with api.service.sessions.begin() as session:
        row = session.get_one(Delivery, UUID(delivery["id"]))
        row.next_attempt_at = FAR_OFF
        session.execute(save_endpoint(row.endpoint, is_slow=True))
        session.execute(pause_endpoint(row.endpoint, pause=timedelta(hours=1)))
    with api.service.sessions() as session:
        before = session.execute(EVERY_SENDABLE).all()

    answer = api.client.post(f"/deliveries/{delivery['id']}/retry")

    assert answer.json()["next_attempt_at"] < FAR_OFF.isoformat()
    with api.service.sessions() as session:
        after = session.execute(EVERY_SENDABLE).all()
    assert (before, [str(row.id) for row in after]) == ([], [delivery["id"]])

"""How a batch ended is told to the project's webhooks and to its own callback URL."""

import json
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import select

from app.webhooks.tables import Delivery
from tests.api_server import RunningApi
from tests.integration.batch_work import BatchWork, Json, look, start
from tests.integration.project_webhooks import NOWHERE, add, messages

API_SETTINGS = {"model": "tiny", "webhook_allow_nets": "127.0.0.0/8"}
CALLBACK = "http://127.0.0.1:9/batch"


@pytest.fixture(autouse=True)
def _model(api: RunningApi, checkpoint: Path) -> None:
    models = api.data_dir / "models"
    models.mkdir(parents=True, exist_ok=True)
    (models / checkpoint.name).symlink_to(checkpoint)


@pytest.fixture
def work(api: RunningApi) -> BatchWork:
    return BatchWork(api)


def test_its_end_is_told_once_with_what_failed(
    api: RunningApi, work: BatchWork
) -> None:
    webhook = add(api, NOWHERE, "batch.*")
    other = add(api, NOWHERE, "video.*")
    named = {"name": "Season", "callback_url": CALLBACK}
    batch = start(api, {"items": [{"video": str(uuid4())}], **named})

    work.feed()
    work.feed()

    (told,) = messages(api, webhook)
    (called,) = calls_back(api, batch)
    message = json.loads(called.body)
    assert (told["type"], told["batch_id"]) == ("batch.completed", batch["id"])
    assert messages(api, other) == []
    assert (called.url, called.type) == (CALLBACK, "batch.completed")
    assert message["type"] == "batch.completed"
    data = message["data"]
    assert data["batch_id"] == batch["id"]
    assert (data["name"], data["status"]) == ("Season", "completed")
    assert data["counts"] == look(api, batch)["counts"]
    assert data["failures"] == {"video_not_found": 1}
    assert data["links"]["batch"].endswith(f"/batches/{batch['id']}")


def test_a_cancel_is_told_and_so_is_the_end_after_it_was_resumed(
    api: RunningApi, work: BatchWork
) -> None:
    webhook = add(api, NOWHERE, "*")
    batch = start(api, {"items": [{"url": "http://127.0.0.1:9/a.mp4"}]})
    path = f"/batches/{batch['id']}"

    api.client.post(f"{path}/cancel")
    work.feed()
    first = [one["type"] for one in messages(api, webhook)]
    api.client.post(f"{path}/resume")
    api.client.post(f"{path}/cancel")
    work.feed()

    assert first.count("batch.canceled") == 1
    then = [one["type"] for one in messages(api, webhook)]
    assert then.count("batch.canceled") == 2


def test_a_message_to_the_callback_can_be_sent_again(
    api: RunningApi, work: BatchWork
) -> None:
    batch = start(api, {"items": [{"video": str(uuid4())}], "callback_url": CALLBACK})
    work.feed()
    (called,) = calls_back(api, batch)

    answer = api.client.post(f"/deliveries/{called.id}/retry")

    assert answer.status_code == 202
    assert answer.json()["batch_id"] == batch["id"]


def calls_back(api: RunningApi, batch: Json) -> list[Delivery]:
    query = select(Delivery).where(
        Delivery.batch_id == batch["id"], Delivery.webhook_id.is_(None)
    )
    with api.service.sessions() as session:
        return list(session.scalars(query))

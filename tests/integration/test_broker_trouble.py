"""A broker that nobody can be told through: what is committed stays accepted."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from app.core.broker.notifier import GPU_QUEUE, JobNotifier, make_celery
from tests.api_server import RunningApi, make_settings, running_api
from tests.databases import PostgresOfTests

# What each does to kombu: refuse the connection, find no such transport, fail to import
# the transport's client, fail to read the URL.
UNUSABLE = {
    "nobody listens": "redis://127.0.0.1:1/0",
    "no such transport": "carrier-pigeon://127.0.0.1/0",
    "no client installed": "azureservicebus://policy:key@nowhere",
    "not a port": "redis://127.0.0.1:port/0",
    "a file where the folder of messages was": "",
}


@pytest.fixture(scope="module", params=UNUSABLE.values(), ids=list(UNUSABLE))
def api(
    request: pytest.FixtureRequest,
    postgres: PostgresOfTests,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningApi]:
    with postgres.fresh_database() as url:
        data_dir = tmp_path_factory.mktemp("data")
        if not request.param:
            (data_dir / "broker").mkdir()
            (data_dir / "broker" / "messages").write_bytes(b"")
        settings = make_settings(
            data_dir=data_dir, database_url=url, redis_url=request.param or None
        )
        with running_api(settings) as running:
            yield running


@pytest.mark.costly
def test_no_request_fails_after_its_commit(api: RunningApi) -> None:
    uploaded = api.client.post("/videos", files={"file": ("a.mp4", b"bytes")})
    again = api.client.post(f"/videos/{uploaded.json()['id']}/jobs", json={})

    assert uploaded.status_code == 202
    assert again.status_code == 202
    assert api.client.get(f"/jobs/{again.json()['id']}").json()["status"] == "queued"


def test_readiness_names_the_broker(api: RunningApi) -> None:
    answer = api.client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["checks"]["broker"] != "ok"


def test_a_client_that_is_not_installed_is_named_with_a_traceback_once() -> None:
    celery = make_celery(make_settings(redis_url=UNUSABLE["no client installed"]))
    notifier = JobNotifier(celery)

    with capture_logs() as logs:
        words = [notifier.problem(), notifier.problem()]
        told = notifier.notify_job(uuid4())

    missing = "its client cannot be loaded (No module named 'azure.servicebus')"
    assert words == [missing] * 2
    assert not told
    assert notifier.waiting(GPU_QUEUE) is None
    assert [entry["exc_info"] for entry in logs] == [True, False, False]

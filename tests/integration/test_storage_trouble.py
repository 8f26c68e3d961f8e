"""A service whose bucket is busy, refuses, or holds another object than it did."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.core.storage import object_errors, object_store
from app.jobs.tables import Job
from tests.api_server import RunningApi, make_settings, running_api
from tests.bucket_proxy import (
    BUSY,
    EXPIRED,
    EXPIRED_OF_PROXIES,
    BucketProxy,
    Trouble,
    bucket_proxy,
)
from tests.bucket_storage import use_server
from tests.databases import PostgresOfTests
from tests.integration.batch_work import BatchWork
from tests.s3_server import S3OfTests
from tests.videos import draw_video, match_picture

pytestmark = pytest.mark.slow
TIMEOUT_S = 60
MAX_INTERRUPTIONS = 2
ODD = "final é ⚽ & (1)#?%20+.mp4"


@dataclass(frozen=True)
class Troubled:
    """A service that reaches its buckets by way of a proxy."""

    api: RunningApi
    proxy: BucketProxy
    bucket: str
    foreign: str

    def upload(self, match: bytes) -> dict[str, Any]:
        answer = self.api.client.post("/videos", files={"file": ("m.mp4", match)})
        assert answer.status_code == 202, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def job(self, made: dict[str, Any]) -> dict[str, Any]:
        told: dict[str, Any] = self.api.client.get(f"/jobs/{made['job']['id']}").json()
        return told

    def attempts(self, made: dict[str, Any]) -> int:
        with self.api.service.sessions() as session:
            return session.get_one(Job, UUID(made["job"]["id"])).failures

    def finish(self, made: dict[str, Any]) -> str:
        """Work until a job has ended; gives its status."""
        deadline = time.monotonic() + TIMEOUT_S
        work = self.work()
        while self.job(made)["status"] == "queued" and time.monotonic() < deadline:
            if not work.run_one():
                time.sleep(0.1)
        return str(self.job(made)["status"])

    def work(self) -> BatchWork:
        return BatchWork(self.api)


@pytest.fixture(scope="module")
def troubled(
    s3: S3OfTests,
    postgres: PostgresOfTests,
    redis_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Troubled]:
    own, foreign = s3.fresh_bucket(), s3.fresh_bucket()
    folder = tmp_path_factory.mktemp("data")
    with (
        pytest.MonkeyPatch.context() as patch,
        postgres.fresh_database() as url,
        bucket_proxy(s3) as proxy,
    ):
        use_server(proxy.server, patch)
        patch.setattr(object_errors, "ASK_EVERY_S", 0.2)
        settings = make_settings(
            data_dir=folder,
            database_url=url,
            redis_url=redis_url,
            storage=f"s3://{own}",
            storage_retry="PT1S",
            presigned_uploads=True,
            buckets=f"s3://{foreign}/archive",
            model="tiny",
            max_interruptions=MAX_INTERRUPTIONS,
        )
        with running_api(settings) as api:
            yield Troubled(api, proxy, own, foreign)


@pytest.fixture(autouse=True)
def _afresh(troubled: Troubled, checkpoint: Path) -> Iterator[None]:
    troubled.api.forget_all()
    models = troubled.api.data_dir / "models"
    models.mkdir()
    (models / checkpoint.name).symlink_to(checkpoint)
    yield
    troubled.proxy.trouble = None


@pytest.fixture(scope="module")
def match(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("match") / "match.mp4"
    draw_video(path, frames=30, fps=30, paint=match_picture)
    return path.read_bytes()


@pytest.mark.parametrize("trouble", [BUSY, EXPIRED, EXPIRED_OF_PROXIES])
def test_requests_are_told_to_come_again(
    troubled: Troubled, match: bytes, trouble: Trouble
) -> None:
    client = troubled.api.client
    made = troubled.upload(match)

    with troubled.proxy.in_trouble(trouble):
        read = client.get(f"/videos/{made['id']}/file")
        sent = client.post("/videos", files={"file": ("m.mp4", match)})

    for answer in (read, sent):
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
    assert client.get(f"/videos/{made['id']}/file").content == match


def test_a_presigned_upload_goes_on_when_the_bucket_answers_again(
    troubled: Troubled, match: bytes
) -> None:
    client, wanted = troubled.api.client, {"size_bytes": len(match)}

    with troubled.proxy.in_trouble(BUSY):
        refused = client.post("/presigned-uploads", json=wanted)
    at = client.post("/presigned-uploads", json=wanted).headers["location"]
    part = client.post(f"{at}/parts", json={"numbers": [1]}).json()["items"][0]
    assert httpx.put(part["url"], content=match).status_code == 200
    with troubled.proxy.in_trouble(EXPIRED_OF_PROXIES):
        interrupted = client.post(f"{at}/complete", json={})
    done = client.post(f"{at}/complete", json={})

    for answer in (refused, interrupted):
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
    assert done.status_code == 202, done.text
    assert client.get(f"/videos/{done.json()['id']}/file").content == match


@pytest.mark.costly
def test_a_busy_bucket_costs_a_job_no_attempt(troubled: Troubled, match: bytes) -> None:
    made = troubled.upload(match)
    work = troubled.work()

    with troubled.proxy.in_trouble(BUSY):
        assert work.run_one()

    assert (troubled.job(made)["status"], troubled.attempts(made)) == ("queued", 0)
    assert troubled.finish(made) == "succeeded"


@pytest.mark.nightly
def test_an_outage_of_any_length_gives_no_job_up(
    troubled: Troubled, match: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_store, "PROBE_EVERY_S", 0.0)
    made = troubled.upload(match)

    with troubled.proxy.in_trouble(BUSY):
        for _ in range(MAX_INTERRUPTIONS + 1):
            assert troubled.work().run_one()

    assert troubled.finish(made) == "succeeded"


@pytest.mark.costly
def test_an_object_that_alone_cannot_be_had_gives_its_job_up(
    troubled: Troubled, match: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_store, "PROBE_EVERY_S", 0.0)
    made = troubled.upload(match)
    its_own = Trouble(503, "SlowDown", lambda _, target: made["id"] in target)

    with troubled.proxy.in_trouble(its_own):
        for _ in range(MAX_INTERRUPTIONS):
            assert troubled.work().run_one()
        assert not troubled.work().run_one()


@pytest.mark.costly
@pytest.mark.parametrize("trouble", [EXPIRED, EXPIRED_OF_PROXIES])
def test_a_job_whose_credentials_expired_says_so(
    troubled: Troubled, match: bytes, trouble: Trouble
) -> None:
    made = troubled.upload(match)

    with troubled.proxy.in_trouble(trouble):
        assert troubled.work().run_one()

    told = troubled.job(made)
    assert told["error"]["code"] == "storage_refused"
    assert "expired" in told["error"]["detail"]


def test_a_busy_bucket_of_ours_is_not_blamed_on_the_source(
    troubled: Troubled, s3: S3OfTests, match: bytes
) -> None:
    key = f"archive/{ODD}"
    s3.client().put_object(Bucket=troubled.foreign, Key=key, Body=match)
    answer = troubled.api.client.post(
        "/videos", json={"url": f"s3://{troubled.foreign}/{key}"}
    )
    assert answer.status_code == 202, answer.text
    made = answer.json()
    ours = Trouble(503, "SlowDown", lambda _, target: troubled.bucket in target)
    work = troubled.work()

    with troubled.proxy.in_trouble(ours):
        assert work.run_one()

    assert (troubled.job(made)["status"], troubled.attempts(made)) == ("queued", 0)
    assert troubled.finish(made) == "succeeded"
    assert troubled.api.client.get(f"/videos/{made['id']}/file").content == match


@pytest.mark.parametrize(
    "key", ["archive/../x.mp4", "archive//x.mp4", "archive/a\nb.mp4", "archive/./x.mp4"]
)
def test_a_key_that_cannot_be_named_safely_is_refused(
    troubled: Troubled, key: str
) -> None:
    answer = troubled.api.client.post(
        "/videos", json={"url": f"s3://{troubled.foreign}/{key}"}
    )

    assert answer.status_code == 422, answer.text

"""An API and a worker that share no disk: they meet in a bucket."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.core.storage.linked import LinkedStorage
from app.core.storage.object_store import ObjectStorage
from tests.api_server import make_settings, running_api
from tests.azure_server import AzureOfTests
from tests.bucket_storage import use_server
from tests.databases import PostgresOfTests
from tests.s3_server import S3OfTests
from tests.videos import draw_video, match_picture
from tests.working_service import WorkingService, working_service

pytestmark = [pytest.mark.slow, pytest.mark.costly]

TIMEOUT_S = 120


@dataclass(frozen=True)
class Parted:
    """A service in two places, and the bucket between them."""

    service: WorkingService
    listed: Callable[[], set[str]]  # what is in the bucket, by somebody else's client
    worker_dir: Path

    def wait(self, job: dict[str, Any]) -> dict[str, Any]:
        """Wait until a job has ended."""
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            told: dict[str, Any] = self.service.api.client.get(
                f"/jobs/{job['id']}"
            ).json()
            if told["status"] not in ("queued", "running"):
                return told
            time.sleep(0.1)
        raise TimeoutError(told)


@pytest.fixture(scope="module", params=["s3", "azure"])
def parted(
    request: pytest.FixtureRequest,
    postgres: PostgresOfTests,
    redis_url: str,
    checkpoint: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Parted]:
    server: S3OfTests | AzureOfTests = request.getfixturevalue(request.param)
    storage, listed = fresh_place(server)
    folders = [tmp_path_factory.mktemp(name) for name in ("api", "worker")]
    for folder in folders:
        (folder / "models").mkdir()
        (folder / "models" / checkpoint.name).symlink_to(checkpoint)
    with pytest.MonkeyPatch.context() as patch, postgres.fresh_database() as url:
        use_server(server, patch)
        own, others = (
            make_settings(
                data_dir=folder,
                database_url=url,
                redis_url=redis_url,
                storage=storage,
                model="tiny",
                engine="openvino",
                webhook_allow_nets="127.0.0.0/8",
            )
            for folder in folders
        )
        with working_service(own, of_worker=others) as service:
            yield Parted(service, listed, folders[1])


def fresh_place(server: S3OfTests | AzureOfTests) -> tuple[str, Callable[[], set[str]]]:
    """Make an empty place; gives its address, and what lists it."""
    if isinstance(server, AzureOfTests):
        azure, container = server, server.fresh_container()

        def blobs() -> set[str]:
            with azure.client() as client:
                return set(client.get_container_client(container).list_blob_names())

        return f"az://{container}/the club", blobs
    s3, bucket = server, server.fresh_bucket()

    def objects() -> set[str]:
        told = s3.client().list_objects_v2(Bucket=bucket)
        return {one["Key"] for one in told.get("Contents", ())}

    return f"s3://{bucket}/the club", objects


@pytest.fixture(scope="module")
def match(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("match") / "match.mp4"
    draw_video(path, frames=90, fps=30, paint=match_picture)
    return path.read_bytes()


def test_an_upload_becomes_a_timeline_elsewhere(parted: Parted, match: bytes) -> None:
    client = parted.service.api.client

    made = client.post("/videos", files={"file": ("match.mp4", match)}).json()
    ended = parted.wait(made["job"])

    assert ended["status"] == "succeeded", ended
    events = client.get(f"/videos/{made['id']}/events").json()["items"]
    assert events
    file = client.get(f"/videos/{made['id']}/file", headers={"range": "bytes=5-99"})
    assert (file.status_code, file.content) == (206, match[5:100])
    assert client.get(f"/videos/{made['id']}/scores").status_code == 200
    assert not list(parted.service.api.data_dir.glob("videos/**/*"))
    assert not list(parted.worker_dir.glob("videos/**/*"))


def test_a_deleted_video_leaves_nothing_in_the_bucket(
    parted: Parted, match: bytes
) -> None:
    client = parted.service.api.client
    made = client.post("/videos", files={"file": ("match.mp4", match)}).json()
    parted.wait(made["job"])
    its = f"the club/videos/{made['id']}/"
    assert any(key.startswith(its) for key in parted.listed())

    assert client.delete(f"/videos/{made['id']}").status_code == 204

    assert not any(key.startswith(its) for key in parted.listed())


def test_an_upload_goes_on_at_another_replica(
    parted: Parted, match: bytes, tmp_path: Path
) -> None:

    first = parted.service.api
    second_settings = first.service.settings.model_copy(update={"data_dir": tmp_path})
    half = len(match) // 2
    tus = {"tus-resumable": "1.0.0"}
    chunk = {**tus, "content-type": "application/offset+octet-stream"}

    with running_api(second_settings) as second:
        made = first.client.post(
            "/uploads", headers={**tus, "upload-length": str(len(match))}
        )
        at = made.headers["location"]
        for api, start, end in (
            (first, 0, half),
            (second, half, half + 1000),
            (first, half + 1000, len(match)),
        ):
            sent = api.client.patch(
                at,
                headers={**chunk, "upload-offset": str(start)},
                content=match[start:end],
            )
            assert sent.status_code == 204, sent.text
            assert sent.headers["upload-offset"] == str(end)
    video_id = sent.headers["touchline-video"].rsplit("/", 1)[-1]

    assert first.client.get(f"/videos/{video_id}/file").content == match
    assert not [key for key in parted.listed() if "/uploads/" in key]


def test_readiness_tells_of_the_bucket(parted: Parted) -> None:
    storage = parted.service.api.service.storage
    assert isinstance(storage, LinkedStorage)
    assert isinstance(storage.plain, ObjectStorage)

    storage.check()

    assert "the club/writable" in parted.listed()

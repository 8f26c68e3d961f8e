"""A service whose clients send files to its bucket, for tests of what comes of them."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select

from app.core.storage import part_uploads
from app.uploads.tables import ResumableUpload
from tests.api_server import RunningApi, make_settings, running_api
from tests.azure_server import AzureOfTests
from tests.bucket_storage import use_server
from tests.databases import PostgresOfTests
from tests.s3_server import S3OfTests

KEY = "the operator's own key"
PART = 5 * 2**20  # the least that S3 takes
CONTENT = os.urandom(2 * PART + 12345)
SIZE, COUNT = len(CONTENT), 3
PATH = "/presigned-uploads"


@dataclass(frozen=True)
class Bucket:
    """A service whose clients send files to its bucket."""

    api: RunningApi
    server: S3OfTests | AzureOfTests
    address: str

    @property
    def is_azure(self) -> bool:
        return isinstance(self.server, AzureOfTests)

    @property
    def s3(self) -> S3OfTests:
        assert isinstance(self.server, S3OfTests)
        return self.server

    def begin(self, size_bytes: int = SIZE, **said: Any) -> dict[str, Any]:
        answer = self.post(PATH, {"size_bytes": size_bytes, **said})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        assert answer.headers["location"] == f"{PATH}/{made['id']}"
        return made

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return self.api.client.post(path, json=body, headers=headers)

    def signed(self, made: dict[str, Any], numbers: Sequence[int]) -> Any:
        answer = self.post(f"{PATH}/{made['id']}/parts", {"numbers": [*numbers]})
        assert answer.status_code == 200, answer.text
        return answer.json()["items"]

    def addresses(self, made: dict[str, Any], numbers: Sequence[int]) -> dict[int, str]:
        return {one["number"]: one["url"] for one in self.signed(made, numbers)}

    def send(
        self, made: dict[str, Any], numbers: Sequence[int] = (1, 2, 3)
    ) -> list[dict[str, Any]]:
        """Send parts to the bucket; gives what completing the upload takes."""
        sent = []
        for one in self.signed(made, numbers):
            answer = httpx.put(one["url"], content=part_of(one["number"]), timeout=60)
            assert answer.is_success, answer.text
            etag = one["etag"] or answer.headers["etag"]
            sent.append({"number": one["number"], "etag": etag})
        return sent

    def complete(self, made: dict[str, Any], parts: Any = None) -> httpx.Response:
        return self.post(f"{PATH}/{made['id']}/complete", {"parts": parts})

    def left(self) -> tuple[list[str], list[str]]:
        """List what is in the bucket of uploads: objects, and unfinished uploads."""
        keys, open_ones = self.server.names(self.address)
        return [key for key in keys if "uploads/" in key], open_ones

    def row(self, made: dict[str, Any]) -> ResumableUpload | None:
        with self.api.service.sessions() as session:
            return session.get(ResumableUpload, UUID(made["id"]))

    def count(self, table: Any) -> int:
        with self.api.service.sessions() as session:
            return session.scalars(select(func.count()).select_from(table)).one()


def part_of(number: int) -> bytes:
    return CONTENT[(number - 1) * PART : number * PART]


def problem_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition("/")[2]


@contextmanager
def running_bucket(
    server: S3OfTests | AzureOfTests, postgres: PostgresOfTests, folder: Path
) -> Iterator[Bucket]:
    """Start a service with a bucket and a database of its own."""
    address = server.fresh_address()
    with pytest.MonkeyPatch.context() as patch, postgres.fresh_database() as url:
        use_server(server, patch)
        patch.setattr(part_uploads, "PART_BYTES", PART)
        settings = make_settings(
            data_dir=folder,
            database_url=url,
            api_key=KEY,
            storage=f"{address}/the club",
            presigned_uploads=True,
            presigned_endpoint=server.url.replace("127.0.0.1", "localhost"),
            max_upload_size=20 * PART,
        )
        with running_api(settings) as api:
            api.client.headers["authorization"] = f"Bearer {KEY}"
            yield Bucket(api, server, address)


@pytest.fixture(scope="module", params=["s3", "azure"])
def running(
    request: pytest.FixtureRequest,
    postgres: PostgresOfTests,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Bucket]:
    """Such a service for all tests of a file, on each cloud."""
    server = request.getfixturevalue(request.param)
    with running_bucket(server, postgres, tmp_path_factory.mktemp("data")) as bucket:
        yield bucket


@pytest.fixture
def bucket(running: Bucket) -> Iterator[Bucket]:
    """The same, with nothing in it."""
    running.api.forget_all()
    yield running
    running.api.service.storage.delete_prefix("uploads")

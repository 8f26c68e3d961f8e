"""Files that clients load from the bucket itself, by addresses that the API signs."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import pytest

from app.clips.tables import Clip
from app.core.db.base import new_id, utc_now
from app.core.principal import DEFAULT_PROJECT_ID
from app.core.storage.keys import clip_key, proxy_key
from app.keys.service import create_key
from app.projects.tables import Project
from app.videos.tables import Video
from tests.api_server import RunningApi, make_settings, running_api
from tests.azure_server import AzureOfTests
from tests.bucket_storage import use_server
from tests.databases import PostgresOfTests
from tests.s3_server import S3OfTests
from touchline.client.client import Client

pytestmark = pytest.mark.slow

KEY, OTHER = "the operator's own key", UUID(int=2)
NAME = "final é ⚽ & (1).mp4"
CONTENT = os.urandom(3 * 2**20 + 7)
SIZE = len(CONTENT)


@dataclass(frozen=True)
class Signing:
    """A service that sends its clients to the bucket, and one of its videos."""

    api: RunningApi
    path: str
    public: str
    is_azure: bool

    @property
    def video_id(self) -> UUID:
        return UUID(self.path.split("/")[2])

    def ask(self, method: str = "GET", **headers: str) -> httpx.Response:
        """Ask the API; its answer is not followed."""
        return self.api.client.request(method, self.path, headers=headers)

    def add_zip(self, content: bytes) -> UUID:
        """Store the archive of a clip, as a media worker does; gives the clip's id."""
        clip_id = new_id()
        key = clip_key(self.video_id, clip_id, new_id(), ".zip")
        self.api.service.storage.put(key, content)
        facts = {"media_type": "application/zip", "size_bytes": len(content)}
        with self.api.service.sessions.begin() as session:
            session.add(
                Clip(
                    **{"id": clip_id, "video_id": self.video_id, "form": "zip"},
                    **{"mode": "copy", "options": {}, "events": [], "cuts": []},
                    **{"file_key": key, "file": facts, "created_at": utc_now()},
                )
            )
        return clip_id

    def load(self, **headers: str) -> httpx.Response:
        """Load as a client does that follows, and never sends its key elsewhere."""
        return self.api.client.get(self.path, headers=headers, follow_redirects=True)


@pytest.fixture(scope="module", params=["s3", "azure"])
def signing(
    request: pytest.FixtureRequest,
    postgres: PostgresOfTests,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Signing]:
    server: S3OfTests | AzureOfTests = request.getfixturevalue(request.param)
    public = server.url.replace("127.0.0.1", "localhost")
    with pytest.MonkeyPatch.context() as patch, postgres.fresh_database() as url:
        use_server(server, patch)
        settings = make_settings(
            data_dir=tmp_path_factory.mktemp("data"),
            database_url=url,
            api_key=KEY,
            storage=f"{server.fresh_address()}/the club é + 100%",
            presigned_downloads=True,
            presigned_endpoint=public,
        )
        with running_api(settings) as api:
            api.client.headers["authorization"] = f"Bearer {KEY}"
            made = api.client.post("/videos", files={"file": (NAME, CONTENT)})
            assert made.status_code == 202, made.text
            path = made.json()["links"]["file"]
            yield Signing(api, path, public, request.param == "azure")


@pytest.mark.costly
def test_a_file_is_loaded_from_where_clients_see_the_bucket(signing: Signing) -> None:
    told, whole = signing.ask(), signing.load()

    assert told.status_code == 307
    assert told.headers["location"].startswith(f"{signing.public}/")
    assert told.headers["cache-control"] == "private, no-store"
    assert told.content == b""
    assert (whole.status_code, whole.content) == (200, CONTENT)
    assert whole.headers["content-type"] == "video/mp4"
    assert whole.headers["content-disposition"] == (
        "inline; filename*=utf-8''final%20%C3%A9%20%E2%9A%BD%20%26%20%281%29.mp4"
    )


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("0-0", 0, 1), ("5-", 5, SIZE), ("-9", SIZE - 9, SIZE), ("7-99", 7, 100)],
)
def test_a_range_is_there_to_the_byte(
    signing: Signing, asked: str, start: int, end: int
) -> None:
    answer = signing.load(range=f"bytes={asked}")

    # Azure does not know the last so many bytes, so the API sends these itself.
    assert bool(answer.history) != (signing.is_azure and asked.startswith("-"))
    assert (answer.status_code, answer.content) == (206, CONTENT[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{SIZE}"


def test_the_api_answers_what_the_bucket_cannot(signing: Signing) -> None:
    head = signing.ask("HEAD")
    own = head.headers["etag"]

    several = signing.ask(range="bytes=0-3,9-12")
    goes_on = signing.ask(range="bytes=5-", **{"if-range": own})
    beyond = signing.ask(range=f"bytes={SIZE}-")

    assert (head.status_code, head.headers["content-length"]) == (200, str(SIZE))
    assert head.headers["touchline-presigned"] == "3600"
    assert several.status_code == 206
    assert several.headers["content-type"].startswith("multipart/byteranges")
    assert (goes_on.status_code, goes_on.content) == (206, CONTENT[5:])
    assert beyond.status_code == 416
    assert beyond.headers["content-type"] == "application/problem+json"


def test_a_client_goes_on_by_the_buckets_own_tag(signing: Signing) -> None:
    first = signing.load(range="bytes=0-99")

    rest = signing.load(range="bytes=100-", **{"if-range": first.headers["etag"]})

    assert rest.history
    assert (rest.status_code, rest.content) == (206, CONTENT[100:])


def test_an_address_is_good_for_that_object_and_a_while_alone(signing: Signing) -> None:
    presigner = signing.api.service.presigner
    assert presigner is not None
    address = signing.ask().headers["location"]
    presigner.expiry, before = timedelta(seconds=1), presigner.expiry
    try:
        short = signing.ask().headers["location"]
    finally:
        presigner.expiry = before

    other = address.replace(str(signing.video_id), str(new_id()))
    time.sleep(2.5)

    if not signing.is_azure:
        assert parse_qs(urlsplit(address).query)["X-Amz-Expires"] == ["3600"]
    assert httpx.get(address).content == CONTENT
    for refused in (httpx.get(short), httpx.get(other), httpx.delete(address)):
        assert refused.status_code == 403


def test_nobody_is_sent_on_who_may_not_have_the_file(signing: Signing) -> None:
    with signing.api.service.sessions.begin() as session:
        session.add(Project(id=OTHER, name="other", created_at=utc_now()))
        session.flush()
        keys = [
            create_key(
                session, name="k", scopes=["read"], project_id=one, now=utc_now()
            ).text
            for one in (OTHER, DEFAULT_PROJECT_ID)
        ]

    told = [signing.ask(authorization=f"Bearer {key}") for key in (*keys, "wrong")]

    assert [one.status_code for one in told] == [404, 307, 401]
    assert not {"location"} & {*told[0].headers, *told[2].headers}


def test_a_proxy_and_a_clip_are_loaded_so_too(signing: Signing) -> None:
    api, video_id = signing.api, signing.video_id
    proxy = proxy_key(video_id, new_id())
    api.service.storage.put(proxy, b"the proxy")
    with api.service.sessions.begin() as session:
        session.get_one(Video, video_id).proxy_key = proxy
    clip_id = signing.add_zip(b"the clips")

    played = api.client.get(f"{signing.path}?proxy=true", follow_redirects=True)
    cut = api.client.get(f"/clips/{clip_id}/file", follow_redirects=True)

    assert (played.content, played.headers["content-type"]) == (
        b"the proxy",
        "video/mp4",
    )
    assert cut.history
    assert cut.content == b"the clips"
    assert cut.headers["content-disposition"].startswith("attachment")


def test_the_page_may_play_what_is_there(signing: Signing) -> None:
    policy = signing.api.client.get("/").headers["content-security-policy"]

    assert f"media-src 'self' blob: {signing.public};" in policy


def test_the_python_client_follows(signing: Signing, tmp_path: Path) -> None:
    clip_id = signing.add_zip(CONTENT)

    with Client(signing.api.url, key=KEY) as client:
        path = client.download_clip(str(clip_id), tmp_path / "clips.zip")

    assert path.read_bytes() == CONTENT

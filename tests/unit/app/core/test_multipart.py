"""Uploads in parts, sent by presigned addresses: one contract for all clouds.

Google's is tried against a server of S3: no server of its own can be had here.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from app.core.storage.addresses import BucketAddress
from app.core.storage.azure_account import find_azure_account
from app.core.storage.azure_multipart import AzureMultipart
from app.core.storage.azure_presigner import AzurePresigner
from app.core.storage.bucket_clients import AwsAccess
from app.core.storage.google_access import GoogleAccess
from app.core.storage.interface import ObjectChanged
from app.core.storage.multipart import MultipartUploads
from app.core.storage.object_store import ObjectStorage
from app.core.storage.presigning import Presigner
from app.core.storage.s3_multipart import S3Multipart
from app.core.storage.s3_presigner import S3Presigner
from tests.azure_server import AzureOfTests
from tests.bucket_storage import storage_in, storage_on_azure
from tests.s3_server import S3OfTests

pytestmark = pytest.mark.slow

FOLDER = "a folder é + 100%"
PATH = "uploads/one two/part"
PARTS = (b"a" * 5 * 2**20, b"the rest")
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Cloud:
    """A bucket, and what sends parts to it."""

    uploads: MultipartUploads
    presigner: Presigner
    storage: ObjectStorage

    def send(self, upload_id: str, number: int, content: bytes) -> httpx.Response:
        url = self.presigner.upload_part(
            PATH, upload_id, number, size_bytes=len(content)
        )
        return httpx.put(url, content=content, timeout=60)

    def begin(self) -> str:
        """Begin an upload, and send all of its parts."""
        upload_id = self.uploads.create(PATH)
        for number, content in enumerate(PARTS, start=1):
            assert self.send(upload_id, number, content).is_success
        return upload_id

    def unfinished(self) -> list[str]:
        return [
            path for path, _ in self.uploads.unfinished("uploads", older_than=-HOUR)
        ]


@pytest.fixture(params=["s3", "google", "azure"])
def cloud(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Cloud:
    if request.param == "azure":
        server: AzureOfTests = request.getfixturevalue("azure")
        storage = storage_on_azure(server, tmp_path, monkeypatch, path=FOLDER)
        account = find_azure_account(storage.address)
        azure = AzurePresigner(storage.address, account, endpoint=None, expiry=HOUR)
        return Cloud(AzureMultipart(storage.address, account), azure, storage)
    s3: S3OfTests = request.getfixturevalue("s3")
    storage = storage_in(s3, tmp_path, monkeypatch, path=FOLDER)
    address, access = storage.address, AwsAccess(storage.address.url)
    if request.param == "google":
        address = BucketAddress("gs", address.bucket, address.path)
        google = GoogleAccess(s3.access_key, s3.secret_key, endpoint=s3.url)
        signer = S3Presigner(address, endpoint=None, expiry=HOUR, access=google)
        return Cloud(S3Multipart(address, google), signer, storage)
    signer = S3Presigner(address, endpoint=None, expiry=HOUR, access=access)
    return Cloud(S3Multipart(address, access), signer, storage)


@pytest.mark.costly
def test_parts_become_one_object(cloud: Cloud) -> None:
    upload_id = cloud.begin()

    parts = cloud.uploads.parts(PATH, upload_id)
    cloud.uploads.complete(PATH, upload_id, parts)

    assert [(one.number, one.size_bytes) for one in parts] == [
        (number, len(content)) for number, content in enumerate(PARTS, start=1)
    ]
    known = cloud.uploads.e_tag_of(upload_id, 1)
    assert known in (None, parts[0].e_tag)
    assert cloud.storage.get(PATH) == b"".join(PARTS)
    assert [one.key for one in cloud.storage.list("uploads")] == [PATH]
    assert cloud.unfinished() == []


@pytest.mark.costly
def test_what_is_given_up_leaves_nothing(cloud: Cloud) -> None:
    upload_id = cloud.begin()
    assert cloud.unfinished() == [PATH]

    cloud.uploads.abort(PATH, upload_id)
    cloud.uploads.abort(PATH, upload_id)

    assert cloud.unfinished() == []
    assert not list(cloud.storage.list("uploads"))


@pytest.mark.costly
def test_two_uploads_of_one_object_are_apart(cloud: Cloud) -> None:
    first, second = cloud.begin(), cloud.uploads.create(PATH)
    cloud.send(second, 1, b"another")

    cloud.uploads.abort(PATH, first)

    there = cloud.uploads.parts(PATH, second)
    assert [(one.number, one.size_bytes) for one in there] == [(1, 7)]


@pytest.mark.costly
def test_a_part_that_is_another_one_ends_the_attempt(cloud: Cloud) -> None:
    upload_id = cloud.begin()
    parts = cloud.uploads.parts(PATH, upload_id)
    other = cloud.uploads.e_tag_of(upload_id, 3) or parts[0].e_tag

    with pytest.raises(ObjectChanged):
        cloud.uploads.complete(
            PATH, upload_id, [parts[0], replace(parts[1], e_tag=other)]
        )

    assert not cloud.storage.exists(PATH)
    cloud.uploads.complete(PATH, upload_id, parts)
    assert cloud.storage.exists(PATH)


@pytest.mark.costly
def test_what_is_old_is_told_from_what_is_young(cloud: Cloud) -> None:
    cloud.begin()

    young = list(cloud.uploads.unfinished("uploads", older_than=HOUR))
    elsewhere = list(cloud.uploads.unfinished("upload", older_than=-HOUR))

    assert (young, elsewhere) == ([], [])


@pytest.mark.parametrize("key", ["videos/a b/é+&%2F?#=.mp4", "videos/6b0e/source"])
def test_an_object_is_loaded_with_type_and_name(cloud: Cloud, key: str) -> None:
    cloud.storage.put(key, b"0123456789")

    def load(**headers: str) -> httpx.Response:
        url = cloud.presigner.download(
            key, media_type="video/mp4", disposition="inline; filename*=utf-8''%C3%A9+a"
        )
        assert url.startswith(f"{cloud.presigner.origin}/")
        return httpx.get(url, headers=headers)

    whole, some = load(), load(range="bytes=2-4")

    assert (whole.status_code, whole.content) == (200, b"0123456789")
    assert whole.headers["content-type"] == "video/mp4"
    assert whole.headers["content-disposition"] == "inline; filename*=utf-8''%C3%A9+a"
    assert (some.status_code, some.content) == (206, b"234")


Change = Callable[[str], str]


@pytest.mark.parametrize(
    "change",
    [
        lambda url: url.replace("one%20two", "one%20three"),
        lambda url: url.replace("one%20two", "one%20three").replace("sp=w", "sp=rw"),
        lambda url: url.partition("?")[0],
    ],
)
def test_an_address_that_is_changed_is_refused(cloud: Cloud, change: Change) -> None:
    upload_id = cloud.uploads.create(PATH)
    url = cloud.presigner.upload_part(PATH, upload_id, 1, size_bytes=1)

    assert not httpx.put(change(url), content=b"x").is_success
    assert httpx.get(url).status_code == 403
    assert cloud.uploads.parts(PATH, upload_id) == []

"""What holders of an address can do on Azure, whose signatures say little."""

import hashlib
import os
from base64 import b64encode
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest
from azure.storage.blob import BlobClient

from app.core.storage import azure_multipart
from app.core.storage.azure_multipart import block_id
from app.core.storage.keys import upload_key, upload_prefix
from app.uploads.cleanup import complete_whole_uploads
from app.videos.tables import Video
from tests.integration.presigned_bucket import (
    CONTENT,
    PART,
    PATH,
    SIZE,
    Bucket,
    bucket,
    part_of,
    problem_of,
    running,
)

__all__ = ["bucket", "running"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize("running", ["azure"], indirect=True),
]

LENGTH = len(block_id(uuid4().hex, 1))
WHOLE = {"x-ms-blob-type": "BlockBlob"}  # of a request that writes all of a blob


def bare(address: str) -> str:
    """Give an address of a part without what makes it one."""
    return address.partition("&comp=block")[0]


def as_block(address: str, name: bytes) -> str:
    block = quote(b64encode(name).decode(), safe="")
    return f"{bare(address)}&comp=block&blockid={block}"


def test_a_blob_that_is_written_whole_is_no_upload(bucket: Bucket) -> None:
    made = bucket.begin()
    address = bucket.addresses(made, [1])[1]

    written = httpx.put(bare(address), content=os.urandom(SIZE), headers=WHOLE)
    there = bucket.api.client.get(f"{PATH}/{made['id']}/parts").json()
    swept = complete_whole_uploads(bucket.api.service)
    refused = bucket.complete(made)
    bucket.send(made)
    answer = bucket.complete(made)

    assert written.status_code == 201
    assert there == {"items": [], "is_whole": False}
    assert swept == 0
    assert problem_of(refused) == (409, "upload-parts-missing")
    assert answer.json()["sha256"] == hashlib.sha256(CONTENT).hexdigest()


@pytest.mark.costly
def test_an_address_changes_nothing_of_a_completed_upload(bucket: Bucket) -> None:
    made = bucket.begin()
    addresses = bucket.addresses(made, [1])
    bucket.send(made)
    video = bucket.complete(made).json()

    late = httpx.put(addresses[1], content=os.urandom(PART))
    whole = httpx.put(bare(addresses[1]), content=b"something else", headers=WHOLE)

    assert (late.status_code, whole.status_code) == (201, 201)
    assert bucket.complete(made).json()["id"] == video["id"]
    file = bucket.api.client.get(f"/videos/{video['id']}/file")
    assert hashlib.sha256(file.content).hexdigest() == video["sha256"]
    assert bucket.api.client.delete(f"{PATH}/{made['id']}").status_code == 204
    assert bucket.left() == ([], [])


@pytest.mark.parametrize("name", [b"x" * LENGTH, b"\xff" * LENGTH, b"-" * LENGTH])
def test_blocks_that_are_none_of_the_file_are_dropped(
    bucket: Bucket, name: bytes
) -> None:
    made = bucket.begin()
    bucket.send(made)
    address = bucket.addresses(made, [1])[1]

    strange = httpx.put(as_block(address, name), content=b"x")
    answer = bucket.complete(made)

    assert strange.status_code == 201
    assert answer.json()["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert bucket.left() == ([], [])


def test_a_part_beyond_the_last_is_refused(bucket: Bucket) -> None:
    made = bucket.begin()
    bucket.send(made)
    row = bucket.row(made)
    assert row is not None
    beyond = as_block(
        bucket.addresses(made, [1])[1], f"{row.multipart_id}-00004".encode()
    )

    assert httpx.put(beyond, content=b"more").status_code == 201

    assert problem_of(bucket.complete(made)) == (409, "upload-part-mismatch")
    assert bucket.count(Video) == 0


@pytest.mark.costly
def test_a_part_that_changes_while_the_upload_is_completed_is_noticed(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = bucket.begin()
    bucket.send(made)
    address = bucket.addresses(made, [3])[3]
    status = azure_multipart._copy_status

    def send_once_more(target: BlobClient) -> str | None:
        """Come between the look at the parts and their commitment."""
        httpx.put(address, content=part_of(3) + b"and more")
        return status(target)

    with monkeypatch.context() as patch:
        patch.setattr(azure_multipart, "_copy_status", send_once_more)
        refused = bucket.complete(made)
    seen = bucket.complete(made)
    bucket.send(made, [3])
    answer = bucket.complete(made)

    assert problem_of(refused) == (409, "upload-part-mismatch")
    assert (problem_of(seen), seen.json()["number"]) == (
        (409, "upload-part-mismatch"),
        3,
    )
    assert answer.json()["sha256"] == hashlib.sha256(CONTENT).hexdigest()


Asked = tuple[str, dict[str, str]]
LEASE: Asked = ("lease", {"x-ms-lease-action": "acquire", "x-ms-lease-duration": "-1"})
SNAPSHOT: Asked = ("snapshot", {})


@pytest.mark.parametrize(("what", "headers"), [LEASE, SNAPSHOT])
def test_what_a_holder_leases_or_copies_is_deleted_all_the_same(
    bucket: Bucket, what: str, headers: dict[str, str]
) -> None:
    made = bucket.begin()
    address = bare(bucket.addresses(made, [1])[1])
    httpx.put(address, content=b"whole", headers=WHOLE)

    done = httpx.put(f"{address}&comp={what}", headers=headers)

    assert done.status_code == 201
    assert bucket.api.client.delete(f"{PATH}/{made['id']}").status_code == 204
    assert bucket.left() == ([], [])


def test_a_blob_of_another_type_is_no_upload(bucket: Bucket) -> None:
    made = bucket.begin()
    address = bare(bucket.addresses(made, [1])[1])
    pages = {"x-ms-blob-type": "PageBlob", "x-ms-blob-content-length": "1024"}

    assert httpx.put(address, headers=pages).status_code == 201

    assert problem_of(bucket.complete(made)) == (409, "upload-parts-missing")
    assert bucket.api.client.delete(f"{PATH}/{made['id']}").status_code == 204
    assert bucket.left() == ([], [])


def test_what_died_between_the_blocks_and_the_object_is_completed_later(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = bucket.begin()
    bucket.send(made)

    def die(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(azure_multipart.AzureMultipart, "_await_copy", die)
        assert bucket.complete(made).status_code == 500
    bucket.api.service.storage.delete(upload_key(made["id"]))  # It was not copied yet.
    there = bucket.api.client.get(f"{PATH}/{made['id']}/parts").json()["items"]
    answer = bucket.complete(made)

    assert [one["number"] for one in there] == [1, 2, 3]
    assert answer.json()["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert bucket.left() == ([], [])


def test_the_etag_of_a_part_is_known_with_its_address(bucket: Bucket) -> None:
    made = bucket.begin()

    told = {one["number"]: one["etag"] for one in bucket.signed(made, [1, 2])}
    bucket.send(made, [1])

    there = bucket.api.client.get(f"{PATH}/{made['id']}/parts").json()["items"]
    assert [(one["number"], one["etag"]) for one in there] == [(1, told[1])]
    assert told[1] != told[2]
    assert upload_prefix(made["id"]) in bucket.addresses(made, [1])[1]

"""Files that clients send to the bucket themselves, part by part."""

import hashlib
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import update

from app.core.db.base import new_id, utc_now
from app.core.storage import s3_multipart
from app.core.storage.keys import upload_key
from app.jobs.tables import Job
from app.keys.service import create_key
from app.projects.tables import Project
from app.uploads import completion
from app.uploads.cleanup import complete_whole_uploads, forget_expired
from app.uploads.tables import ResumableUpload
from app.videos.cleanup import clean_up
from app.videos.tables import Video
from tests.api_server import make_settings, running_api
from tests.databases import PostgresOfTests
from tests.integration.presigned_bucket import (
    CONTENT,
    COUNT,
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

pytestmark = pytest.mark.slow

OTHER = UUID(int=2)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)

# Azure knows of no upload that has no part, and drops the parts of others by itself.
ON_S3 = pytest.mark.parametrize("running", ["s3"], indirect=True)


@pytest.mark.costly
def test_a_file_becomes_a_video_and_no_byte_passes_the_api(bucket: Bucket) -> None:
    made = bucket.begin(filename="C:\\final.mp4", title="Cup final", priority=7)
    assert (made["part_size_bytes"], made["part_count"]) == (PART, COUNT)

    sent = bucket.send(made)
    answer = bucket.complete(made, sent)

    assert answer.status_code == 202, answer.text
    video = answer.json()
    assert answer.headers["location"] == f"/videos/{video['id']}"
    assert (video["filename"], video["title"]) == ("final.mp4", "Cup final")
    assert video["size_bytes"] == SIZE
    assert video["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert (video["job"]["kind"], video["job"]["priority"]) == ("spot", 7)
    file = bucket.api.client.get(f"/videos/{video['id']}/file")
    assert file.content == CONTENT
    assert bucket.left() == ([], [])
    told = bucket.api.client.get(f"{PATH}/{made['id']}").json()
    assert told["video_id"] == video["id"]


@pytest.mark.costly
def test_completing_twice_makes_one_video(bucket: Bucket) -> None:
    made = bucket.begin()
    sent = bucket.send(made)

    first, second = bucket.complete(made, sent), bucket.complete(made)

    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["id"] == second.json()["id"]
    assert (bucket.count(Video), bucket.count(Job)) == (1, 2)
    late = bucket.post(f"{PATH}/{made['id']}/parts", {"numbers": [1]})
    assert problem_of(late) == (409, "upload-is-done")


@pytest.mark.costly
def test_completing_at_once_makes_one_video(bucket: Bucket) -> None:
    made = bucket.begin()
    bucket.send(made)

    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(bucket.complete, [made] * 3))

    assert [one.status_code for one in answers] == [202] * 3
    assert len({one.json()["id"] for one in answers}) == 1
    assert bucket.count(Video) == 1


@pytest.mark.costly
def test_a_client_goes_on_with_the_parts_that_are_not_there(bucket: Bucket) -> None:
    made = bucket.begin()
    bucket.send(made, [2])

    there = bucket.api.client.get(f"{PATH}/{made['id']}/parts").json()
    early = bucket.complete(made)
    bucket.send(made, [one for one in (1, 2, 3) if one != there["items"][0]["number"]])
    answer = bucket.complete(made)

    assert [(one["number"], one["size_bytes"]) for one in there["items"]] == [(2, PART)]
    assert not there["is_whole"]
    assert problem_of(early) == (409, "upload-parts-missing")
    assert early.json()["missing"] == [1, 3]
    assert answer.status_code == 202
    assert answer.json()["sha256"] == hashlib.sha256(CONTENT).hexdigest()


@pytest.mark.costly
def test_another_api_process_goes_on_with_an_upload(
    bucket: Bucket, tmp_path: Path
) -> None:
    made = bucket.begin()
    bucket.send(made, [1, 3])
    settings = bucket.api.service.settings.model_copy(update={"data_dir": tmp_path})

    with running_api(settings) as api:
        api.client.headers.update(bucket.api.client.headers)
        later = replace(bucket, api=api)
        there = api.client.get(f"{PATH}/{made['id']}/parts").json()["items"]
        later.send(made, [2])
        answer = later.complete(made)

    assert [one["number"] for one in there] == [1, 3]
    assert answer.json()["sha256"] == hashlib.sha256(CONTENT).hexdigest()


def test_a_part_that_its_client_does_not_name_or_know_is_not_taken(
    bucket: Bucket,
) -> None:
    made = bucket.begin()
    sent = bucket.send(made)

    unnamed = bucket.complete(made, sent[:2])
    wrong = bucket.complete(made, [*sent[:2], {"number": 3, "etag": sent[0]["etag"]}])

    assert (problem_of(unnamed), unnamed.json()["missing"]) == (
        (409, "upload-parts-missing"),
        [3],
    )
    assert (problem_of(wrong), wrong.json()["number"]) == (
        (409, "upload-part-mismatch"),
        3,
    )
    bare = [{**one, "etag": one["etag"].strip('"')} for one in sent]
    assert bucket.complete(made, bare).status_code == 202


@pytest.mark.parametrize("content", [part_of(3) + b"x", part_of(3)[:-1]])
def test_a_part_of_another_size_is_refused_by_the_bucket_or_at_the_end(
    bucket: Bucket, content: bytes
) -> None:
    made = bucket.begin()
    bucket.send(made, [1, 2])

    answer = httpx.put(bucket.addresses(made, [3])[3], content=content)

    there = bucket.api.client.get(f"{PATH}/{made['id']}/parts").json()["items"]
    if bucket.is_azure:
        assert answer.status_code == 201
        assert there[2]["size_bytes"] == len(content)
    else:
        assert answer.status_code == 403
        assert len(there) == 2
    expected = "part-mismatch" if bucket.is_azure else "parts-missing"
    assert problem_of(bucket.complete(made)) == (409, f"upload-{expected}")
    assert bucket.count(Video) == 0
    bucket.send(made, [3])
    assert bucket.complete(made).status_code == 202


@ON_S3
def test_a_part_of_another_size_is_no_part_of_the_file(bucket: Bucket) -> None:
    made = bucket.begin()
    bucket.send(made, [1, 2])
    row = bucket.row(made)
    assert row is not None
    bucket.s3.client().upload_part(
        Bucket=bucket.address.removeprefix("s3://"),
        Key=f"the club/{upload_key(row.id)}",
        UploadId=row.multipart_id,
        PartNumber=3,
        Body=part_of(3) + b"more than was announced",
    )

    answer = bucket.complete(made)

    assert (problem_of(answer), answer.json()["number"]) == (
        (409, "upload-part-mismatch"),
        3,
    )
    assert bucket.count(Video) == 0


@pytest.mark.costly
def test_a_part_that_is_sent_again_counts_as_it_came_last(bucket: Bucket) -> None:
    made = bucket.begin()
    bucket.send(made)
    last = os.urandom(PART)

    again = httpx.put(bucket.addresses(made, [2])[2], content=last)
    answer = bucket.complete(made)

    assert again.is_success
    expected = part_of(1) + last + part_of(3)
    assert answer.json()["sha256"] == hashlib.sha256(expected).hexdigest()


def test_what_is_given_up_leaves_nothing_and_cannot_be_completed(
    bucket: Bucket,
) -> None:
    made = bucket.begin()
    bucket.send(made, [1])
    addresses = bucket.addresses(made, [2])

    ended = bucket.api.client.delete(f"{PATH}/{made['id']}")

    assert ended.status_code == 204
    assert bucket.left() == ([], [])
    late = httpx.put(addresses[2], content=part_of(2))
    assert late.status_code == (201 if bucket.is_azure else 404)  # dropped in a week
    for answer in (
        bucket.complete(made),
        bucket.api.client.get(f"{PATH}/{made['id']}"),
        bucket.api.client.delete(f"{PATH}/{made['id']}"),
    ):
        assert problem_of(answer) == (404, "upload-not-found")


def test_a_deleted_upload_leaves_its_video(bucket: Bucket) -> None:
    made = bucket.begin()
    bucket.send(made)
    video = bucket.complete(made).json()

    assert bucket.api.client.delete(f"{PATH}/{made['id']}").status_code == 204

    file = bucket.api.client.get(f"/videos/{video['id']}/file")
    assert file.content == CONTENT


def test_an_abandoned_upload_is_swept_with_its_parts(bucket: Bucket) -> None:
    made, young = bucket.begin(), bucket.begin()
    bucket.send(made, [1])
    sessions, storage = bucket.api.service.sessions, bucket.api.service.storage
    with sessions.begin() as session:
        session.execute(
            update(ResumableUpload)
            .where(ResumableUpload.id == UUID(made["id"]))
            .values(expires_at=LONG_AGO)
        )

    assert forget_expired(sessions) == 1
    clean_up(sessions=sessions, storage=storage)

    assert bucket.row(made) is None
    bucket.send(young, [1])
    kept, begun = bucket.left()
    assert (kept, len(begun)) == ([], 1)
    assert begun[0].startswith(f"the club/{upload_key(UUID(young['id']))}")


@ON_S3
def test_the_sweep_leaves_the_parts_of_an_upload_that_lasts_for_weeks(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = bucket.begin()
    bucket.send(made, [1])
    later = utc_now() + timedelta(days=60)
    monkeypatch.setattr(s3_multipart, "_time_of", lambda _: later)
    sessions, storage = bucket.api.service.sessions, bucket.api.service.storage

    clean_up(sessions=sessions, storage=storage)
    bucket.send(made, [2, 3])

    assert bucket.complete(made).status_code == 202


def test_asking_for_addresses_puts_the_expiry_off(bucket: Bucket) -> None:
    made = bucket.begin()
    with bucket.api.service.sessions.begin() as session:
        session.execute(update(ResumableUpload).values(expires_at=LONG_AGO))

    bucket.addresses(made, [1])

    row = bucket.row(made)
    assert row is not None
    assert row.expires_at > utc_now() + timedelta(days=2)


@pytest.mark.costly
def test_a_sweep_ends_what_died_between_the_object_and_its_video(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = bucket.begin()
    bucket.send(made)

    def die(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(completion, "record_upload", die)
        assert bucket.complete(made).status_code == 500
    assert bucket.count(Video) == 0
    parts = bucket.api.client.get(f"{PATH}/{made['id']}/parts").json()
    assert parts == {"items": [], "is_whole": True}

    assert complete_whole_uploads(bucket.api.service) == 1
    answer = bucket.complete(made)

    assert answer.json()["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert bucket.count(Video) == 1
    assert bucket.left() == ([], [])


@ON_S3
def test_an_upload_that_the_bucket_ended_is_told_so(bucket: Bucket) -> None:
    made = bucket.begin()
    row = bucket.row(made)
    assert row is not None
    bucket.s3.client().abort_multipart_upload(
        Bucket=bucket.address.removeprefix("s3://"),
        Key=f"the club/{upload_key(row.id)}",
        UploadId=row.multipart_id,
    )

    answer = bucket.complete(made)

    assert problem_of(answer) == (404, "upload-not-found")
    assert "rule" in answer.json()["detail"]


def test_the_page_may_send_files_there(bucket: Bucket) -> None:
    policy = bucket.api.client.get("/").headers["content-security-policy"]

    assert "connect-src 'self' http://localhost:" in policy
    assert "media-src 'self' blob:;" in policy


def test_a_request_sent_twice_begins_one_upload(bucket: Bucket) -> None:
    body = {"size_bytes": SIZE, "filename": "a.mp4"}
    again = {"idempotency-key": "k1"}

    first, second = (bucket.post(PATH, body, **again) for _ in range(2))
    other = bucket.post(PATH, {**body, "size_bytes": 7}, **again)

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] == second.json()["id"]
    assert problem_of(other) == (422, "idempotency-key-reused")
    if not bucket.is_azure:  # There, an upload begins with its first part.
        assert len(bucket.left()[1]) == 1


def test_a_request_sent_again_is_told_though_its_model_is_gone(
    bucket: Bucket, checkpoint: Path
) -> None:
    model = bucket.api.data_dir / "models" / checkpoint.name
    model.parent.mkdir(exist_ok=True)
    shutil.copy(checkpoint, model)
    body = {"size_bytes": SIZE, "model": checkpoint.stem}
    key = {"idempotency-key": "k-model"}

    first = bucket.post(PATH, body, **key)
    model.unlink()
    again, other = bucket.post(PATH, body, **key), bucket.post(PATH, body)

    assert first.status_code == again.status_code == 201, again.text
    assert again.json()["id"] == first.json()["id"]
    assert problem_of(other) == (422, "unknown-model")


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"size_bytes": 20 * PART + 1}, (413, "video-too-large")),
        ({"size_bytes": 0}, (422, "invalid-request")),
        ({"model": "no such model"}, (422, "unknown-model")),
        ({"callback_url": "http://10.0.0.1/"}, (422, "callback-refused")),
        ({"parts": 3}, (422, "invalid-request")),
    ],
)
def test_what_cannot_become_a_video_is_refused_before_it_comes(
    bucket: Bucket, said: dict[str, Any], problem: tuple[int, str]
) -> None:
    answer = bucket.post(PATH, {"size_bytes": SIZE, **said})

    assert problem_of(answer) == problem
    assert bucket.left() == ([], [])


def test_a_quota_counts_what_is_to_come(bucket: Bucket) -> None:
    with bucket.api.service.sessions.begin() as session:
        session.execute(update(Project).values(max_stored_bytes=2 * SIZE))
    try:
        bucket.begin()
        refused = bucket.post(PATH, {"size_bytes": SIZE + 1})
    finally:
        with bucket.api.service.sessions.begin() as session:
            session.execute(update(Project).values(max_stored_bytes=None))

    assert problem_of(refused) == (413, "stored-quota-reached")
    if not bucket.is_azure:
        assert len(bucket.left()[1]) == 1


@pytest.mark.parametrize("numbers", [[0], [4], [], [*range(1, 1002)]])
def test_addresses_are_signed_of_parts_that_there_are(
    bucket: Bucket, numbers: list[int]
) -> None:
    made = bucket.begin()

    answer = bucket.post(f"{PATH}/{made['id']}/parts", {"numbers": numbers})

    assert answer.status_code == 422


def test_an_address_is_good_for_its_part_and_a_while(bucket: Bucket) -> None:
    made = bucket.begin()
    uploads = bucket.api.service.part_uploads
    assert uploads is not None
    address = bucket.addresses(made, [3])[3]
    presigner = uploads.presigner
    presigner.expiry, before = timedelta(seconds=1), presigner.expiry
    try:
        short = bucket.addresses(made, [3])[3]
    finally:
        presigner.expiry = before
    time.sleep(2.5)

    other = (
        address.replace(made["id"], str(new_id()))
        if bucket.is_azure  # which signs the blob alone
        else address.replace("partNumber=3", "partNumber=2")
    )
    assert other != address

    assert httpx.put(short, content=part_of(3)).status_code == 403
    assert httpx.put(other, content=part_of(3)).status_code == 403
    assert httpx.put(address, content=part_of(3)).is_success
    assert httpx.get(address).status_code == 403


def test_other_projects_and_readers_have_no_part_in_it(bucket: Bucket) -> None:
    made = bucket.begin()
    with bucket.api.service.sessions.begin() as session:
        if session.get(Project, OTHER) is None:
            session.add(Project(id=OTHER, name="other", created_at=utc_now()))
            session.flush()
        theirs = create_key(
            session, name="k", scopes=["write"], project_id=OTHER, now=utc_now()
        ).text
    as_theirs = {"authorization": f"Bearer {theirs}"}
    at = f"{PATH}/{made['id']}"

    told = [
        bucket.api.client.get(at, headers=as_theirs),
        bucket.api.client.get(f"{at}/parts", headers=as_theirs),
        bucket.post(f"{at}/parts", {"numbers": [1]}, **as_theirs),
        bucket.post(f"{at}/complete", {}, **as_theirs),
        bucket.api.client.delete(at, headers=as_theirs),
    ]

    assert [problem_of(one) for one in told] == [(404, "upload-not-found")] * 5
    assert bucket.row(made) is not None


def test_tus_knows_nothing_of_it(bucket: Bucket) -> None:
    made = bucket.begin()
    headers = {"tus-resumable": "1.0.0", "upload-offset": "0"}
    headers["content-type"] = "application/offset+octet-stream"

    head = bucket.api.client.head(f"/uploads/{made['id']}", headers=headers)
    patch = bucket.api.client.patch(
        f"/uploads/{made['id']}", headers=headers, content=b"x"
    )

    assert (head.status_code, patch.status_code) == (404, 404)


def test_a_service_that_does_not_want_it_says_what_to_do(
    postgres: PostgresOfTests, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("data")
    with (
        postgres.fresh_database() as url,
        running_api(make_settings(data_dir=folder, database_url=url)) as api,
    ):
        answer = api.client.post(PATH, json={"size_bytes": 5})

    assert problem_of(answer) == (409, "presigned-uploads-off")
    assert "TOUCHLINE_PRESIGNED_UPLOADS" in answer.json()["detail"]

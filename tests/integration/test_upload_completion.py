"""Uploads that are whole while something is in the way of their video."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from app.core.storage.object_store import ObjectStorage
from app.projects.tables import Project
from app.uploads import presigned_service
from app.uploads.cleanup import complete_whole_uploads
from app.videos.cleanup import clean_up
from app.videos.tables import Video
from tests.integration.presigned_bucket import (
    CONTENT,
    PATH,
    SIZE,
    Bucket,
    bucket,
    problem_of,
    running,
)

__all__ = ["bucket", "running"]

pytestmark = pytest.mark.slow

TUS = {"tus-resumable": "1.0.0"}


@pytest.fixture
def full_queue(bucket: Bucket) -> Iterator[None]:
    """Let one analysis fill the project's queue."""
    made = bucket.begin()
    bucket.send(made)
    assert bucket.complete(made).status_code == 202
    limit_hours(bucket, 1)
    yield
    limit_hours(bucket, None)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note which objects are read to their end."""
    found: list[str] = []
    as_stream, as_copy = ObjectStorage.open_range, ObjectStorage.local_copy

    def noted(read: Any) -> Any:
        def of_storage(storage: ObjectStorage, key: str, *args: Any) -> Any:
            found.append(key)
            return read(storage, key, *args)

        return of_storage

    monkeypatch.setattr(ObjectStorage, "open_range", noted(as_stream))
    monkeypatch.setattr(ObjectStorage, "local_copy", noted(as_copy))
    return found


def limit_hours(bucket: Bucket, hours: int | None) -> None:
    with bucket.api.service.sessions.begin() as session:
        session.execute(update(Project).values(max_queued_hours=hours))


def begin_by_tus(bucket: Bucket) -> str:
    asked = {**TUS, "upload-length": str(SIZE)}
    made = bucket.api.client.post("/uploads", headers=asked)
    assert made.status_code == 201, made.text
    return str(made.headers["location"])


def send_by_tus(bucket: Bucket, at: str) -> httpx.Response:
    headers = {**TUS, "upload-offset": "0"}
    headers["content-type"] = "application/offset+octet-stream"
    return bucket.api.client.patch(at, headers=headers, content=CONTENT)


def begin_and_send(bucket: Bucket) -> str:
    made = bucket.begin()
    bucket.send(made)
    return f"{PATH}/{made['id']}"


@pytest.mark.costly
def test_what_no_queue_has_room_for_is_not_read_again_and_again(
    bucket: Bucket, full_queue: None, reads: list[str]
) -> None:
    limit_hours(bucket, None)
    presigned, by_tus = begin_and_send(bucket), begin_by_tus(bucket)
    limit_hours(bucket, 1)

    told = [bucket.post(f"{presigned}/complete", {}), send_by_tus(bucket, by_tus)]
    completed = [complete_whole_uploads(bucket.api.service) for _ in range(2)]

    assert [problem_of(one) for one in told] == [(429, "queue-quota-reached")] * 2
    assert completed == [0, 0]
    assert reads == []
    limit_hours(bucket, None)
    assert complete_whole_uploads(bucket.api.service) == 2
    assert bucket.count(Video) == 3


@pytest.mark.parametrize(
    ("way", "place", "step"),
    [
        pytest.param("presigned", presigned_service, "put_together", id="read"),
        pytest.param("presigned", ObjectStorage, "link", id="linked"),
        pytest.param("tus", ObjectStorage, "link", id="tus"),
    ],
)
def test_an_upload_that_is_deleted_while_it_is_completed_is_gone(
    bucket: Bucket,
    way: str,
    place: object,
    step: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at = begin_and_send(bucket) if way == "presigned" else begin_by_tus(bucket)
    goes_on = getattr(place, step)

    def and_delete(*args: Any) -> Any:
        done = goes_on(*args) if place is presigned_service else None
        ended = bucket.api.client.delete(at, headers=TUS)
        assert ended.status_code == 204
        return done if place is presigned_service else goes_on(*args)

    with monkeypatch.context() as patch:
        patch.setattr(place, step, and_delete)
        if way == "presigned":
            answer = bucket.post(f"{at}/complete", {})
        else:
            answer = send_by_tus(bucket, at)

    assert problem_of(answer) == (404, "upload-not-found")
    assert bucket.count(Video) == 0
    clean_up(sessions=bucket.api.service.sessions, storage=bucket.api.service.storage)
    assert bucket.left() == ([], [])


def test_tus_gives_up_no_upload_of_the_buckets(bucket: Bucket) -> None:
    made = bucket.begin()

    answer = bucket.api.client.delete(f"/uploads/{made['id']}", headers=TUS)

    assert problem_of(answer) == (404, "upload-not-found")
    assert bucket.row(made) is not None

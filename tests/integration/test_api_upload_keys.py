"""`Idempotency-Key`: what is sent twice is kept once."""

from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import update

from app.core.db.base import utc_now
from app.core.db.models import UploadKey
from tests.api_server import (
    RunningApi,
    form_part,
    make_settings,
    running_api,
    upload_head,
)
from tests.services import PostgresOfTests


@pytest.fixture(scope="module")
def shared_api(
    postgres: PostgresOfTests, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningApi]:
    with postgres.fresh_database() as url:
        data_dir = tmp_path_factory.mktemp("data")
        with running_api(make_settings(data_dir=data_dir, database_url=url)) as running:
            yield running


@pytest.fixture
def api(shared_api: RunningApi) -> RunningApi:
    shared_api.forget_all()
    return shared_api


def test_an_upload_sent_again_makes_one_video(api: RunningApi) -> None:
    first, second = _send(api, key="k1"), _send(api, key="k1")

    assert first.status_code == second.status_code == 202
    assert first.json() == second.json()
    assert first.headers["location"] == second.headers["location"]
    assert len(api.client.get("/videos").json()["items"]) == 1
    assert len([path for path in api.kept_files() if path.is_file()]) == 1
    assert api.service.doorbell.waiting("gpu") == 1


def test_other_keys_and_no_key_make_videos_of_their_own(api: RunningApi) -> None:
    answers = [_send(api, key=key) for key in ("k1", "k2", None, None)]

    assert len({answer.json()["id"] for answer in answers}) == 4


@pytest.mark.parametrize(
    "other", [{"content": b"other"}, {"title": "other"}, {"filename": "other.mp4"}]
)
def test_a_key_with_another_upload_is_refused(
    api: RunningApi, other: dict[str, str | bytes]
) -> None:
    _send(api, key="k1")

    answer = _send(api, key="k1", **other)

    assert answer.status_code == 422
    assert answer.json()["type"] == "/problems/idempotency-key-reused"
    assert len([path for path in api.kept_files() if path.is_file()]) == 1


def test_a_key_is_held_while_its_upload_is_under_way(api: RunningApi) -> None:
    part = form_part("file", b"x" * 1000, filename="a.mp4")
    with api.connect() as connection:
        head = upload_head(content_length=10**6, extra="Idempotency-Key: k1\r\n")
        connection.sendall(head + part)
        _wait_for_key(api)
        meanwhile = _send(api, key="k1")

    assert meanwhile.status_code == 409
    assert meanwhile.json()["type"] == "/problems/idempotency-key-in-use"
    _wait_for_key(api, is_there=False)  # The client left: its key is free again.
    assert _send(api, key="k1").status_code == 202


def test_a_failed_upload_lets_its_key_go(api: RunningApi) -> None:
    refused = _send(api, key="k1", title="two\nlines")

    taken = _send(api, key="k1")

    assert (refused.status_code, taken.status_code) == (422, 202)


def test_the_key_of_a_holder_that_died_is_taken_over(api: RunningApi) -> None:
    with api.service.sessions.begin() as session:
        long_ago = utc_now() - timedelta(minutes=5)
        session.add(UploadKey(key="k1", touched_at=long_ago, created_at=long_ago))

    assert _send(api, key="k1").status_code == 202


def test_a_key_is_forgotten_after_a_day(api: RunningApi) -> None:
    first = _send(api, key="k1")
    with api.service.sessions.begin() as session:
        yesterday = utc_now() - timedelta(days=1, minutes=1)
        session.execute(update(UploadKey).values(created_at=yesterday))

    second = _send(api, key="k1", title="another upload")

    assert second.status_code == 202
    assert second.json()["id"] != first.json()["id"]


def test_the_key_of_a_deleted_video_is_free(api: RunningApi) -> None:
    first = _send(api, key="k1").json()
    api.client.delete(f"/videos/{first['id']}")

    assert _send(api, key="k1").json()["id"] != first["id"]


@pytest.mark.parametrize("key", ["", "two words", "x" * 256])
def test_a_bad_key_is_refused(api: RunningApi, key: str) -> None:
    answer = _send(api, key=key)

    assert answer.status_code == 422
    assert "Idempotency-Key" in answer.json()["detail"]


def _send(
    api: RunningApi,
    *,
    key: str | None,
    content: str | bytes = b"the bytes of a video",
    title: str | bytes = "A match",
    filename: str | bytes = "a.mp4",
) -> httpx.Response:
    headers = {} if key is None else {"idempotency-key": key}
    return api.client.post(
        "/videos",
        files={"file": (str(filename), content)},
        data={"title": title},
        headers=headers,
    )


def _wait_for_key(api: RunningApi, *, is_there: bool = True) -> None:
    for _ in range(2000):
        with api.service.sessions() as session:
            if (session.get(UploadKey, "k1") is not None) is is_there:
                return
    pytest.fail("the key was never taken, or never let go")

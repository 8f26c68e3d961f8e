"""An upload whose COMMIT goes unanswered is never a row without its file."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select, update

from app.core.db.session import Sessions
from app.core.storage.keys import source_key
from app.idempotency.tables import IdempotencyKeyRow
from app.videos.cleanup import clean_up
from app.videos.in_flight import SILENT, begin_upload
from app.videos.tables import Upload, Video
from tests.api_server import RunningApi, make_settings, running_api
from tests.integration.postgres_proxy import Cut, PostgresProxy, proxied

CONTENT = b"the bytes of a video"


@pytest.fixture
def proxy(database_url: str) -> Iterator[PostgresProxy]:
    with proxied(database_url) as found:
        yield found


@pytest.fixture
def api(proxy: PostgresProxy, tmp_path: Path) -> Iterator[RunningApi]:
    settings = make_settings(data_dir=tmp_path / "data", database_url=proxy.url)
    with running_api(settings) as running:
        yield running


def test_a_commit_whose_answer_is_lost_is_found_out(
    api: RunningApi, proxy: PostgresProxy
) -> None:
    proxy.cut = Cut.ANSWER

    first, again = _send(api), _send(api)

    assert proxy.has_cut
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    assert api.client.get(first.json()["links"]["file"]).content == CONTENT
    assert api.service.notifier.waiting("gpu") == 1


def test_a_commit_that_never_arrived_leaves_nothing(
    api: RunningApi, proxy: PostgresProxy
) -> None:
    proxy.cut = Cut.QUESTION

    answer = _send(api)

    assert answer.status_code == 503
    assert "nothing was kept" in answer.json()["detail"]
    assert not [path for path in api.kept_files() if path.is_file()]
    assert api.client.get("/videos").json()["items"] == []
    assert _send(api).status_code == 202


def test_a_file_stays_while_nobody_knows_whether_it_was_recorded(
    api: RunningApi,
    proxy: PostgresProxy,
    sessions: Sessions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.core.db.commit.PATIENCE_S", 0.5)
    proxy.cut = Cut.ANSWER_AND_SERVER

    answer = _send(api)

    assert answer.status_code == 503
    storage = api.service.storage
    with sessions() as session:
        video = session.scalars(select(Video)).one()
        key = session.scalars(select(IdempotencyKeyRow)).one()
    assert key.video_id == video.id
    clean_up(sessions=sessions, storage=storage)
    kept = storage.get(source_key(video.id))
    assert hashlib.sha256(kept).hexdigest() == video.sha256


def test_a_file_that_was_not_recorded_is_swept(
    api: RunningApi,
    proxy: PostgresProxy,
    sessions: Sessions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.core.db.commit.PATIENCE_S", 0.5)
    proxy.cut = Cut.ANSWER_AND_SERVER
    _send(api)
    with sessions.begin() as session:  # As if the server had not heard of it.
        video = session.scalars(select(Video)).one()
        begin_upload(video.id, sessions)
        session.delete(video)
        session.execute(update(Upload).values(touched_at=func.now() - 2 * SILENT))

    clean_up(sessions=sessions, storage=api.service.storage)

    assert not [path for path in api.kept_files() if path.is_file()]


def _send(api: RunningApi) -> httpx.Response:
    return api.client.post(
        "/videos", files={"file": ("a.mp4", CONTENT)}, headers={"idempotency-key": "k"}
    )

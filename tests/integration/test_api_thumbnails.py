"""The poster and the thumbnails of a video, over real HTTP."""

from pathlib import Path
from urllib.parse import urljoin
from uuid import UUID, uuid4

import pytest

from app.clips.service import ThumbnailKeys
from app.core.db.session import Sessions
from app.core.storage.interface import Storage
from tests.api_server import RunningApi, make_settings, running_api

JPEG = b"\xff\xd8\xff and so on \xff\xd9"
CUES = b"WEBVTT\n\n00:00:00.000 --> 00:00:05.000\nthumbnails.jpg#xywh=0,0,160,90\n"


@pytest.fixture
def video_id(api: RunningApi) -> UUID:
    answer = api.client.post("/videos", files={"file": b"not yet looked at"})
    return UUID(answer.json()["id"])


def store(
    video_id: UUID, storage: Storage, sessions: Sessions, *, jpeg: bytes = JPEG
) -> ThumbnailKeys:
    """Leave a video's pictures as a run of a worker does."""
    keys = ThumbnailKeys.of_run(video_id, uuid4())
    for key, data in ((keys.poster, jpeg), (keys.sheet, jpeg), (keys.cues, CUES)):
        storage.put(key, data)
    with sessions.begin() as session:
        keys.save(session, video_id)
    return keys


def store_by(api: RunningApi, video_id: UUID, *, jpeg: bytes = JPEG) -> ThumbnailKeys:
    service = api.service
    return store(video_id, service.storage, service.sessions, jpeg=jpeg)


def test_a_video_tells_where_its_pictures_are_and_whether_they_are_made(
    api: RunningApi, video_id: UUID
) -> None:
    before = api.client.get(f"/videos/{video_id}").json()

    store_by(api, video_id)

    after = api.client.get("/videos").json()["items"][0]
    assert before["has_poster"] is False
    assert after["has_poster"] is True
    assert before["links"] == after["links"]
    assert after["links"]["poster"] == f"/videos/{video_id}/poster"
    assert after["links"]["thumbnails"] == f"/videos/{video_id}/thumbnails.vtt"


def test_pictures_are_loaded_as_what_they_are(api: RunningApi, video_id: UUID) -> None:
    store_by(api, video_id)

    poster = api.client.get(f"/videos/{video_id}/poster")
    cues = api.client.get(f"/videos/{video_id}/thumbnails.vtt")
    sheet = api.client.get(
        urljoin(f"/videos/{video_id}/thumbnails.vtt", "thumbnails.jpg")
    )

    assert [answer.status_code for answer in (poster, cues, sheet)] == [200] * 3
    assert poster.content == sheet.content == JPEG
    assert cues.content == CUES
    assert poster.headers["content-type"] == "image/jpeg"
    assert cues.headers["content-type"] == "text/vtt; charset=utf-8"
    assert poster.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["poster", "thumbnails.vtt", "thumbnails.jpg"])
def test_a_client_that_has_a_picture_is_sent_nothing(
    api: RunningApi, video_id: UUID, name: str
) -> None:
    store_by(api, video_id)
    address = f"/videos/{video_id}/{name}"
    first = api.client.get(address)

    again = api.client.get(address, headers={"if-none-match": first.headers["etag"]})
    store_by(api, video_id, jpeg=JPEG + JPEG)
    anew = api.client.get(address, headers={"if-none-match": first.headers["etag"]})
    head = api.client.head(address)

    assert "max-age" in first.headers["cache-control"]
    assert "private" in first.headers["cache-control"]
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert anew.status_code == head.status_code == 200
    assert head.headers["content-length"] == str(len(anew.content))


@pytest.mark.parametrize("name", ["poster", "thumbnails.vtt", "thumbnails.jpg"])
def test_there_are_none_until_they_are_made(
    api: RunningApi, video_id: UUID, name: str
) -> None:
    none_yet = api.client.get(f"/videos/{video_id}/{name}")
    unknown = api.client.get(f"/videos/{uuid4()}/{name}")

    assert none_yet.status_code == unknown.status_code == 404
    assert none_yet.json()["type"].endswith("/no-thumbnails")
    assert unknown.json()["type"].endswith("/video-not-found")


def test_a_file_that_is_gone_is_none_yet(api: RunningApi, video_id: UUID) -> None:
    keys = store_by(api, video_id)
    api.service.storage.delete(keys.poster)

    answer = api.client.get(f"/videos/{video_id}/poster")

    assert answer.json()["type"].endswith("/no-thumbnails")


def test_pictures_go_with_their_video(api: RunningApi, video_id: UUID) -> None:
    store_by(api, video_id)

    api.client.delete(f"/videos/{video_id}")

    assert api.client.get(f"/videos/{video_id}/poster").status_code == 404
    assert [path for path in api.kept_files() if path.is_file()] == []


def test_pictures_need_the_key_in_a_header_or_in_the_cookie(
    database_url: str, tmp_path: Path
) -> None:
    settings = make_settings(
        data_dir=tmp_path, database_url=database_url, api_key="s3cret"
    )
    with running_api(settings) as api:
        bearer = {"authorization": "Bearer s3cret"}
        upload = api.client.post("/videos", files={"file": b"x"}, headers=bearer)
        video_id = UUID(upload.json()["id"])
        store_by(api, video_id)

        for name in ("poster", "thumbnails.vtt", "thumbnails.jpg"):
            address = f"/videos/{video_id}/{name}"
            cookie = {"cookie": "touchline_key=s3cret"}
            assert api.client.get(address).status_code == 401
            assert api.client.get(address, headers=cookie).status_code == 200
            assert api.client.get(address, headers=bearer).status_code == 200

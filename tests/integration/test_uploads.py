"""Uploads by tus over real HTTP: what came is kept, the last byte makes one video."""

import asyncio
import base64
import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import func, select, update
from starlette.types import Message

from app.core.db.base import utc_now
from app.core.db.project_sessions import sessions_of
from app.core.errors import NotReady
from app.core.principal import Principal
from app.jobs.tables import Job
from app.uploads.chunk import Chunk
from app.uploads.completion import complete_upload
from app.uploads.problems import UploadNotFound
from app.uploads.receive import receive_chunk
from app.uploads.service import end_upload, look_at_upload
from app.uploads.tables import ResumableUpload
from app.videos.tables import Upload, Video
from tests.api_server import RunningApi, eventually, paths_in, read_answer

MIB = 2**20
API_SETTINGS = {
    "max_upload_size": 8 * MIB,
    "webhook_allow_nets": "127.0.0.0/8",
    "upload_idle": "3 s",
}
TUS = {"tus-resumable": "1.0.0"}
BYTES = {"content-type": "application/offset+octet-stream"}


def test_chunks_become_a_video_like_one_that_was_posted(api: RunningApi) -> None:
    content = os.urandom(3 * MIB + 17)
    place = _create(
        api,
        len(content),
        filename="../../final é.mp4",
        title="Cup final",
        date="2026-05-31",
        competition="City Cup",
        callback_url="http://127.0.0.1:9/hook",
        priority="3",
        filetype="video/mp4",
    )

    first = _patch(api, place, content[:MIB], 0)
    head = api.client.head(place, headers=TUS)
    last = _patch(api, place, content[MIB:], MIB)

    assert first.status_code == last.status_code == 204
    assert first.headers["upload-offset"] == head.headers["upload-offset"] == str(MIB)
    assert head.headers["cache-control"] == "no-store"
    assert head.headers["upload-length"] == str(len(content))
    assert "upload-expires" in head.headers
    assert "touchline-video" not in head.headers
    assert last.headers["upload-offset"] == str(len(content))
    assert last.headers["location"] == last.headers["touchline-video"]
    video = api.client.get(last.headers["touchline-video"]).json()
    posted = api.client.post(
        "/videos",
        files={"file": ("../../final é.mp4", content, "video/mp4")},
        data={
            "title": "Cup final",
            "date": "2026-05-31",
            "competition": "City Cup",
            "callback_url": "http://127.0.0.1:9/hook",
            "priority": "3",
        },
    ).json()
    own = {"id", "created_at", "job", "links", "duplicate_of"}
    assert {key: video[key] for key in video.keys() - own} == {
        key: posted[key] for key in posted.keys() - own
    }
    assert (video["date"], video["competition"]) == ("2026-05-31", "City Cup")
    assert video["sha256"] == hashlib.sha256(content).hexdigest()
    assert api.client.get(video["links"]["file"]).content == content
    assert video["job"]["priority"] == posted["job"]["priority"] == 3
    kinds = [
        sorted(str(job["kind"]) for job in _jobs(api, one["id"]))
        for one in (video, posted)
    ]
    assert kinds[0] == kinds[1]
    assert api.service.notifier.waiting("gpu") == 2
    assert not list((api.data_dir / "uploads").rglob("*"))


def test_whatever_is_asked_after_the_last_byte_names_the_same_video(
    api: RunningApi,
) -> None:
    place = _create(api, 4)
    video = _patch(api, place, b"abcd", 0).headers["touchline-video"]

    head = api.client.head(place, headers=TUS)
    again = _patch(api, place, b"", 4)
    late = _patch(api, place, b"abcd", 0)
    told = api.client.get(place).json()

    assert head.headers["touchline-video"] == again.headers["touchline-video"] == video
    assert head.headers["upload-offset"] == head.headers["upload-length"] == "4"
    assert late.status_code == 409
    assert late.json()["upload_offset"] == 4
    assert f"/videos/{told['video_id']}" == video
    assert _count(api, Video) == 1


def test_an_upload_whose_last_answer_was_never_made_is_completed_by_a_look(
    api: RunningApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = _create(api, 4)
    with monkeypatch.context() as patch:
        patch.setattr("app.uploads.completion.record_upload", _fail)
        failed = _patch(api, place, b"abcd", 0)
    videos_before = _count(api, Video)

    heads = [api.client.head(place, headers=TUS) for _ in range(2)]

    assert failed.status_code == 503
    assert videos_before == 0
    assert _count(api, Video) == 1
    assert len({head.headers["touchline-video"] for head in heads}) == 1
    assert len(_jobs(api, heads[0].headers["touchline-video"].split("/")[-1])) == 2
    assert _count(api, Upload) == 0


def test_a_chunk_is_answered_with_the_expiry_that_it_put_off(api: RunningApi) -> None:
    place = _create(api, 4)
    soon = utc_now() + timedelta(minutes=5)
    with api.service.sessions.begin() as session:
        session.execute(update(ResumableUpload).values(expires_at=soon))

    told = _patch(api, place, b"ab", 0).headers["upload-expires"]

    assert parsedate_to_datetime(told) > utc_now() + timedelta(hours=1)
    assert told == api.client.head(place, headers=TUS).headers["upload-expires"]


def test_a_chunk_that_breaks_off_counts_as_far_as_it_came(api: RunningApi) -> None:
    content = os.urandom(2 * MIB)
    place = _create(api, len(content))

    with api.connect() as connection:
        connection.sendall(_head(place, len(content), 0) + content[:MIB])
        eventually(lambda: _offset(api, place) >= MIB - 2**16)
    eventually(lambda: _offset(api, place) == MIB)
    last = _patch(api, place, content[MIB:], MIB)

    video = api.client.get(last.headers["touchline-video"]).json()
    assert video["sha256"] == hashlib.sha256(content).hexdigest()


def test_a_request_that_hangs_makes_room_for_the_next(api: RunningApi) -> None:
    place = _create(api, 10)

    with api.connect() as hanging:
        hanging.sendall(_head(place, 10, 0) + b"abcde")
        eventually(lambda: _offset(api, place) == 5)
        last = _patch(api, place, b"fghij", 5)

    assert last.status_code == 204
    video = api.client.get(last.headers["touchline-video"]).json()
    assert api.client.get(video["links"]["file"]).content == b"abcdefghij"


def test_bytes_that_stop_coming_are_kept_and_the_client_is_told(
    api: RunningApi,
) -> None:
    place = _create(api, 10)

    with api.connect() as connection:
        connection.sendall(_head(place, 10, 0) + b"abcde")
        answer = read_answer(connection)

    assert answer.startswith(b"HTTP/1.1 409")
    assert b"upload-interrupted" in answer
    assert _offset(api, place) == 5


def test_a_checksum_that_fits_is_kept_and_one_that_does_not_undoes_its_chunk(
    api: RunningApi,
) -> None:
    place = _create(api, 10)

    wrong = _patch(api, place, b"abcde", 0, **_checksum("sha1", b"other"))
    after_wrong = _offset(api, place)
    right = _patch(api, place, b"abcde", 0, **_checksum("sha1", b"abcde"))
    unknown = _patch(api, place, b"fghij", 5, **{"upload-checksum": "md5 AAAA"})
    last = _patch(api, place, b"fghij", 5, **_checksum("sha256", b"fghij"))

    assert wrong.status_code == 460
    assert after_wrong == 0
    assert right.status_code == 204
    assert unknown.status_code == 422
    assert _video(api, last)["sha256"] == hashlib.sha256(b"abcdefghij").hexdigest()


def test_a_chunk_with_a_checksum_that_breaks_off_does_not_count(
    api: RunningApi,
) -> None:
    place = _create(api, 10)
    _patch(api, place, b"ab", 0)
    extra = "Upload-Checksum: " + _checksum("sha1", b"cdefghij")["upload-checksum"]

    with api.connect() as connection:
        connection.sendall(_head(place, 8, 2, extra + "\r\n") + b"cdef")
        eventually(lambda: _unchecked(api, place) == 2)
        meanwhile = _offset(api, place)
    eventually(lambda: _unchecked(api, place) is None)

    assert meanwhile == 2
    assert _offset(api, place) == 2


def test_a_chunk_whose_process_died_before_its_checksum_does_not_count(
    api: RunningApi,
) -> None:
    place = _create(api, 6)
    _patch(api, place, b"abcd", 0)
    with api.service.sessions.begin() as session:  # what a killed process leaves
        session.execute(update(ResumableUpload).values(unchecked_from=2))

    offset = _offset(api, place)
    last = _patch(api, place, b"CDEF", 2)

    assert offset == 2
    content = api.client.get(_video(api, last)["links"]["file"]).content
    assert content == b"abCDEF"


def test_more_than_was_announced_is_refused_and_not_kept(api: RunningApi) -> None:
    place = _create(api, 4)

    said = _patch(api, place, b"abcde", 0)
    unsaid = api.client.patch(
        place,
        content=iter([b"ab", b"cde"]),
        headers={**TUS, **BYTES, "upload-offset": "0"},
    )

    for answer in (said, unsaid):
        assert answer.status_code == 413
        assert answer.json()["type"] == "/problems/upload-too-long"
    assert _offset(api, place) == 0
    assert _count(api, Video) == 0


def test_what_cannot_become_a_video_is_refused_before_its_bytes(
    api: RunningApi,
) -> None:
    answers = {
        "empty": _post(api, {"upload-length": "0"}),
        "too large": _post(api, {"upload-length": str(8 * MIB + 1)}),
        "no length": _post(api, {}),
        "deferred": _post(api, {"upload-defer-length": "1"}),
        "negative": _post(api, {"upload-length": "-1"}),
        "model": _post(api, {"upload-length": "4", **_metadata(model="nobody")}),
        "callback": _post(
            api, {"upload-length": "4", **_metadata(callback_url="http://10.0.0.1/")}
        ),
        "priority": _post(api, {"upload-length": "4", **_metadata(priority="11")}),
        "title": _post(api, {"upload-length": "4", **_metadata(title="x" * 301)}),
        "metadata": _post(api, {"upload-length": "4", "upload-metadata": "title $$$"}),
        "twice": _post(api, {"upload-length": "4", "upload-metadata": "a YQ==,a YQ=="}),
    }

    assert {name: answer.status_code for name, answer in answers.items()} == {
        "too large": 413,
        **dict.fromkeys(answers.keys() - {"too large"}, 422),
    }
    assert _count(api, ResumableUpload) == 0


def test_what_a_client_says_of_its_file_is_sent_back(api: RunningApi) -> None:
    said = _metadata(filename="a.mp4", custom="x")["upload-metadata"] + ",flag"
    place = _post(api, {"upload-length": "4", "upload-metadata": said}).headers[
        "location"
    ]

    head = api.client.head(place, headers=TUS)

    assert head.headers["upload-metadata"] == said


def test_the_first_bytes_may_come_with_the_announcement(api: RunningApi) -> None:
    half = api.client.post(
        "/uploads", content=b"ab", headers={**TUS, **BYTES, "upload-length": "4"}
    )
    whole = api.client.post(
        "/uploads", content=b"abcd", headers={**TUS, **BYTES, "upload-length": "4"}
    )

    assert half.status_code == whole.status_code == 201
    assert half.headers["upload-offset"] == "2"
    assert half.headers["location"].startswith("/uploads/")
    assert whole.headers["location"].startswith("/uploads/")
    assert _video(api, whole)["size_bytes"] == 4


def test_an_announcement_whose_bytes_are_refused_leaves_nothing(
    api: RunningApi,
) -> None:
    headers = {**TUS, **BYTES, "upload-length": "4"}

    wrong = api.client.post(
        "/uploads", content=b"abcd", headers={**headers, **_checksum("sha1", b"other")}
    )
    too_long = api.client.post(
        "/uploads", content=iter([b"ab", b"cde"]), headers=headers
    )

    assert (wrong.status_code, too_long.status_code) == (460, 413)
    assert _count(api, ResumableUpload) == 0
    assert api.kept_files() == []


def test_an_announcement_whose_bytes_break_off_says_where_they_are(
    api: RunningApi,
) -> None:
    head = _head("/uploads", 10, 0, "Upload-Length: 10\r\n").replace(b"PATCH", b"POST")

    with api.connect() as connection:
        connection.sendall(head + b"abcde")
        answer = read_answer(connection).decode()

    assert answer.startswith("HTTP/1.1 409")
    (place,) = re.findall(r"(?im)^location: (\S+)", answer)
    assert _offset(api, place) == 5
    assert _video(api, _patch(api, place, b"fghij", 5))["size_bytes"] == 10


def test_a_whole_upload_whose_checksum_was_not_compared_makes_no_video(
    api: RunningApi,
) -> None:
    place = _create(api, 4)
    _patch(api, place, b"ab", 0)
    with api.service.sessions.begin() as session:  # what a killed process leaves
        session.execute(update(ResumableUpload).values(unchecked_from=0, size_bytes=2))
    upload_id = UUID(place.rsplit("/", 1)[-1])
    sessions = sessions_of(api.service.sessions, Principal("local"))
    resources = replace(api.service, sessions=sessions)

    with pytest.raises(NotReady):
        asyncio.run(complete_upload(upload_id, resources=resources, now=utc_now()))

    assert _count(api, Video) == 0


def test_a_deleted_upload_is_gone_with_its_bytes_and_a_deleted_video_with_both(
    api: RunningApi,
) -> None:
    unfinished, finished = _create(api, 4), _create(api, 4)
    _patch(api, unfinished, b"ab", 0)
    video = _patch(api, finished, b"abcd", 0).headers["touchline-video"]

    deleted = api.client.delete(unfinished, headers=TUS)
    api.client.delete(video)

    assert deleted.status_code == 204
    for place in (unfinished, finished):
        assert api.client.head(place, headers=TUS).status_code == 404
        assert _patch(api, place, b"cd", 2).status_code == 404
        assert api.client.delete(place, headers=TUS).status_code == 404
    assert not list((api.data_dir / "uploads").rglob("*"))
    assert api.client.head("/uploads/nonsense", headers=TUS).status_code == 404


def test_deleting_a_finished_upload_leaves_its_video(api: RunningApi) -> None:
    place = _create(api, 4)
    video = _patch(api, place, b"abcd", 0).headers["touchline-video"]

    deleted = api.client.delete(place, headers=TUS)

    assert deleted.status_code == 204
    assert api.client.get(video).status_code == 200


def test_an_upload_that_is_deleted_while_bytes_come_ends(
    api: RunningApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = timedelta(minutes=1)  # This machine may be slow.
    monkeypatch.setitem(api.service.settings.__dict__, "upload_idle", patient)
    place = _create(api, 10)

    with api.connect() as connection:
        connection.sendall(_head(place, 10, 0) + b"abcde")
        eventually(lambda: _offset(api, place) == 5)
        api.client.delete(place, headers=TUS)
        answer = read_answer(connection)

    assert answer.startswith(b"HTTP/1.1 404")
    eventually(lambda: not paths_in(api.data_dir / "uploads"))


@pytest.mark.parametrize("version", [None, "0.2.2"])
def test_another_version_is_refused_and_told_which_is_spoken(
    api: RunningApi, version: str | None
) -> None:
    headers = {"upload-length": "4"}
    if version is not None:
        headers["tus-resumable"] = version

    answer = api.client.post("/uploads", headers=headers)

    assert answer.status_code == 412
    assert answer.headers["tus-resumable"] == "1.0.0"
    assert answer.headers["tus-version"] == "1.0.0"


def test_bytes_of_another_type_are_refused(api: RunningApi) -> None:
    place = _create(api, 4)
    headers = {**TUS, "upload-offset": "0", "content-type": "video/mp4"}

    answer = api.client.patch(place, content=b"abcd", headers=headers)

    assert answer.status_code == 415
    assert _offset(api, place) == 0


def test_options_tell_what_can_be_done(api: RunningApi) -> None:
    answer = api.client.options("/uploads")

    assert answer.status_code == 204
    assert answer.headers["tus-version"] == "1.0.0"
    assert answer.headers["tus-max-size"] == str(8 * MIB)
    assert answer.headers["tus-checksum-algorithm"] == "sha1,sha256"
    assert "creation-with-upload" in answer.headers["tus-extension"].split(",")
    assert "access-control-allow-origin" not in answer.headers


def test_a_method_may_be_sent_as_post(api: RunningApi) -> None:
    place = _create(api, 4)

    answer = api.client.post(
        place,
        content=b"abcd",
        headers={
            **TUS,
            **BYTES,
            "upload-offset": "0",
            "x-http-method-override": "PATCH",
        },
    )

    assert answer.status_code == 204
    assert "touchline-video" in answer.headers


def test_a_page_of_another_site_cannot_upload(api: RunningApi) -> None:
    answer = _post(api, {"upload-length": "4", "origin": "https://evil.example"})

    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


def test_an_upload_of_another_project_can_neither_be_seen_nor_touched(
    api: RunningApi,
) -> None:
    place = _create(api, 4)
    _patch(api, place, b"ab", 0)
    upload_id = UUID(place.rsplit("/", 1)[-1])
    stranger = Principal("key", "stranger", project_id=uuid4())
    sessions = sessions_of(api.service.sessions, stranger)
    theirs = replace(api.service, sessions=sessions)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"xx", "more_body": False}

    chunk, now = Chunk(upload_id, 2, receive), utc_now()
    for touch in (
        partial(receive_chunk, chunk, resources=theirs, now=now),
        partial(look_at_upload, upload_id, resources=theirs, now=now),
        partial(complete_upload, upload_id, resources=theirs, now=now),
    ):
        with pytest.raises(UploadNotFound):
            asyncio.run(touch())
    with pytest.raises(UploadNotFound):
        end_upload(upload_id, theirs)

    last = _patch(api, place, b"cd", 2)
    assert api.client.get(_video(api, last)["links"]["file"]).content == b"abcd"


def test_an_upload_asked_for_after_its_end_leaves_no_object(api: RunningApi) -> None:
    place = _create(api, 4)
    _patch(api, place, b"abcd", 0)

    _patch(api, place, b"", 4)
    _patch(api, place, b"x", 4)
    api.client.head(place, headers=TUS)

    assert not list((api.data_dir / "uploads").rglob("*"))


def test_chunks_of_two_clients_that_alternate_are_never_mixed(api: RunningApi) -> None:
    place = _create(api, 4)
    _patch(api, place, b"ab", 0)

    second = _patch(api, place, b"AB", 0)
    last = _patch(api, place, b"cd", 2)

    assert second.status_code == 409
    assert api.client.get(_video(api, last)["links"]["file"]).content == b"abcd"


def _create(api: RunningApi, size_bytes: int, **said: str) -> str:
    answer = _post(api, {"upload-length": str(size_bytes), **_metadata(**said)})
    assert answer.status_code == 201, answer.text
    return answer.headers["location"]


def _post(api: RunningApi, headers: Mapping[str, str]) -> httpx.Response:
    return api.client.post("/uploads", headers={**TUS, **headers})


def _patch(
    api: RunningApi, place: str, data: bytes, offset: int, **headers: str
) -> httpx.Response:
    return api.client.patch(
        place,
        content=data,
        headers={**TUS, **BYTES, "upload-offset": str(offset), **headers},
    )


def _metadata(**said: str) -> dict[str, str]:
    pairs = [
        f"{key} {base64.b64encode(v.encode()).decode()}" for key, v in said.items()
    ]
    return {"upload-metadata": ",".join(pairs)} if pairs else {}


def _checksum(algorithm: str, data: bytes) -> dict[str, str]:
    digest = _base64(hashlib.new(algorithm, data).digest())
    return {"upload-checksum": f"{algorithm} {digest}"}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _head(place: str, length: int, offset: int, extra: str = "") -> bytes:
    return (
        f"PATCH {place} HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\n"
        f"Content-Type: application/offset+octet-stream\r\nUpload-Offset: {offset}\r\n"
        f"Content-Length: {length}\r\n{extra}\r\n"
    ).encode()


def _offset(api: RunningApi, place: str) -> int:
    return int(api.client.head(place, headers=TUS).headers["upload-offset"])


def _unchecked(api: RunningApi, place: str) -> int | None:
    with api.service.sessions() as session:
        return session.scalars(select(ResumableUpload.unchecked_from)).one()


def _video(api: RunningApi, answer: httpx.Response) -> dict[str, Any]:
    assert "touchline-video" in answer.headers, answer.text
    found: dict[str, Any] = api.client.get(answer.headers["touchline-video"]).json()
    return found


def _jobs(api: RunningApi, video_id: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = api.client.get(
        f"/videos/{video_id}/jobs", params={"kind": "all"}
    ).json()["items"]
    return found


def _count(api: RunningApi, table: type[Video | Upload | ResumableUpload | Job]) -> int:
    with api.service.sessions() as session:
        return session.scalars(select(func.count()).select_from(table)).one()


def _fail(*_: object, **__: object) -> None:
    raise NotReady("The database left.")

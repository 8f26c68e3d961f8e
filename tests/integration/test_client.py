"""The Python client against the real API; what it sends may get lost on the way."""

import hashlib
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import FrozenInstanceError
from datetime import date
from pathlib import Path

import pytest

import touchline
from app.core.db.base import utc_now
from app.core.principal import DEFAULT_PROJECT_ID
from app.core.settings import Settings
from app.keys.service import create_key
from app.webhooks.signing import load_or_make_secret, sign
from tests.api_server import RunningApi, make_settings, running_api
from tests.cutting_proxy import CuttingProxy, cutting_proxy
from tests.receivers import listener
from touchline.client.errors import (
    BadAnswer,
    BadSignature,
    ChangedMeanwhile,
    Conflict,
    FileChanged,
    InvalidRequest,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    ServiceProblem,
    TooManyRequests,
)
from touchline.client.records import Team
from touchline.client.uploading import UploadProgress

MIB = 2**20


@pytest.fixture
def client(api: RunningApi) -> Iterator[touchline.Client]:
    with touchline.Client(api.url, retry_s=20) as client:
        yield client


@pytest.fixture
def proxy(api: RunningApi) -> Iterator[CuttingProxy]:
    with cutting_proxy(api.url) as proxy:
        yield proxy


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "final é.mp4"
    path.write_bytes(os.urandom(3 * MIB + 11))
    return path


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_upload_tells_how_far_it_is_and_becomes_a_video(
    client: touchline.Client, file: Path
) -> None:
    told: list[UploadProgress] = []

    video = client.upload(
        file,
        title="Cup final",
        date=date(2026, 5, 31),
        competition="City Cup",
        model="none",
        on_progress=told.append,
    )

    assert video.sha256 == sha256_of(file)
    assert (video.filename, video.title) == ("final é.mp4", "Cup final")
    assert (video.date, video.competition) == (date(2026, 5, 31), "City Cup")
    assert (video.status, video.job.kind) == ("queued", "probe")
    assert [one.sent_bytes for one in told] == sorted(one.sent_bytes for one in told)
    assert (told[0].done, told[-1].done) == (0.0, 1.0)
    with pytest.raises(FrozenInstanceError):
        video.title = "other"  # type: ignore[misc] # it is frozen


def test_an_upload_outlives_connections_that_are_cut(
    api: RunningApi, proxy: CuttingProxy, file: Path
) -> None:
    proxy.cut_after = [MIB, 100, MIB // 2]

    with touchline.Client(proxy.url) as client:
        video = client.upload(file)

    assert proxy.cuts == 3
    assert video.sha256 == sha256_of(file)
    assert len(api.client.get("/videos").json()["items"]) == 1


@pytest.mark.parametrize("request_line", [b"POST /uploads ", b"PATCH /uploads/"])
def test_an_upload_whose_answer_is_lost_makes_one_video(
    api: RunningApi, proxy: CuttingProxy, file: Path, request_line: bytes
) -> None:
    proxy.lose_answer_to = request_line

    with touchline.Client(proxy.url) as client:
        video = client.upload(file)

    assert proxy.cuts == 1
    listed = api.client.get("/videos").json()["items"]
    assert [one["id"] for one in listed] == [video.id]


def test_an_upload_that_was_given_up_is_resumed_by_its_address(
    api: RunningApi, proxy: CuttingProxy, file: Path
) -> None:
    proxy.cut_after = [2 * MIB]

    def leave(progress: UploadProgress) -> None:
        proxy.is_away = progress.sent_bytes > 0

    with touchline.Client(proxy.url, retry_s=0.5) as client:
        with pytest.raises(touchline.UploadStopped) as stopped:
            client.upload(file, on_progress=leave)
        proxy.is_away = False
        first: list[UploadProgress] = []
        video = client.upload(
            file, resume=stopped.value.upload, on_progress=first.append
        )

    assert 0 < first[0].sent_bytes < 3 * MIB
    assert video.sha256 == sha256_of(file)


def test_an_upload_that_the_service_has_forgotten_begins_anew(
    client: touchline.Client, file: Path
) -> None:
    gone = "/uploads/0190c0de-0000-7000-8000-00000000000b"

    assert client.upload(file, resume=gone).sha256 == sha256_of(file)


@pytest.mark.parametrize("at", [0, 2 * MIB])
@pytest.mark.parametrize("size", [MIB, 3 * MIB + 11, 4 * MIB])
def test_a_file_that_changes_meanwhile_becomes_no_video(
    api: RunningApi, client: touchline.Client, file: Path, at: int, size: int
) -> None:
    uploads = set()

    def change(progress: UploadProgress) -> None:
        uploads.add(progress.upload)
        if progress.sent_bytes == at:
            with file.open("r+b") as stream:
                stream.write(b"other")
                stream.truncate(size)

    with pytest.raises(FileChanged, match="changed while it was being uploaded"):
        client.upload(file, on_progress=change)

    assert api.client.get("/videos").json()["items"] == []
    (upload,) = uploads
    assert api.client.get(upload).status_code == 404
    deadline = time.monotonic() + 60  # its last request may still be on its way
    while any(path.is_file() for path in api.kept_files()):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_what_cannot_be_uploaded_is_told_before_it_is_sent(
    client: touchline.Client, tmp_path: Path, file: Path
) -> None:
    (tmp_path / "empty.mp4").touch()

    with pytest.raises(ValueError, match="is empty"):
        client.upload(tmp_path / "empty.mp4")
    with pytest.raises(FileNotFoundError):
        client.upload(tmp_path / "nowhere.mp4")
    with pytest.raises(InvalidRequest) as refused:
        client.upload(file, model="no-such-model")
    assert (refused.value.status, refused.value.code) == (422, "unknown-model")
    assert "no-such-model" in refused.value.detail
    assert refused.value.request_id


def test_a_file_whose_name_is_in_another_encoding_is_uploaded(
    client: touchline.Client, tmp_path: Path
) -> None:
    path = tmp_path / os.fsdecode("Köln.mp4".encode("latin-1"))
    path.write_bytes(b"a video")

    video = client.upload(path, model="none")

    assert video.filename == "K\ufffdln.mp4"
    assert video.sha256 == sha256_of(path)


def test_the_same_file_is_found_again(client: touchline.Client, file: Path) -> None:
    video = client.upload(file)

    assert client.upload(file, reuse=True).id == video.id
    assert client.upload(file).duplicate_of == video.id
    file.write_bytes(b"another")
    assert client.find_file(file) is None


def test_videos_are_listed_over_pages(
    client: touchline.Client, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("touchline.client.videos.PAGE", 2)
    made = [client.upload(file, title=f"match {number}").id for number in range(5)]

    assert [video.id for video in client.videos()] == made[::-1]
    assert [video.id for video in client.videos(q="match 3")] == [made[3]]


def test_a_video_is_changed_and_deleted(client: touchline.Client, file: Path) -> None:
    video = client.upload(file)

    changed = client.change_video(
        video, title="Final", teams=[Team("Reds", side="left")]
    )

    assert (changed.title, changed.teams[0].name) == ("Final", "Reds")
    with pytest.raises(ChangedMeanwhile):
        client.change_video(video, title="Other")
    client.delete_video(video)
    with pytest.raises(NotFound) as gone:
        client.video(video)
    assert gone.value.code == "video-not-found"


def test_a_deletion_whose_answer_is_lost_is_done(
    client: touchline.Client, proxy: CuttingProxy, file: Path
) -> None:
    video = client.upload(file)
    proxy.lose_answer_to = b"DELETE "

    with touchline.Client(proxy.url) as other:
        other.delete_video(video)

    assert (proxy.cuts, list(client.videos())) == (1, [])


def test_a_wait_ends_in_time_and_tells_of_a_canceled_job(
    client: touchline.Client, file: Path
) -> None:
    video = client.upload(file)
    seen: list[touchline.Video] = []

    with pytest.raises(touchline.WaitTimeout, match=r"has not ended in 0\.3 seconds"):
        client.wait(video, timeout_s=0.3, on_progress=seen.append)
    client.cancel(video.job)
    with pytest.raises(touchline.JobFailed, match="ended as canceled") as failed:
        client.wait(video)

    assert {one.status for one in seen} == {"queued"}
    assert failed.value.job.status == "canceled"


def test_a_wait_for_a_service_that_has_gone_ends_in_time_and_outlives_a_gap(
    proxy: CuttingProxy, file: Path
) -> None:
    with touchline.Client(proxy.url, retry_s=3600) as client:
        video = client.upload(file)
        proxy.is_away, proxy.cut_if, proxy.cut_after = True, b"GET ", [1]
        with pytest.raises(touchline.WaitTimeout, match="does not answer"):
            client.wait(video, timeout_s=0.5)
        proxy.is_away, proxy.cut_after = False, [1]
        with pytest.raises(touchline.WaitTimeout, match=r"in 1 seconds$"):
            client.wait(video, timeout_s=1)

    assert proxy.cuts == 2


def test_a_video_without_timeline_says_so(client: touchline.Client, file: Path) -> None:
    video = client.upload(file)

    with pytest.raises(Conflict) as refused:
        list(client.events(video))

    assert (refused.value.status, refused.value.code) == (409, "no-timeline")


def test_a_service_that_is_away_is_told_of_in_time(tmp_path: Path) -> None:
    with (
        touchline.Client("http://127.0.0.1:9", retry_s=0.3) as client,
        pytest.raises(touchline.NotReachable, match=r"127.0.0.1:9 does not answer"),
    ):
        client.video("x")


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://x", "http://a:b@x", ""])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        touchline.Client(url)


def test_what_is_not_touchline_is_told() -> None:
    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")
        connection.close()

    with (
        listener(answer) as port,
        touchline.Client(f"http://127.0.0.1:{port}") as client,
        pytest.raises(BadAnswer, match="is this Touchline"),
    ):
        client.video("x")


@pytest.fixture
def guarded(api_settings: Settings) -> Iterator[RunningApi]:
    values = {**api_settings.model_dump(), "api_key": "secret"}
    with running_api(make_settings(**values)) as api:
        yield api


def key_of(api: RunningApi, *scopes: str, rate: int | None = None) -> str:
    with api.service.sessions.begin() as session:
        return create_key(
            session,
            name="script",
            scopes=scopes,  # type: ignore[arg-type] # texts that are scopes
            project_id=DEFAULT_PROJECT_ID,
            rate_per_minute=rate,
            now=utc_now(),
        ).text


def test_keys_open_the_service_as_far_as_they_cover(
    guarded: RunningApi, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, reader = key_of(guarded, "write"), key_of(guarded, "read")

    with touchline.Client(guarded.url, writer) as client:
        video = client.upload(file)
    with touchline.Client(guarded.url, reader) as client:
        assert client.video(video).id == video.id
        with pytest.raises(NotAllowed) as refused:
            client.delete_video(video)
        assert refused.value.code == "scope-missing"
        assert reader not in repr(client)
    with touchline.Client(guarded.url) as client, pytest.raises(NotAuthenticated):
        client.video(video)
    monkeypatch.setenv("TOUCHLINE_KEY", reader)
    with touchline.Client(guarded.url) as client:
        assert next(client.videos()).id == video.id


def test_a_limit_of_requests_is_waited_for_within_the_limit(
    guarded: RunningApi,
) -> None:
    key = key_of(guarded, "read", rate=2)
    with touchline.Client(guarded.url, key, retry_s=0.5) as client:
        client.models(), client.models()
        with pytest.raises(TooManyRequests) as refused:
            client.models()

    assert refused.value.retry_after_s is not None
    assert refused.value.retry_after_s > 0


def test_retry_after_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []
    slept: list[float] = []
    monkeypatch.setattr("touchline.client.transport.time.sleep", slept.append)
    busy = (
        b"HTTP/1.1 503 Busy\r\nretry-after: 1\r\ncontent-length: 0\r\n"
        b"connection: close\r\n\r\n"
    )
    done = (
        b"HTTP/1.1 200 OK\r\ncontent-length: 34\r\nconnection: close\r\n\r\n"
        b'{"items": [], "next_cursor": null}'
    )

    def answer(connection: socket.socket) -> None:
        asked.append(connection.recv(65536))
        connection.sendall(busy if len(asked) < 2 else done)
        connection.close()

    with listener(answer) as port:
        with touchline.Client(f"http://127.0.0.1:{port}") as client:
            assert client.models() == []
        assert (len(asked), slept) == (2, [1.0])
        asked.clear()
        with (
            touchline.Client(f"http://127.0.0.1:{port}", retry_s=0.5) as client,
            pytest.raises(ServiceProblem) as refused,
        ):
            client.models()

    assert (refused.value.status, refused.value.retry_after_s) == (503, 1.0)
    assert len(asked) == 1


def test_a_signed_message_is_read_and_another_refused(tmp_path: Path) -> None:
    secret = load_or_make_secret(tmp_path)
    body = (
        b'{"type": "video.completed", "timestamp": "2026-01-02T03:04:05+00:00",'
        b' "data": {"video_id": "7"}}'
    )
    now = int(time.time())
    headers = sign(secret, message_id="msg_1", timestamp_s=now, body=body)
    sent = {name.title(): value for name, value in headers.items()}

    message = touchline.verify_webhook(body, sent, secret)

    assert (message.id, message.type) == ("msg_1", "video.completed")
    assert message.data == {"video_id": "7"}
    with pytest.raises(BadSignature, match="fits its body"):
        touchline.verify_webhook(body + b" ", sent, secret)
    with pytest.raises(BadSignature, match="no header webhook-id"):
        touchline.verify_webhook(body, {}, secret)
    old = sign(secret, message_id="msg_1", timestamp_s=now - 900, body=body)
    with pytest.raises(BadSignature, match="seconds from now"):
        touchline.verify_webhook(body, old, secret)
    with pytest.raises(ValueError, match="whsec_"):
        touchline.verify_webhook(body, sent, "secret")

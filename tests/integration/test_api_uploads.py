"""Uploads over real HTTP: whole ones are kept to the byte, broken ones leave none."""

import hashlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from sqlalchemy import func, select

from app.core.settings import Settings
from app.jobs.tables import Job
from app.videos.tables import Upload, Video
from tests.api_server import (
    BOUNDARY,
    RunningApi,
    form_end,
    form_part,
    make_settings,
    read_answer,
    running_api,
    upload_head,
)

KIB, MIB = 2**10, 2**20
LIMIT = 8 * MIB


API_SETTINGS = {"max_upload_size": LIMIT, "webhook_allow_nets": "127.0.0.0/8"}


def test_an_upload_is_kept_to_the_byte_and_its_job_is_queued(api: RunningApi) -> None:
    content = os.urandom(3 * MIB + 17)

    answer = api.client.post(
        "/videos",
        files={"file": ("../../final é.mp4", content, "video/mp4")},
        data={"title": "Cup final", "callback_url": "http://127.0.0.1:9/hook"},
    )

    assert answer.status_code == 202
    body = answer.json()
    assert answer.headers["location"] == f"/videos/{body['id']}"
    assert body["status"] == "queued"
    assert body["title"] == "Cup final"
    assert body["filename"] == "final é.mp4"
    assert body["callback_url"] == "http://127.0.0.1:9/hook"
    assert body["size_bytes"] == len(content)
    assert body["sha256"] == hashlib.sha256(content).hexdigest()
    (source,) = [path for path in api.kept_files() if path.is_file()]
    assert source == api.data_dir / "videos" / body["id"] / "source"
    assert source.read_bytes() == content
    assert api.client.get(body["links"]["job"]).json()["status"] == "queued"
    assert api.client.get(body["links"]["self"]).json() == body
    assert api.service.notifier.waiting("gpu") == 1


def test_fields_may_come_before_the_file_or_after_it(api: RunningApi) -> None:
    file = form_part("file", b"bytes", filename="a.mp4")
    title = form_part("title", b"A match")

    titles = [
        _post(api, body).json()["title"]
        for body in (title + file + form_end(), file + title + form_end())
    ]

    assert titles == ["A match", "A match"]


def test_a_file_that_holds_half_a_boundary_stays_whole(api: RunningApi) -> None:
    content = f"\r\n--{BOUNDARY[:-1]}\r\n--{BOUNDARY}".encode()[:-1] * 3

    answer = _post(api, form_part("file", content, filename="a.mp4") + form_end())

    assert answer.json()["sha256"] == hashlib.sha256(content).hexdigest()


def test_an_upload_needs_no_content_length(api: RunningApi) -> None:
    def pieces() -> Iterator[bytes]:
        yield form_part("file", b"x" * 100_000, filename="a.mp4")
        yield form_end()

    answer = api.client.post("/videos", content=pieces(), headers=_multipart())

    assert answer.status_code == 202
    assert answer.json()["size_bytes"] == 100_000


@pytest.mark.parametrize(
    ("body", "status", "slug", "words"),
    [
        (b"", 422, "empty-upload", "The body is empty"),
        (form_end(), 422, "empty-upload", "no part named 'file'"),
        (form_part("title", b"x") + form_end(), 422, "empty-upload", "no part named"),
        (
            form_part("file", b"", filename="a.mp4") + form_end(),
            422,
            "empty-upload",
            "is empty",
        ),
        (form_part("file", b"match.mp4") + form_end(), 422, "invalid-request", "curl"),
        (
            form_part("file", b"x", filename="a.mp4") * 2 + form_end(),
            422,
            "invalid-request",
            "hold the same bytes",
        ),
        (
            form_part("callback", b"https://x.org") + form_end(),
            422,
            "invalid-request",
            "callback_url",
        ),
        (
            form_part("title", b"x") * 2 + form_end(),
            422,
            "invalid-request",
            "twice",
        ),
        (
            form_part("title", b"\xff\xfe") + form_end(),
            422,
            "invalid-request",
            "UTF-8",
        ),
        (
            form_part("title", b"a\x00b") + form_end(),
            422,
            "invalid-request",
            "one line",
        ),
        (
            form_part("title", b"x" * 9000) + form_end(),
            422,
            "invalid-request",
            "longer than",
        ),
        (
            form_part("file", b"x", filename="a.mp4")
            + form_part("model", b"../../etc/passwd")
            + form_end(),
            422,
            "unknown-model",
            "installed are",
        ),
        (
            form_part("callback_url", b"http://10.0.0.1/x") + form_end(),
            422,
            "callback-refused",
            "TOUCHLINE_WEBHOOK_ALLOW_NETS",
        ),
        (
            form_part("file", b"x", filename="a.mp4")
            + form_part("callback_url", b"ftp://example.org/")
            + form_end(),
            422,
            "callback-refused",
            "https",
        ),
        (b"hello", 400, "upload-broken", "not valid multipart"),
        (
            form_part("file", b"x" * 5000, filename="a.mp4")[:-100],
            400,
            "upload-broken",
            "cut off",
        ),
    ],
)
def test_a_bad_form_is_refused_in_words_and_leaves_nothing(
    api: RunningApi, body: bytes, status: int, slug: str, words: str
) -> None:
    answer = _post(api, body)

    problem = _problem(answer, status, slug)
    assert words in problem["detail"]
    _assert_nothing_left(api)


@pytest.mark.parametrize(
    "content_type",
    [
        "video/mp4",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "multipart/mixed; boundary=x",
    ],
)
def test_another_content_type_is_refused(api: RunningApi, content_type: str) -> None:
    answer = api.client.post(
        "/videos", content=b"bytes", headers={"content-type": content_type}
    )

    assert "multipart/form-data" in _problem(answer, 415, "unsupported-body")["detail"]
    _assert_nothing_left(api)


def test_an_upload_that_says_it_is_too_large_is_refused_unread(api: RunningApi) -> None:
    with api.connect() as connection:
        connection.sendall(upload_head(content_length=50 * 2**30))
        status, body = _answer_head(connection)

    assert status == 413
    assert f'"limit_bytes":{LIMIT}' in body
    _assert_nothing_left(api)


def test_an_upload_that_becomes_too_large_is_stopped_on_the_way(
    api: RunningApi,
) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        yield form_part("file", b"", filename="a.mp4")[:-2]
        while sent < 1024 * MIB:
            sent += MIB
            yield b"x" * MIB

    answer = api.client.post("/videos", content=endless(), headers=_multipart())

    assert _problem(answer, 413, "video-too-large")["limit_bytes"] == LIMIT
    assert sent < 256 * MIB
    _assert_nothing_left(api)


def test_an_upload_of_exactly_the_limit_is_taken(api: RunningApi) -> None:
    content = b"x" * LIMIT

    assert _post_file(api, content).status_code == 202
    _problem(_post_file(api, content + b"x"), 413, "video-too-large")


def test_a_body_shorter_than_its_content_length_leaves_nothing(api: RunningApi) -> None:
    with api.connect() as connection:
        connection.sendall(upload_head(content_length=10 * MIB // 2))
        connection.sendall(form_part("file", b"x" * (2 * MIB), filename="a.mp4"))

    _eventually(lambda: not _files(api))
    assert _rows(api) == 0


def test_a_lying_content_length_without_any_body_leaves_nothing(
    api: RunningApi,
) -> None:
    with api.connect() as connection:
        connection.sendall(upload_head(content_length=1000))
        connection.shutdown(socket.SHUT_WR)
        read_until_closed(connection)

    _eventually(lambda: not _files(api))
    assert _rows(api) == 0
    assert api.client.get("/healthz").status_code == 200


def test_a_content_length_of_zero_before_a_body_is_an_empty_upload(
    api: RunningApi,
) -> None:
    with api.connect() as connection:
        connection.sendall(upload_head(content_length=0))
        connection.sendall(form_part("file", b"x", filename="a.mp4"))
        status, body = _answer_head(connection)

    assert status == 422
    assert "empty-upload" in body
    _assert_nothing_left(api)


def test_a_client_that_falls_silent_is_given_up(api_settings: Settings) -> None:
    hasty = api_settings.model_copy(update={"upload_idle": api_settings.heartbeat / 50})
    with running_api(hasty) as api, api.connect() as connection:
        connection.sendall(upload_head(content_length=MIB))
        connection.sendall(form_part("file", b"x" * 1000, filename="a.mp4"))
        status, body = _answer_head(connection)

        assert status == 400
        assert "Nothing came" in body
        _assert_nothing_left(api)


def test_a_full_disk_is_said_before_a_byte_is_sent(api_settings: Settings) -> None:
    full = api_settings.model_copy(update={"min_free_space": 2**60})
    with running_api(full) as api:
        problem = _problem(_post_file(api, b"x"), 507, "storage-full")

        assert "Delete videos" in problem["detail"]
        _assert_nothing_left(api)


def test_a_row_that_cannot_be_written_leaves_no_file(api: RunningApi) -> None:
    with api.service.sessions.begin() as session:
        session.connection().exec_driver_sql("alter table jobs rename to gone")
    try:
        answer = _post_file(api, b"bytes")
    finally:
        with api.service.sessions.begin() as session:
            session.connection().exec_driver_sql("alter table gone rename to jobs")

    problem = _problem(answer, 500, "internal-error")
    assert "jobs" not in problem["detail"]
    _assert_nothing_left(api)


def test_memory_stays_flat_while_a_large_file_comes_in(
    database_url: str, tmp_path: Path
) -> None:
    settings = make_settings(data_dir=tmp_path / "data", database_url=database_url)
    with running_api(settings) as api:
        _post_file(api, b"warm up")
        block, blocks = os.urandom(MIB), 96
        process = psutil.Process()
        before, peak = process.memory_info().rss, 0

        def pieces() -> Iterator[bytes]:
            nonlocal peak
            yield form_part("file", b"", filename="a.mp4")[:-2]
            for _ in range(blocks):
                yield block
                peak = max(peak, process.memory_info().rss)
            yield b"\r\n" + form_end()

        answer = api.client.post("/videos", content=pieces(), headers=_multipart())

        assert answer.json()["size_bytes"] == blocks * MIB
        assert peak - before < 32 * MIB


@pytest.mark.costly
def test_the_next_start_sweeps_what_a_killed_process_left(
    api: RunningApi, api_settings: Settings
) -> None:
    kept = _post_file(api, b"kept").json()
    code = (
        "import asyncio, os, sys, uuid\n"
        "from pathlib import Path\n"
        "from app.core.db.session import make_engine, make_sessions\n"
        "from app.core.storage.keys import source_key\n"
        "from app.core.storage.local import LocalStorage\n"
        "from app.videos.in_flight import begin_upload\n"
        "async def main():\n"
        "    storage = LocalStorage(Path(sys.argv[1]))\n"
        "    sessions = make_sessions(make_engine(sys.argv[2], pool_size=1))\n"
        "    half, whole = uuid.uuid4(), uuid.uuid4()\n"
        "    begin_upload(half, sessions)\n"
        "    half = storage.put_stream(source_key(half))\n"
        "    await (await half.__aenter__()).write(b'x' * 2**21)\n"
        "    begin_upload(whole, sessions)\n"
        "    whole = storage.put_stream(source_key(whole))\n"
        "    writer = await whole.__aenter__()\n"
        "    await writer.write(b'y')\n"
        "    await writer.finish()\n"
        "    os._exit(9)\n"
        "asyncio.run(main())\n"
    )
    places = [str(api_settings.data_dir), str(api_settings.database_url)]
    command = [sys.executable, "-c", code, *places]
    assert subprocess.run(command, check=False).returncode == 9
    assert len(_files(api)) == 3  # one kept, a half one, a whole one

    with running_api(api_settings):
        pass

    assert [path.name for path in _files(api)] == ["source"]
    assert api.client.get(f"/videos/{kept['id']}").status_code == 200


def test_a_sweep_leaves_uploads_that_are_under_way_alone(
    api: RunningApi, api_settings: Settings
) -> None:
    content = b"x" * (2 * MIB)
    body = form_part("file", content, filename="a.mp4") + form_end()
    with api.connect() as connection:
        connection.sendall(upload_head(content_length=len(body)))
        connection.sendall(body[:MIB])
        _eventually(lambda: len(_files(api)) == 1)

        with running_api(api_settings):
            pass

        connection.sendall(body[MIB:])
        status, answer = _answer_head(connection)
    assert status == 202
    assert hashlib.sha256(content).hexdigest() in answer


def test_a_key_is_asked_for_before_the_body_is_read(api_settings: Settings) -> None:
    guarded = api_settings.model_validate(
        {**api_settings.model_dump(), "api_key": "s3cret"}
    )
    with running_api(guarded) as api:
        refused = _post_file(api, b"x" * (4 * MIB))
        taken = api.client.post(
            "/videos",
            files={"file": ("a.mp4", b"x")},
            headers={"authorization": "Bearer s3cret"},
        )

        _problem(refused, 401, "not-authenticated")
        assert refused.headers["www-authenticate"] == "Bearer"
        assert taken.status_code == 202


def read_until_closed(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


def _post(api: RunningApi, body: bytes) -> httpx.Response:
    return api.client.post("/videos", content=body, headers=_multipart())


def _post_file(api: RunningApi, content: bytes) -> httpx.Response:
    return api.client.post("/videos", files={"file": ("a.mp4", content)})


def _multipart() -> dict[str, str]:
    return {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}


def _problem(answer: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["type"] == f"/problems/{slug}"
    assert problem["status"] == status
    assert problem["instance"] == "/videos"
    return problem


def _answer_head(connection: socket.socket) -> tuple[int, str]:
    head, _, body = read_answer(connection).partition(b"\r\n\r\n")
    return int(head.split()[1]), body.decode()


def _files(api: RunningApi) -> list[Path]:
    return [path for path in api.kept_files() if path.is_file()]


def _in_flight(api: RunningApi) -> int:
    with api.service.sessions() as session:
        return session.scalar(select(func.count()).select_from(Upload)) or 0


def _rows(api: RunningApi) -> int:
    with api.service.sessions() as session:
        videos = session.scalar(select(func.count()).select_from(Video))
        jobs = session.scalar(select(func.count()).select_from(Job))
    return (videos or 0) + (jobs or 0)


def _assert_nothing_left(api: RunningApi) -> None:
    _eventually(lambda: not _files(api) and not _in_flight(api))
    assert not [path for path in api.kept_files() if path.parent.name == "videos"]
    assert _rows(api) == 0


def _eventually(holds: Callable[[], bool]) -> None:
    """Wait for what happens after the answer; a test that hangs here fails."""
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)

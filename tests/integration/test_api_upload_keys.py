"""`Idempotency-Key`: what is sent twice is kept once."""

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from http.client import HTTPResponse
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import update

from app.core.db.base import utc_now
from app.core.process_identity import ProcessIdentity
from app.core.settings import Settings
from app.idempotency.tables import IdempotencyKeyRow
from app.jobs.kinds import JobKind
from app.jobs.tables import Job
from tests.api_server import (
    RunningApi,
    eventually,
    form_end,
    form_part,
    running_api,
    upload_head,
)

BODY = form_part("file", b"x" * 1000, filename="a.mp4") + form_end()


def test_an_upload_sent_again_makes_one_video(api: RunningApi) -> None:
    first, second = _send(api, key="k1"), _send(api, key="k1")

    assert first.status_code == second.status_code == 202
    assert first.json() == second.json()
    assert first.headers["location"] == second.headers["location"]
    assert len(api.client.get("/videos").json()["items"]) == 1
    assert len([path for path in api.kept_files() if path.is_file()]) == 1
    assert api.service.notifier.waiting("gpu") == 1


@pytest.mark.parametrize("is_form", [True, False], ids=["form", "json"])
def test_an_upload_sent_again_is_told_though_what_it_named_is_refused_by_now(
    api: RunningApi, checkpoint: Path, tmp_path: Path, *, is_form: bool
) -> None:
    before = api.service
    nets = (ip_network("127.0.0.0/8"),)
    own = {"webhook_allow_nets": nets, "import_dir": tmp_path}
    allowing = before.settings.model_copy(update=own)
    (tmp_path / "a.mp4").write_bytes(b"the bytes of a video")
    model = api.data_dir / "models" / checkpoint.name
    model.parent.mkdir(exist_ok=True)
    shutil.copy(checkpoint, model)
    said = {"callback_url": "http://127.0.0.1:9/", "model": checkpoint.stem}

    def send(**headers: str) -> httpx.Response:
        if is_form:
            file = ("a.mp4", b"the bytes of a video")
            sent: dict[str, Any] = {"data": said, "files": {"file": file}}
        else:
            sent = {"json": {**said, "import": "a.mp4"}}
        return api.client.post("/videos", **sent, headers=headers)

    api.app.state.resources = replace(before, settings=allowing)
    first = send(**{"idempotency-key": "k1"})
    refusing = allowing.model_copy(update={"webhook_allow_nets": ()})
    api.app.state.resources = replace(before, settings=refusing)
    model.unlink()
    again, other = send(**{"idempotency-key": "k1"}), send()
    api.app.state.resources = before

    assert first.status_code == again.status_code == 202, (first.text, again.text)
    assert again.json() == first.json()
    assert other.status_code == 422


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
        session.add(
            IdempotencyKeyRow(key="k1", touched_at=long_ago, created_at=long_ago)
        )

    assert _send(api, key="k1").status_code == 202


def test_a_key_is_forgotten_after_a_day(api: RunningApi) -> None:
    first = _send(api, key="k1")
    with api.service.sessions.begin() as session:
        yesterday = utc_now() - timedelta(days=1, minutes=1)
        session.execute(update(IdempotencyKeyRow).values(created_at=yesterday))

    second = _send(api, key="k1", title="another upload")

    assert second.status_code == 202
    assert second.json()["id"] != first.json()["id"]


def test_the_key_of_a_deleted_video_is_free(api: RunningApi) -> None:
    first = _send(api, key="k1").json()
    api.client.delete(f"/videos/{first['id']}")

    assert _send(api, key="k1").json()["id"] != first["id"]


@pytest.mark.parametrize("key", ["", "two words", "x" * 256])
def test_a_bad_key_is_refused(api: RunningApi, key: str) -> None:
    video = _send(api, key=None).json()

    for answer in (_send(api, key=key), _analyse(api, video["id"], key=key)):
        assert answer.status_code == 422
        assert "Idempotency-Key" in answer.json()["detail"]


def test_a_holder_that_lost_its_key_makes_no_second_video(api: RunningApi) -> None:
    with _half_sent(api) as connection:
        _let_it_seem_stalled(api)
        second = _send(api, key="k1")
        connection.sendall(BODY[500:])
        first = HTTPResponse(connection)
        first.begin()

        assert second.status_code == 202
        assert first.status == 409
        assert b"idempotency-key-in-use" in first.read()
    assert len(api.client.get("/videos").json()["items"]) == 1
    assert _send(api, key="k1").json() == second.json()


def test_a_holder_that_lost_its_key_does_not_free_it(api: RunningApi) -> None:
    with _half_sent(api) as stalled:
        _let_it_seem_stalled(api)
        with _half_sent(api, token_before=_token(api)):
            stalled.close()
            eventually(lambda: api.busy_connections() == 1)

            assert _send(api, key="k1").status_code == 409


def test_a_stalled_upload_whose_key_nobody_wanted_goes_through(
    api: RunningApi,
) -> None:
    with _half_sent(api) as connection:
        _let_it_seem_stalled(api)
        _send(api, key="another")
        connection.sendall(BODY[500:])
        answer = HTTPResponse(connection)
        answer.begin()

        assert answer.status == 202


def test_the_key_of_a_process_that_died_is_free_at_once(api: RunningApi) -> None:
    _leave_a_dead_holder(api)

    assert _send(api, key="k1").status_code == 202


def test_the_key_of_a_process_that_may_live_is_not(api: RunningApi) -> None:
    _add_key(api, owner="another-machine/4026531836/7/1")

    assert _send(api, key="k1").status_code == 409
    assert _send(api, key="k2").status_code == 202


def test_a_start_frees_the_keys_of_the_dead_alone(
    api: RunningApi, api_settings: Settings
) -> None:
    _leave_a_dead_holder(api)
    _add_key(api, key="k2", owner=str(ProcessIdentity.current()))
    # What a container leaves that is started anew: its namespace is another one then.
    _add_key(api, key="k3", owner=f"{socket.gethostname()}/1/7/1")

    with running_api(api_settings):
        pass

    with api.service.sessions() as session:
        assert [row.key for row in session.query(IdempotencyKeyRow)] == ["k2"]


def test_a_job_asked_for_again_is_the_same_job(api: RunningApi) -> None:
    video = _send(api, key=None).json()

    first, second = (_analyse(api, video["id"], key="k1") for _ in range(2))
    other = _analyse(api, video["id"], key="k2")

    assert first.status_code == second.status_code == 202
    assert first.json() == second.json()
    assert first.headers["location"] == second.headers["location"]
    assert other.json()["id"] != first.json()["id"]
    jobs = api.client.get(f"/videos/{video['id']}/jobs").json()["items"]
    assert len(jobs) == 3  # that of the upload, too
    assert api.service.notifier.waiting("gpu") == 3


def test_jobs_asked_for_at_once_with_one_key_are_one_job(api: RunningApi) -> None:
    video = _send(api, key=None).json()
    with ThreadPoolExecutor() as pool:
        asked = [pool.submit(_analyse, api, video["id"], key="k1") for _ in range(8)]
        answers = [one.result() for one in asked]

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1


def test_a_key_means_one_request_whatever_its_address(api: RunningApi) -> None:
    videos = [_send(api, key=key).json()["id"] for key in ("k1", "k2")]
    _analyse(api, videos[0], key="k3")

    refused = [
        _analyse(api, videos[0], key="k1"),  # of an upload
        _send(api, key="k3"),  # of a job
        _analyse(api, videos[1], key="k3"),  # of a job of another video
        _analyse(api, videos[0], key="k3", model="tiny"),  # with another model
    ]

    for answer in refused:
        assert answer.status_code == 422, answer.text
        assert answer.json()["type"] == "/problems/idempotency-key-reused"
    assert _analyse(api, videos[0], key="k3").status_code == 202


def test_a_job_that_is_refused_leaves_its_key_free(api: RunningApi) -> None:
    video = _send(api, key=None).json()

    unknown = _analyse(api, video["id"], key="k1", model="nobody")
    missing = _analyse(api, str(uuid4()), key="k1")

    assert unknown.json()["type"] == "/problems/unknown-model"
    assert missing.json()["type"] == "/problems/video-not-found"
    assert _analyse(api, video["id"], key="k1").status_code == 202


def test_a_job_waits_for_no_upload_that_holds_its_key(api: RunningApi) -> None:
    video = _send(api, key=None).json()
    with _half_sent(api):
        answer = _analyse(api, video["id"], key="k1")

    assert answer.status_code == 409
    with api.service.sessions() as session:
        assert session.query(Job).filter_by(kind=JobKind.SPOT).count() == 1


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


def _analyse(
    api: RunningApi, video_id: str, *, key: str, model: str | None = None
) -> httpx.Response:
    return api.client.post(
        f"/videos/{video_id}/jobs",
        json={"model": model},
        headers={"idempotency-key": key},
    )


@contextmanager
def _half_sent(
    api: RunningApi, *, token_before: UUID | None = None
) -> Iterator[socket.socket]:
    """Begin an upload with the key k1 and send half of it."""
    with api.connect() as connection:
        extra = "Idempotency-Key: k1\r\n"
        connection.sendall(upload_head(content_length=len(BODY), extra=extra))
        connection.sendall(BODY[:500])
        eventually(lambda: _token(api) not in (None, token_before))
        yield connection


def _token(api: RunningApi) -> UUID | None:
    with api.service.sessions() as session:
        row = session.get(IdempotencyKeyRow, "k1")
        return row.token if row else None


def _let_it_seem_stalled(api: RunningApi) -> None:
    with api.service.sessions.begin() as session:
        long_ago = utc_now() - timedelta(minutes=5)
        session.execute(update(IdempotencyKeyRow).values(touched_at=long_ago))


def _leave_a_dead_holder(api: RunningApi) -> None:
    """Let another process take the key k1, and die with it."""
    code = "from app.core.process_identity import *; print(ProcessIdentity.current())"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    _add_key(api, owner=done.stdout.strip())


def _add_key(api: RunningApi, *, owner: str, key: str = "k1") -> None:
    now = utc_now()
    with api.service.sessions.begin() as session:
        session.add(
            IdempotencyKeyRow(
                key=key, token=uuid4(), owner=owner, touched_at=now, created_at=now
            )
        )


def _wait_for_key(api: RunningApi, *, is_there: bool = True) -> None:
    for _ in range(2000):
        with api.service.sessions() as session:
            if (session.get(IdempotencyKeyRow, "k1") is not None) is is_there:
                return
    pytest.fail("the key was never taken, or never let go")

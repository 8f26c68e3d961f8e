"""Quotas of a project: stored bytes and queued hours, however a video comes in."""

import base64
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import event, select, update

from app.core.broker.notifier import BACKGROUND_QUEUE
from app.core.principal import DEFAULT_PROJECT_ID
from app.jobs.tables import Job
from app.projects import quotas
from app.projects.tables import Project
from app.uploads.cleanup import complete_whole_uploads
from app.videos.tables import Video
from tests.api_server import RunningApi
from tests.file_server import running_file_server, serve
from tests.integration.test_downloads import context_of
from worker.job_loop import JobLoop
from worker.job_task import load_handlers

KB = 1000
TUS = {"tus-resumable": "1.0.0", "content-type": "application/offset+octet-stream"}
LABELLED_BY_HAND = {"model": "none"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("imports")


@pytest.fixture(scope="module")
def api_settings(api_settings: Any, folder: Path) -> Any:
    changed = {"import_dir": folder, "webhook_allow_nets": "127.0.0.0/8"}
    return type(api_settings).model_validate(
        {**api_settings.model_dump(exclude_unset=True), **changed}
    )


@pytest.fixture
def api(shared_api: RunningApi) -> Iterator[RunningApi]:
    """An empty service; its project has no quotas until a test sets some."""
    shared_api.forget_all()
    yield shared_api
    set_quotas(shared_api)


@pytest.fixture
def work(api: RunningApi) -> Callable[[], bool]:
    """Run the next job of a background worker in this process."""
    return JobLoop(context_of(api), load_handlers(BACKGROUND_QUEUE)).run_next


def set_quotas(
    api: RunningApi, *, stored: int | None = None, hours: float | None = None
) -> None:
    with api.service.sessions.begin() as session:
        project = session.get_one(Project, DEFAULT_PROJECT_ID)
        project.max_stored_bytes, project.max_queued_hours = stored, hours


def upload(api: RunningApi, size: int = 600, **fields: str) -> httpx.Response:
    files = {"file": ("a.mp4", os.urandom(size))}
    return api.client.post("/videos", data=fields, files=files)


def announce(api: RunningApi, size: int, **fields: str) -> httpx.Response:
    said = ",".join(
        f"{name} {base64.b64encode(value.encode()).decode()}"
        for name, value in fields.items()
    )
    headers = {**TUS, "upload-length": str(size), "upload-metadata": said}
    return api.client.post("/uploads", headers=headers)


def send(api: RunningApi, place: str, content: bytes) -> httpx.Response:
    headers = {**TUS, "upload-offset": "0"}
    return api.client.patch(place, headers=headers, content=content)


def fetch(api: RunningApi, **wanted: object) -> httpx.Response:
    return api.client.post("/videos", json=wanted)


def slug_of(answer: httpx.Response) -> str:
    return str(answer.json()["type"].rpartition("/")[2])


def use_of(api: RunningApi) -> dict[str, Any]:
    found: dict[str, Any] = api.client.get("/project").json()
    return found


def test_a_project_tells_its_quotas_and_what_is_used(api: RunningApi) -> None:
    empty = use_of(api)
    set_quotas(api, stored=10 * KB, hours=2)
    upload(api, 600)
    announce(api, 400, **LABELLED_BY_HAND)
    used = use_of(api)

    assert empty["name"] == "default"
    assert empty["stored"] == {"used_bytes": 0, "limit_bytes": None}
    assert empty["queued"] == {"used_hours": 0, "limit_hours": None}
    assert used["stored"] == {"used_bytes": 1000, "limit_bytes": 10 * KB}
    assert used["queued"] == {"used_hours": 1.5, "limit_hours": 2}


def test_what_does_not_fit_is_refused_and_leaves_nothing(
    api: RunningApi, folder: Path
) -> None:
    set_quotas(api, stored=KB)
    (folder / "big.mp4").write_bytes(b"x" * 2 * KB)
    first = upload(api, 600)

    refused = [
        *(upload(api, 500), upload(api, 5000), announce(api, 500)),
        fetch(api, **{"import": "big.mp4"}),
    ]

    assert first.status_code == 202
    for answer in refused:
        assert (answer.status_code, slug_of(answer)) == (413, "stored-quota-reached")
        assert answer.json()["limit_bytes"] == KB
        assert answer.json()["used_bytes"] == 600
        assert "delete videos" in answer.json()["detail"]
    assert use_of(api)["stored"]["used_bytes"] == 600
    assert len(api.client.get("/videos").json()["items"]) == 1
    assert upload(api, 400).status_code == 202


def test_what_is_deleted_makes_room(api: RunningApi) -> None:
    set_quotas(api, stored=KB)
    video = upload(api, KB).json()
    announced = announce(api, 1)

    api.client.delete(video["links"]["self"])
    upload_ = announce(api, KB)
    full = announce(api, 1)
    api.client.delete(upload_.headers["location"], headers=TUS)

    assert (announced.status_code, upload_.status_code) == (413, 201)
    assert full.status_code == 413
    assert upload(api, KB).status_code == 202


def test_an_upload_that_becomes_a_video_just_then_counts_once(api: RunningApi) -> None:
    place = announce(api, 600, model="none").headers["location"]
    came: list[httpx.Response] = []

    def complete(*_: object) -> None:
        if not came:  # after the first statement of what is used
            came.append(send(api, place, os.urandom(600)))

    with api.service.sessions() as session:
        event.listen(session.connection(), "after_cursor_execute", complete)
        used = quotas.use_of(session, DEFAULT_PROJECT_ID)

    assert [one.status_code for one in came] == [204]
    assert used.stored_bytes == use_of(api)["stored"]["used_bytes"] == 600


def test_an_upload_that_was_announced_has_its_room_kept(api: RunningApi) -> None:
    set_quotas(api, stored=KB)
    announced = announce(api, 600)

    others = [upload(api, 500), announce(api, 500)]
    done = send(api, announced.headers["location"], b"x" * 600)

    assert [one.status_code for one in others] == [413, 413]
    assert done.status_code == 204
    assert done.headers["touchline-video"]
    assert use_of(api)["stored"]["used_bytes"] == 600


@pytest.mark.parametrize("way", ["multipart", "tus"])
def test_uploads_at_once_do_not_pass_the_quota_together(
    api: RunningApi, way: str
) -> None:
    set_quotas(api, stored=3 * KB)
    bring = upload if way == "multipart" else announce

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: bring(api, KB, model="none"), range(8)))

    statuses = sorted(one.status_code for one in answers)
    assert statuses == [202 if way == "multipart" else 201] * 3 + [413] * 5
    assert use_of(api)["stored"]["used_bytes"] == 3 * KB


def test_a_download_that_does_not_fit_fails_in_words(
    api: RunningApi, work: Callable[[], bool]
) -> None:
    set_quotas(api, stored=KB)
    with running_file_server() as server:
        server.paths["/match"] = serve(b"x" * 1500)
        asked = fetch(api, url=server.url("/match"), model="none").json()
        work()
        refused = api.client.get(asked["links"]["self"]).json()
        set_quotas(api, stored=2 * KB)
        again = api.client.post(asked["links"]["jobs"], json={"kind": "download"})
        work()
        video = api.client.get(asked["links"]["self"]).json()

    assert refused["error"]["code"] == "quota_reached"
    assert "Delete videos, then run the job again" in refused["error"]["detail"]
    assert again.status_code == 202
    assert video["size_bytes"] == 1500


def test_what_came_meanwhile_counts_when_a_job_ends(
    api: RunningApi, work: Callable[[], bool], folder: Path
) -> None:
    set_quotas(api, stored=KB)
    (folder / "a.mp4").write_bytes(b"x" * 600)
    asked = fetch(api, **{"import": "a.mp4"}, model="none").json()
    assert upload(api, 600, model="none").status_code == 202

    work()

    job = api.client.get(asked["links"]["job"]).json()
    assert (job["status"], job["error"]["code"]) == ("failed", "quota_reached")
    assert use_of(api)["stored"]["used_bytes"] == 600


def test_hours_that_wait_are_limited_and_the_answer_says_when_to_try_again(
    api: RunningApi, folder: Path
) -> None:
    set_quotas(api, hours=2)
    (folder / "b.mp4").write_bytes(b"x" * 600)
    first = upload(api)
    refused = [
        *(upload(api), announce(api, 600), fetch(api, **{"import": "b.mp4"})),
        api.client.post("/videos/sample"),
        api.client.post(first.json()["links"]["jobs"]),
    ]

    assert first.status_code == 202
    for answer in refused:
        assert (answer.status_code, slug_of(answer)) == (429, "queue-quota-reached")
        assert answer.headers["retry-after"] == "300"
        assert answer.json()["limit_hours"] == 2
        assert answer.json()["queued_hours"] == 1.5
    assert upload(api, model="none").status_code == 202
    assert announce(api, 600, model="none").status_code == 201
    assert len(api.client.get("/videos").json()["items"]) == 2


def test_a_known_length_counts_and_an_ended_job_does_not(api: RunningApi) -> None:
    set_quotas(api, hours=2)
    video = upload(api).json()
    with api.service.sessions.begin() as session:
        session.execute(update(Video).values(duration_s=1800.0))
    half_an_hour = use_of(api)["queued"]["used_hours"]

    again = [api.client.post(video["links"]["jobs"]).status_code for _ in range(4)]
    api.client.post(video["job"]["links"]["cancel"])
    after = api.client.post(video["links"]["jobs"])

    assert half_an_hour == 0.5
    assert again == [202, 202, 202, 429]
    assert after.status_code == 202
    assert use_of(api)["queued"]["used_hours"] == 2


def test_where_nothing_waits_one_video_is_always_taken(api: RunningApi) -> None:
    set_quotas(api, hours=0.1)

    assert [upload(api).status_code for _ in range(2)] == [202, 429]


def test_jobs_at_once_do_not_pass_the_quota_together(api: RunningApi) -> None:
    set_quotas(api, hours=3)
    video = upload(api).json()
    with api.service.sessions.begin() as session:
        session.execute(update(Video).values(duration_s=1800.0))

    with ThreadPoolExecutor(8) as pool:
        asked = [video["links"]["jobs"]] * 8
        answers = list(pool.map(lambda path: api.client.post(path), asked))

    assert sorted(one.status_code for one in answers) == [202] * 5 + [429] * 3


def test_an_upload_whose_last_byte_came_too_early_is_kept_and_recorded_later(
    api: RunningApi,
) -> None:
    announced = announce(api, 600)
    set_quotas(api, hours=1)
    first = upload(api).json()

    refused = send(api, announced.headers["location"], b"x" * 600)
    api.client.post(first["job"]["links"]["cancel"])
    completed = complete_whole_uploads(api.service)

    assert (refused.status_code, slug_of(refused)) == (429, "queue-quota-reached")
    assert completed == 1
    assert len(api.client.get("/videos").json()["items"]) == 2


def test_the_same_upload_sent_again_is_answered_though_nothing_fits(
    api: RunningApi,
) -> None:
    set_quotas(api, stored=KB, hours=1)
    files, headers = {"file": ("a.mp4", b"x" * KB)}, {"idempotency-key": "quota"}

    first, again = (
        api.client.post("/videos", files=files, headers=headers) for _ in range(2)
    )

    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["id"] == again.json()["id"]


def test_jobs_that_no_model_runs_do_not_count(api: RunningApi) -> None:
    set_quotas(api, hours=1)
    video = upload(api).json()

    asked = api.client.post(video["links"]["jobs"], json={"kind": "thumbnails"})

    assert asked.status_code == 202
    with api.service.sessions() as session:
        kinds = set(session.scalars(select(Job.kind)))
    assert kinds == {"spot", "thumbnails"}
    assert use_of(api)["queued"]["used_hours"] == 1.5

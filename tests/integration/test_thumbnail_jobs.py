"""Thumbnails as jobs: made with each upload, run by the media worker, heard of by none.

Postgres, storage, the decoding process and the worker's process are real.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from app.clips.service import find_thumbnails
from app.core.broker.notifier import JobNotifier
from app.core.db.session import Sessions
from app.core.errors import StorageFull
from app.core.settings import Settings
from app.core.storage.interface import Storage, StoredFile
from app.core.storage.keys import source_key, video_prefix
from app.core.storage.local import LocalStorage
from app.health.tables import WorkerHeartbeat
from app.jobs.kinds import JobKind
from app.jobs.requests import request
from app.jobs.service import cancel
from app.jobs.tables import Job, JobStatus
from app.videos.tables import Video
from tests.api_server import running_api
from tests.fakes import MemoryStorage
from tests.integration.uploaded import Uploaded, upload
from tests.integration.worker_processes import media_worker, wait_until
from tests.videos import draw_video
from worker.handlers.thumbnails import make_thumbnails
from worker.outcomes import WorkerContext
from worker.runner import run_job

HOOK = "http://127.0.0.1:9/hook"


@pytest.fixture
def context(
    settings: Settings, sessions: Sessions, storage: Storage, notifier: JobNotifier
) -> WorkerContext:
    """A media worker in this process."""
    return WorkerContext(
        settings=settings,
        sessions=sessions,
        storage=storage,
        predictors=None,
        notifier=notifier,
        node="media@test",
        leaving=threading.Event(),
    )


@dataclass(frozen=True)
class Asked:
    """A job for the thumbnails of a video that was uploaded with a webhook."""

    spot: Uploaded
    job_id: UUID

    def job(self) -> Job:
        with self.spot.sessions() as session:
            return session.get_one(Job, self.job_id)

    def files(self, storage: Storage) -> list[str]:
        folder = f"{video_prefix(self.spot.video_id)}/thumbnails"
        return sorted(found.key.split("/")[-1] for found in storage.list(folder))


Ask = Callable[[Path], Asked]


@pytest.fixture
def ask(sessions: Sessions, storage: Storage) -> Ask:
    def make(path: Path) -> Asked:
        spot = upload(path, sessions=sessions, storage=storage, callback_url=HOOK)
        with sessions.begin() as session:
            job = request(
                session,
                kind=JobKind.THUMBNAILS,
                video_id=spot.video_id,
            )
        return Asked(spot, job.id)

    return make


@pytest.fixture
def match(tmp_path: Path) -> Path:
    draw_video(tmp_path / "match.mp4", frames=100, fps=10, key_every=10)
    return tmp_path / "match.mp4"


def run(asked: Asked, context: WorkerContext) -> JobStatus | None:
    handlers = {JobKind.THUMBNAILS: make_thumbnails}
    return run_job(asked.job_id, context=context, handlers=handlers)


def test_a_run_leaves_a_poster_a_sheet_and_cues(
    match: Path, ask: Ask, context: WorkerContext, storage: Storage
) -> None:
    asked = ask(match)

    status = run(asked, context)

    assert status is JobStatus.SUCCEEDED
    assert asked.job().result == {"stills": 10}
    assert asked.files(storage) == ["poster.jpg", "sprite.jpg", "sprite.vtt"]
    with context.sessions() as session:
        keys = find_thumbnails(session, asked.spot.video_id)
    assert str(asked.job().lease_token) in keys.poster
    assert storage.get(keys.poster).startswith(b"\xff\xd8\xff")
    assert storage.get(keys.sheet).startswith(b"\xff\xd8\xff")
    cues = storage.get(keys.cues).decode()
    assert cues.startswith("WEBVTT")
    assert cues.count("thumbnails.jpg#xywh=") == 10


@pytest.mark.costly
def test_what_the_file_is_is_told_before_the_analysis_begins(
    tmp_path: Path, ask: Ask, context: WorkerContext
) -> None:
    draw_video(tmp_path / "match.mkv", codec="libx265", frames=30)
    asked = ask(tmp_path / "match.mkv")

    run(asked, context)

    with running_api(context.settings) as api:
        video = api.client.get(f"/videos/{asked.spot.video_id}").json()
        jobs = api.client.get(
            f"/videos/{asked.spot.video_id}/jobs", params={"kind": "proxy"}
        ).json()
    assert (video["status"], video["codec"], video["fps"]) == ("queued", "hevc", 30)
    assert video["playable"] == "pending"
    assert len(jobs["items"]) == 1


def test_facts_of_a_job_that_decoded_all_of_it_stay(
    match: Path, ask: Ask, context: WorkerContext
) -> None:
    asked = ask(match)
    with context.sessions.begin() as session:
        video = session.get_one(Video, asked.spot.video_id)
        video.facts, video.duration_s = {"codec": "h264"}, 9.9

    run(asked, context)

    assert asked.spot.video().duration_s == 9.9
    assert asked.spot.video().facts == {"codec": "h264"}


def test_a_video_whose_file_is_gone_is_not_called_unreadable(
    match: Path, ask: Ask, context: WorkerContext, storage: Storage
) -> None:
    asked = ask(match)
    storage.delete(source_key(asked.spot.video_id))

    status = run(asked, context)

    assert status is JobStatus.FAILED
    assert asked.job().error_code == "source_missing"
    assert "upload the video again" in str(asked.job().error_detail)


@pytest.mark.costly
def test_pictures_are_made_of_a_video_that_never_was_a_file(
    match: Path, sessions: Sessions, context: WorkerContext
) -> None:
    storage = MemoryStorage()
    spot = upload(match, sessions=sessions, storage=storage)
    with sessions.begin() as session:
        job = request(session, kind=JobKind.THUMBNAILS, video_id=spot.video_id)
    asked = Asked(spot, job.id)

    status = run(asked, replace(context, storage=storage))

    assert status is JobStatus.SUCCEEDED
    assert asked.files(storage) == ["poster.jpg", "sprite.jpg", "sprite.vtt"]


@pytest.mark.costly
def test_neither_success_nor_failure_is_told_of_the_video(
    match: Path, tmp_path: Path, ask: Ask, context: WorkerContext
) -> None:
    (tmp_path / "text.mp4").write_text("Dear referee, please find attached...")
    good, bad = ask(match), ask(tmp_path / "text.mp4")

    statuses = [run(good, context), run(bad, context)]

    assert statuses == [JobStatus.SUCCEEDED, JobStatus.FAILED]
    assert bad.job().error_code == "unreadable_video"
    with running_api(context.settings) as api:
        for asked in (good, bad):
            video = api.client.get(f"/videos/{asked.spot.video_id}").json()
            assert video["status"] == "queued"
            assert video["error"] is None
            assert video["job"]["id"] == str(asked.spot.job_id)
            assert video["has_poster"] is (asked is good)
            assert asked.spot.deliveries() == []
            assert asked.spot.job().status == "queued"


def test_a_canceled_job_tells_nobody_either(
    match: Path, ask: Ask, context: WorkerContext
) -> None:
    asked = ask(match)

    with context.sessions.begin() as session:
        _, delivery_id = cancel(session, asked.job_id, settings=context.settings)

    assert delivery_id is None
    assert asked.job().status == "canceled"
    assert asked.spot.deliveries() == []
    assert run(asked, context) is None


@pytest.mark.costly
def test_a_run_without_room_leaves_no_file_and_is_tried_again(
    match: Path, ask: Ask, context: WorkerContext, settings: Settings
) -> None:
    class Small(LocalStorage):
        """A disk with room for two files."""

        def put(self, key: str, data: bytes) -> StoredFile:
            if key.endswith(".vtt"):
                raise StorageFull("The disk is full.")
            return super().put(key, data)

    asked, small = ask(match), Small(settings.data_dir)

    status = run(asked, replace(context, storage=small))

    assert status is JobStatus.QUEUED
    assert asked.files(small) == []


@pytest.mark.costly
def test_a_video_deleted_meanwhile_keeps_no_picture(
    match: Path, ask: Ask, context: WorkerContext, settings: Settings
) -> None:
    class Deleting(LocalStorage):
        """Deletes the video, as a user may, while its pictures are written."""

        def put(self, key: str, data: bytes) -> StoredFile:
            if key.endswith(".vtt"):
                with context.sessions.begin() as session:
                    session.delete(session.get_one(Video, asked.spot.video_id))
                self.delete_prefix(f"videos/{asked.spot.video_id}")
            return super().put(key, data)

    asked = ask(match)

    status = run(asked, replace(context, storage=Deleting(settings.data_dir)))

    assert status is None
    assert list(context.storage.list(video_prefix(asked.spot.video_id))) == []


@pytest.mark.costly
def test_asked_for_again_the_newer_pictures_are_shown(
    match: Path, ask: Ask, context: WorkerContext
) -> None:
    first = ask(match)
    run(first, context)
    with running_api(context.settings) as api:
        address = f"/videos/{first.spot.video_id}"
        before = api.client.get(f"{address}/poster").headers["etag"]
        sent = api.client.post(f"{address}/jobs", json={"kind": "thumbnails"})
        second = Asked(first.spot, UUID(sent.json()["id"]))

        run(second, context)

        after = api.client.get(f"{address}/poster").headers["etag"]
        listed = api.client.get(f"{address}/jobs", params={"kind": "thumbnails"}).json()
    assert sent.json()["kind"] == "thumbnails"
    assert before != after
    assert [job["id"] for job in listed["items"]] == [
        str(second.job_id),
        str(first.job_id),
    ]


@pytest.mark.costly
def test_an_upload_asks_for_thumbnails_and_the_media_worker_makes_them(
    settings: Settings,
    sessions: Sessions,
    match: Path,
    redis_url: str,
    tmp_path: Path,
) -> None:
    patient = {"redis_url": redis_url, "heartbeat": timedelta(seconds=20)}
    settings = settings.model_copy(update=patient)
    log = tmp_path / "media.log"

    def poster(client: httpx.Client, address: str) -> bool:
        return client.get(address).status_code == 200

    with running_api(settings) as api, media_worker("media@here", settings, log) as own:
        with match.open("rb") as file:
            sent = api.client.post("/videos", files={"file": file}).json()
        wait_until(
            lambda: poster(api.client, sent["links"]["poster"]), "it has a poster", log
        )
        with sessions() as session:
            kinds = session.scalars(select(WorkerHeartbeat.kind)).all()
        wait_until(  # A poster may be there before the worker has told that it is.
            lambda: api.client.get("/readyz").json()["checks"]["media"] == "ok",
            "the worker is ready",
            log,
        )
        video = api.client.get(sent["links"]["self"]).json()
        own.terminate()
        own.wait(60)

    assert kinds == ["media"]
    assert (video["status"], video["has_poster"]) == ("queued", True)

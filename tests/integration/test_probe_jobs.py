"""Uploads without a model: a probe takes the place of the analysis.

Postgres, storage and the decoding process are real.
"""

import threading
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from app.core.broker.notifier import GPU_QUEUE, MEDIA_QUEUE, JobNotifier
from app.core.db.session import Sessions
from app.core.settings import Settings
from app.core.storage.interface import Storage
from app.jobs.kinds import JobKind
from app.jobs.tables import Job, JobStatus
from app.videos.tables import Video
from app.webhooks.tables import Delivery
from tests.api_server import RunningApi, running_api
from tests.videos import draw_video
from worker.job_task import load_handlers
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


@pytest.fixture
def match(tmp_path: Path) -> Path:
    draw_video(tmp_path / "match.mp4", frames=50, fps=10)
    return tmp_path / "match.mp4"


def send(api: RunningApi, path: Path, **fields: str) -> httpx.Response:
    data = {"model": "none", "callback_url": HOOK, **fields}
    with path.open("rb") as file:
        return api.client.post("/videos", files={"file": file}, data=data)


def run(answer: httpx.Response, context: WorkerContext) -> JobStatus | None:
    return run_job(
        UUID(answer.json()["job"]["id"]),
        context=context,
        handlers=load_handlers(MEDIA_QUEUE),
    )


def test_a_video_without_a_model_is_probed_and_its_webhook_counts_nothing(
    match: Path, context: WorkerContext
) -> None:
    with running_api(context.settings) as api:
        sent = send(api, match)
        announced = tuple(
            api.service.notifier.waiting(queue) for queue in (MEDIA_QUEUE, GPU_QUEUE)
        )
        status = run(sent, context)
        video = api.client.get(sent.json()["links"]["self"]).json()
        (told,) = api.client.get(sent.json()["links"]["deliveries"]).json()["items"]

    assert sent.status_code == 202
    assert (sent.json()["job"]["kind"], sent.json()["status"]) == ("probe", "queued")
    assert announced == (1, 0)
    assert status is JobStatus.SUCCEEDED
    assert (video["status"], video["counts"]) == ("succeeded", None)
    assert (video["duration_s"], video["fps"], video["codec"]) == (5.0, 10.0, "h264")
    assert video["job"]["result"]["frame_count_estimate"] == 50
    assert told["type"] == "video.completed"
    with context.sessions() as session:
        body = session.scalars(select(Delivery.body)).one()
        facts = session.scalars(select(Video.facts)).one()
        kinds = set(session.scalars(select(Job.kind)))
    assert '"events":{}' in body
    assert facts is not None
    assert {**facts, "warnings": None} == video["job"]["result"]
    assert kinds == {JobKind.PROBE, JobKind.THUMBNAILS}


@pytest.mark.costly
def test_tags_find_the_frames_of_a_probed_video(
    tmp_path: Path, context: WorkerContext
) -> None:
    times_ms = [0, 33, 67, 120, 500, 533, 1700]
    draw_video(tmp_path / "phone.mp4", times_ms=times_ms, frames=len(times_ms))
    with running_api(context.settings) as api:
        sent = send(api, tmp_path / "phone.mp4")
        run(sent, context)
        frames = api.client.get(f"{sent.json()['links']['self']}/frames").json()

    assert (frames["is_exact"], frames["is_constant"]) == (True, False)
    assert frames["times_s"] == [time_ms / 1000 for time_ms in times_ms]


@pytest.mark.costly
def test_what_the_decoder_had_to_forgive_is_told(
    tmp_path: Path, context: WorkerContext
) -> None:
    path = tmp_path / "cut.mp4"
    draw_video(path, frames=50, fps=10, options={"movflags": "faststart"})
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    with running_api(context.settings) as api:
        sent = send(api, path)
        status = run(sent, context)
        video = api.client.get(sent.json()["links"]["self"]).json()

    assert status is JobStatus.SUCCEEDED
    assert "shorter than its header says" in video["job"]["warnings"]["truncated"]
    assert video["duration_s"] < 5.0


@pytest.mark.costly
def test_a_file_that_is_no_video_fails_its_probe_in_words(
    tmp_path: Path, context: WorkerContext
) -> None:
    (tmp_path / "letter.mp4").write_text("Dear referee, please find attached...")
    with running_api(context.settings) as api:
        sent = send(api, tmp_path / "letter.mp4")
        status = run(sent, context)
        video = api.client.get(sent.json()["links"]["self"]).json()
        (told,) = api.client.get(sent.json()["links"]["deliveries"]).json()["items"]

    assert status is JobStatus.FAILED
    assert video["error"]["code"] == "unreadable_video"
    assert told["type"] == "video.failed"


@pytest.mark.costly
def test_a_probed_video_is_analysed_later_as_any_other(
    match: Path, context: WorkerContext
) -> None:
    with running_api(context.settings) as api:
        sent = send(api, match)
        run(sent, context)
        jobs = sent.json()["links"]["jobs"]
        asked = api.client.post(jobs, json={})
        video = api.client.get(sent.json()["links"]["self"]).json()
        again = api.client.post(jobs, json={"kind": "probe"})
        refused = api.client.post(jobs, json={"model": "none"})

    assert asked.status_code == 202
    assert asked.json()["kind"] == "spot"
    assert video["job"]["id"] == asked.json()["id"]
    assert video["status"] == "queued"
    assert (again.status_code, again.json()["kind"]) == (202, "probe")
    assert (refused.status_code, refused.json()["type"]) == (
        422,
        "/problems/unknown-model",
    )
    assert "no model" in refused.json()["detail"]


def test_the_same_upload_sent_twice_is_one_video_and_another_model_is_another(
    match: Path, context: WorkerContext
) -> None:
    with running_api(context.settings) as api:
        api.client.headers["idempotency-key"] = "one"
        first, second = send(api, match), send(api, match)
        other = send(api, match, model="")

    assert first.json()["id"] == second.json()["id"]
    assert second.json()["job"]["kind"] == "probe"
    assert other.status_code == 422


def test_a_probe_of_a_video_deleted_meanwhile_writes_nothing(
    match: Path, context: WorkerContext
) -> None:
    with running_api(context.settings) as api:
        sent = send(api, match)
        api.client.delete(sent.json()["links"]["self"])

        assert run(sent, context) is None

"""Lines of the log name the request, the video and the job that they are about."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog

from app.core.broker.notifier import JobNotifier
from app.core.db.session import Sessions
from app.core.settings import Settings
from app.core.storage.interface import Storage
from app.jobs.kinds import JobKind
from app.jobs.tables import JobStatus
from model.errors import UnreadableVideo
from tests.api_server import RunningApi
from tests.integration.test_api import _upload
from tests.integration.uploaded import Uploaded, upload
from tests.integration.webhooks import deliver, write_message
from tests.services import free_port
from tests.videos import draw_video
from worker.job_task import HandlerContext, JobResult, JobTask, Reporter
from worker.outcomes import WorkerContext
from worker.runner import run_job

log = structlog.get_logger(__name__)


@contextmanager
def lines() -> Iterator[list[dict[str, Any]]]:
    """Collect what is logged as its JSON would be, in all threads."""
    found: list[dict[str, Any]] = []

    def keep(_logger: object, _name: str, line: Any) -> Any:
        found.append(dict(line))
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, keep])
    try:
        yield found
    finally:
        structlog.configure(**before)


@pytest.fixture(scope="module")
def match(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("videos") / "match.mp4"
    draw_video(path, frames=10, fps=30)
    return path


@pytest.fixture
def job(match: Path, sessions: Sessions, storage: Storage) -> Uploaded:
    return upload(match, sessions=sessions, storage=storage)


@pytest.fixture
def context(
    settings: Settings, sessions: Sessions, storage: Storage, notifier: JobNotifier
) -> WorkerContext:
    quick = settings.model_copy(update={"heartbeat": settings.heartbeat / 1000})
    return WorkerContext(
        settings=quick,
        sessions=sessions,
        storage=storage,
        predictors=None,
        notifier=notifier,
        node="gpu@test",
        leaving=threading.Event(),
    )


def test_every_line_of_a_job_names_it_and_its_video(
    context: WorkerContext, job: Uploaded
) -> None:
    def fail(_task: JobTask, _its: HandlerContext, _reporter: Reporter) -> JobResult:
        log.info("deep_inside")
        raise UnreadableVideo("nothing to see")

    with lines() as found:
        status = run_job(job.job_id, context=context, handlers={JobKind.SPOT: fail})

    assert status is JobStatus.FAILED
    events = [line["event"] for line in found]
    assert {"job_started", "deep_inside", "job_failed", "job_ended"} <= set(events)
    ids = {(line.get("job"), line.get("video")) for line in found}
    assert ids == {(str(job.job_id), str(job.video_id))}


def test_lines_of_the_thread_that_renews_the_lease_name_them_too(
    context: WorkerContext, job: Uploaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    was_told = threading.Event()

    def fail(*_: object, **__: object) -> None:
        if any(line["event"] == "lease_not_renewed" for line in found):
            was_told.set()
        raise ValueError

    def wait(_task: JobTask, _its: HandlerContext, _: Reporter) -> JobResult:
        assert was_told.wait(30)
        raise UnreadableVideo("nothing to see")

    monkeypatch.setattr("worker.lease.renew", fail)
    with lines() as found:
        run_job(job.job_id, context=context, handlers={JobKind.SPOT: wait})

    renewals = [line for line in found if line["event"] == "lease_not_renewed"]
    assert renewals
    assert {line.get("video") for line in renewals} == {str(job.video_id)}


def test_lines_of_a_webhook_message_name_what_it_tells_of(
    job: Uploaded, sessions: Sessions
) -> None:
    message = write_message(job, f"http://127.0.0.1:{free_port()}/")

    with lines() as found:
        deliver(message, sessions=sessions)

    (line,) = [line for line in found if line["event"] == "webhook_attempt"]
    assert line["delivery"] == str(message)
    assert (line["job"], line["video"]) == (str(job.job_id), str(job.video_id))


def test_a_request_that_asks_for_a_job_names_both(api: RunningApi) -> None:
    name = str(uuid.uuid4())
    with lines() as found:
        video = _upload(api)
        made = api.client.post(
            f"/videos/{video['id']}/jobs",
            headers={"x-request-id": name},
            json={"kind": "proxy"},
        ).json()

    (asked,) = [line for line in found if line.get("request_id") == name]
    assert asked["event"] == "job_requested"
    assert (asked["job"], asked["video"]) == (made["id"], video["id"])
    accepted = next(line for line in found if line["event"] == "video_accepted")
    first = [one for one in found if one.get("request_id") == accepted["request_id"]]
    assert {one["job"] for one in first if one["event"] == "job_requested"} >= {
        video["job"]["id"]
    }


def test_what_a_route_logs_names_the_video_of_its_address(
    api: RunningApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = uuid.uuid4()

    class Bug(Exception):
        pass

    def fail(_self: object) -> None:
        log.warning("in_the_route")
        raise Bug

    monkeypatch.setattr(type(api.service.sessions), "__call__", fail)
    with lines() as found:
        last = {"connection": "close"}  # as the server does after a bug
        broken = api.client.get(f"/videos/{video}", headers=last)
        api.client.get("/videos/no-id")

    assert broken.status_code == 500
    named = {line["event"]: line.get("video") for line in found[:2]}
    assert named == {"in_the_route": str(video), "bug": str(video)}
    assert all("video" not in line for line in found[2:])

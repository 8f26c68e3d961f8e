"""Reports over HTTP and as jobs: asked for, made, loaded, canceled, deleted, swept.

Postgres, storage and the decoding process are real.
"""

import base64
import io
import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import av
import numpy as np
import pytest

from app.core.broker.notifier import MEDIA_QUEUE, JobNotifier
from app.core.db.session import Sessions
from app.core.settings import Settings
from app.core.storage.interface import Storage
from app.core.storage.keys import report_key, video_prefix
from app.jobs.tables import JobStatus
from app.reports.lost_reports import REPORTS
from app.reports.tables import Report
from app.videos.lost_objects import sweep_lost_objects
from tests.api_server import RunningApi, running_api
from tests.fakes import MemoryStorage
from tests.videos import draw_video, read_number
from worker.handlers.report import make_report
from worker.job_task import HandlerContext, JobTask, Reporter, load_handlers
from worker.outcomes import WorkerContext
from worker.runner import run_job

EVENTS = [("PASS", 30, "left"), ("SHOT", 60, "left"), ("<b>", 66, None)]


@pytest.fixture
def context(
    settings: Settings, sessions: Sessions, storage: Storage, notifier: JobNotifier
) -> WorkerContext:
    return WorkerContext(
        settings=settings.model_copy(update={"min_free_space": 0}),
        sessions=sessions,
        storage=storage,
        predictors=None,
        notifier=notifier,
        node="media@test",
        leaving=threading.Event(),
    )


@pytest.fixture(scope="module")
def match_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reports") / "match.mp4"
    draw_video(path, frames=120, fps=30, b_frames=2)
    return path


@pytest.fixture
def api(context: WorkerContext) -> Iterator[RunningApi]:
    with running_api(context.settings) as running:
        yield running


@pytest.fixture
def match(api: RunningApi, context: WorkerContext, match_file: Path) -> str:
    """Upload a video without a model, look at it, and tag events; its address."""
    with match_file.open("rb") as file:
        answer = api.client.post(
            "/videos", files={"file": ("match.mp4", file)}, data={"model": "none"}
        )
    assert answer.status_code == 202, answer.text
    body = answer.json()
    assert run(UUID(body["job"]["id"]), context) is JobStatus.SUCCEEDED
    address = f"/videos/{body['id']}"
    types = [{"name": label} for label, _, _ in EVENTS]
    assert api.client.put("/types", json={"items": types}).status_code == 200
    for label, frame, team in EVENTS:
        event: dict[str, object] = {"type": label, "frame": frame}
        if team:
            event["attributes"] = {"team": team}
        made = api.client.post(f"{address}/events", json=event)
        assert made.status_code == 201, made.text
    facts = {"title": "Reds & <Blues>", "teams": [{"name": "Reds", "side": "left"}]}
    assert api.client.patch(address, json=facts).status_code == 200
    return address


def run(job_id: UUID, context: WorkerContext) -> JobStatus | None:
    return run_job(job_id, context=context, handlers=load_handlers(MEDIA_QUEUE))


def ask(api: RunningApi, match: str, **wanted: Any) -> dict[str, Any]:
    answer = api.client.post(f"{match}/reports", json=wanted)
    assert answer.status_code == 202, answer.text
    report: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/reports/{report['id']}"
    return report


def made(
    api: RunningApi, match: str, context: WorkerContext, **wanted: Any
) -> tuple[dict[str, Any], str]:
    report = ask(api, match, **wanted)
    assert run(UUID(report["job_id"]), context) is JobStatus.SUCCEEDED
    done: dict[str, Any] = api.client.get(f"/reports/{report['id']}").json()
    file = api.client.get(done["links"]["file"])
    assert file.status_code == 200
    assert done["size_bytes"] == len(file.content)
    return done, file.text


def pictures(html: str) -> list[int]:
    """Read the numbers that are painted in the frames of a report."""
    found = []
    for text in re.findall(r'src="data:image/jpeg;base64,([^"]+)"', html):
        with av.open(io.BytesIO(base64.b64decode(text)), "r") as container:
            (frame,) = container.decode(video=0)
            image = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
            found.append(read_number(image))
    return found


def files(storage: Storage, match: str) -> list[str]:
    prefix = f"{video_prefix(UUID(match.rpartition('/')[2]))}/reports"
    return [one.key for one in storage.list(prefix)]


def test_a_report_shows_the_very_frames_of_key_events_and_escapes_all_texts(
    api: RunningApi, match: str, context: WorkerContext
) -> None:
    waiting = ask(api, match, stills=1)
    not_ready = api.client.get(f"/reports/{waiting['id']}/file")
    report, html = made(api, match, context, key_types=["shot", "<B>"])

    assert (not_ready.status_code, waiting["links"]["file"]) == (409, None)
    assert (report["status"], report["key_types"]) == ("succeeded", ["shot", "<B>"])
    assert "Reviewed by local." in html
    assert pictures(html) == [60, 66]
    assert "<h1>Reds &amp; &lt;Blues&gt;</h1>" in html
    assert "<b>Blues" not in html
    assert "&lt;b&gt;" in html
    shown = api.client.get(report["links"]["file"])
    saved = api.client.get(report["links"]["file"], params={"save": True})
    assert shown.headers["content-type"] == "text/html; charset=utf-8"
    policy = shown.headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none'")
    assert shown.headers["content-disposition"].startswith("inline")
    assert saved.headers["content-disposition"].startswith("attachment")
    listed = api.client.get(f"{match}/reports").json()["items"]
    assert [one["id"] for one in listed] == [report["id"], waiting["id"]]


@pytest.mark.costly
def test_a_retry_makes_no_second_report_and_what_is_wrong_is_refused(
    api: RunningApi, match: str, context: WorkerContext
) -> None:
    key = {"idempotency-key": "report-1"}
    first = api.client.post(f"{match}/reports", json={}, headers=key).json()
    later = {"type": "SHOT", "frame": 90}  # The report is of the timeline before it.
    assert api.client.post(f"{match}/events", json=later).status_code == 201
    again = api.client.post(f"{match}/reports", json={}, headers=key).json()
    run(UUID(first["job_id"]), context)

    html = api.client.get(f"/reports/{first['id']}/file").text
    assert again["id"] == first["id"]
    assert pictures(html) == [60]
    client = api.client
    for wanted in ({"stills": 61}, {"stills": -1}, {"key_types": [""]}, {"x": 1}):
        assert client.post(f"{match}/reports", json=wanted).status_code == 422
    assert client.post(f"/videos/{uuid4()}/reports", json={}).status_code == 404
    for address in (f"/reports/{uuid4()}", "/reports/none", f"/reports/{uuid4()}/file"):
        answer = client.get(address)
        assert answer.json()["type"].endswith("/report-not-found")


@pytest.mark.costly
def test_a_deleted_report_takes_its_file_along_and_cancels_its_job(
    api: RunningApi, match: str, context: WorkerContext, storage: Storage
) -> None:
    done, _ = made(api, match, context)
    waiting = ask(api, match)
    assert len(files(storage, match)) == 1

    answers = [api.client.delete(f"/reports/{one['id']}") for one in (done, waiting)]

    assert [one.status_code for one in answers] == [204, 204]
    assert files(storage, match) == []
    assert run(UUID(waiting["job_id"]), context) is None


@pytest.mark.costly
def test_only_old_files_that_no_report_names_are_swept(
    api: RunningApi, match: str, sessions: Sessions
) -> None:
    report_id = UUID(ask(api, match)["id"])
    video_id = UUID(match.rpartition("/")[2])
    storage = MemoryStorage()
    shown, lost, young, strange = (
        report_key(owner, report_id, uuid4())
        for owner in (video_id, video_id, video_id, uuid4())
    )
    for key in (shown, lost, young, strange):
        storage.put(key, b"report")
        if key != young:
            storage.age(key, timedelta(days=1))
    with sessions.begin() as session:
        session.get_one(Report, report_id).file_key = shown

    assert sweep_lost_objects([REPORTS], sessions=sessions, storage=storage) == 1

    assert [storage.exists(key) for key in (shown, lost, young, strange)] == [
        *(True, False, True, True)
    ]


@pytest.mark.costly
@pytest.mark.parametrize("what", ["report", "video"])
def test_what_is_deleted_meanwhile_leaves_no_file(
    api: RunningApi, match: str, context: WorkerContext, storage: Storage, what: str
) -> None:
    report = ask(api, match)

    def make_and_lose(task: JobTask, own: HandlerContext, reporter: Reporter) -> Any:
        result = make_report(task, own, reporter)
        address = match if what == "video" else f"/reports/{report['id']}"
        assert api.client.delete(address).status_code == 204
        return result

    handlers = {**load_handlers(MEDIA_QUEUE)}
    kind = next(one for one in handlers if one == "report")
    handlers[kind] = make_and_lose
    status = run_job(UUID(report["job_id"]), context=context, handlers=handlers)

    assert status is not JobStatus.SUCCEEDED
    assert files(storage, match) == []


def test_a_report_asked_for_again_is_told_though_none_could_be_made_by_now(
    api: RunningApi,
) -> None:
    files, key = {"file": ("a.mp4", b"bytes")}, {"idempotency-key": str(uuid4())}
    video = api.client.post("/videos", files=files, data={"model": "none"}).json()
    path = f"/videos/{video['id']}"

    first = api.client.post(f"{path}/reports", json={}, headers=key)
    api.client.post(f"{path}/jobs", json={}).raise_for_status()  # It has none yet.
    again = api.client.post(f"{path}/reports", json={}, headers=key)
    other = api.client.post(f"{path}/reports", json={})

    assert (first.status_code, again.status_code) == (202, 202), again.text
    assert again.json() == first.json()
    assert other.json()["type"] == "/problems/no-timeline"

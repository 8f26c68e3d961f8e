"""Live streams: asked for over HTTP, followed by a worker, watched and viewed."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import av
import httpx
import pytest
from sqlalchemy import select

from app.core.settings import Settings
from app.health.queries import save_heartbeat
from app.jobs.kinds import JobKind
from app.jobs.tables import Job, JobStatus
from app.live import models
from app.live.tables import LiveStream
from app.webhooks.tables import Delivery, Webhook
from tests.api_server import RunningApi, eventually
from tests.integration.test_api_streams import listening
from tests.live_fakes import (
    FakeChange,
    FakeFacts,
    FakeGap,
    Script,
    draw_segment,
)
from worker.live_streams.run import run_live
from worker.outcomes import WorkerContext
from worker.runner import run_job

API_SETTINGS = {"heartbeat": timedelta(seconds=1), "lease": timedelta(seconds=3)}
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
SHOT = FakeChange("provisional", 1, "PASS", 0.5, 0.7, "left")


@pytest.fixture(autouse=True)
def _live_model(api: RunningApi, checkpoint: Path, monkeypatch: Any) -> None:
    """Take the small checkpoint for one that can be used live."""
    folder = api.data_dir / "models"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tiny.touchline").symlink_to(checkpoint)
    monkeypatch.setattr(
        models,
        "look_ahead_of",
        lambda manifest: 0.5 if manifest.name.startswith("tiny") else None,
    )


@pytest.fixture
def live_worker(api: RunningApi) -> None:
    """Say that a worker with room for two streams lives."""
    beat(api)


def beat(api: RunningApi, *, streams: int = 2) -> None:
    with api.service.sessions.begin() as session:
        info: dict[str, object] = {"streams": streams}
        session.execute(save_heartbeat(name="live here", kind="live", info=info))


@dataclass
class Worker:
    """A worker's thread that runs one job."""

    script: Script = field(default_factory=Script)
    leaving: threading.Event = field(default_factory=threading.Event)
    status: JobStatus | None = None
    settings: dict[str, object] = field(default_factory=dict)

    @contextmanager
    def running(self, api: RunningApi, job_id: str) -> Iterator[Script]:
        settings = api.service.settings.model_copy(update=self.settings)
        context = WorkerContext(
            settings=settings,
            sessions=api.service.sessions,
            storage=api.service.storage,
            notifier=api.service.notifier,
            predictors=None,
            node="live@test",
            leaving=self.leaving,
        )
        handlers: Any = {JobKind.LIVE: partial(run_live, parts=self.script.parts)}

        def run() -> None:
            self.status = run_job(UUID(job_id), context=context, handlers=handlers)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield self.script
        finally:
            self.script.end()
            thread.join(30)
            assert not thread.is_alive()


def begin(api: RunningApi, **wanted: object) -> dict[str, Any]:
    answer = api.client.post("/live", json={"source": "listen", **wanted})
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/live/{found['id']}"
    return found


def events_of(api: RunningApi, video: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]]
    found = api.client.get(f"/videos/{video['id']}/events").json()["items"]
    return found


def refused(api: RunningApi, status: int, slug: str, **wanted: object) -> str:
    answer = api.client.post("/live", json={"source": "listen", **wanted})
    assert answer.status_code == status, answer.text
    problem = answer.json()
    assert problem["type"] == f"/problems/{slug}"
    return str(problem["detail"])


@pytest.mark.usefixtures("live_worker")
@pytest.mark.parametrize(
    "source",
    [
        "rtmp://127.0.0.1/live/main",
        "rtsp://user:secret@10.0.0.7/stream",
        "http://169.254.169.254/index.m3u8",
        "https://example.org/match.mp4",
        "srt://example.org:9000",
        "udp://0.0.0.0:80",
        "udp://example.org:5000",
        "rtmp:///nowhere",
        "file:///etc/passwd",
        "somewhere",
    ],
)
def test_a_source_that_is_private_or_none_is_refused(
    api: RunningApi, source: str
) -> None:
    detail = refused(api, 422, "source-refused", source=source)

    assert detail.startswith("source: ")
    assert "secret" not in detail


@pytest.mark.usefixtures("live_worker")
def test_a_stream_takes_a_live_model_room_and_a_name_of_its_own(
    api: RunningApi,
) -> None:
    begin(api, name="Final")

    other = refused(api, 422, "not-live", model="arena-rny002")
    same = refused(api, 409, "live-name-taken", name="Final")
    begin(api, name="Semi-final")
    full = refused(api, 429, "live-capacity-reached", name="Third place")

    assert "tiny" in other
    assert "'Final'" in same
    assert full.startswith("2 streams are open")


def test_without_a_worker_no_stream_begins(api: RunningApi) -> None:
    assert "touchline worker live" in refused(api, 409, "no-live-worker")


@pytest.mark.usefixtures("live_worker")
def test_a_stream_that_waits_ends_at_once_and_one_that_ended_cannot_end(
    api: RunningApi,
) -> None:
    video = begin(api)
    path = f"/live/{video['id']}"

    waiting = api.client.get(path).json()
    stopped = api.client.post(f"{path}/stop")
    again = api.client.post(f"{path}/stop")

    assert (waiting["state"], waiting["kind"]) == ("waiting", "listen")
    assert (video["status"], video["links"]["live"]) == ("live", path)
    assert (stopped.status_code, stopped.json()["state"]) == (202, "ended")
    assert again.json()["type"] == "/problems/live-has-ended"
    assert api.client.get("/live", params={"state": "open"}).json()["items"] == []
    assert len(api.client.get("/live").json()["items"]) == 1


@pytest.mark.usefixtures("live_worker")
def test_events_are_there_while_the_match_is_played(api: RunningApi) -> None:
    video = begin(api)
    worker = Worker()
    with (
        listening(api, f"/live/{video['id']}/events/stream") as heard,
        worker.running(api, video["job"]["id"]) as script,
    ):
        script.items.put(FakeFacts())
        script.step(0.0)
        script.step(1.0, SHOT)
        (first,) = heard.wait_for("provisional")
        before = events_of(api, video)
        script.step(1.1, replace(SHOT, kind="final", score=0.9))
        script.step(1.2, replace(SHOT, id=2, label="DRIVE", media_s=1.0))
        script.step(1.3, replace(SHOT, kind="retracted", id=2, label="DRIVE"))
        heard.wait_for("retracted")
        script.items.put(FakeGap(1.3, 4.0, "no pictures"))
        heard.wait_for("gap")
        after = events_of(api, video)
        shown = api.client.get(f"/live/{video['id']}").json()
        script.end()
        (end,) = heard.wait_for("end")

    assert before[0]["id"] == first["id"]
    assert [one["is_provisional"] for one in (first, before[0])] == [True, True]
    assert [(one["type"], one["score"]) for one in after] == [("PASS", 0.9)]
    assert after[0]["id"] == first["id"]
    assert not after[0]["is_provisional"]
    assert [one["event"] for one in heard.events() if one["sse_id"]] == [
        *("provisional", "final", "provisional", "retracted")
    ]
    assert shown["state"] == "live"
    assert shown["gaps"] == [{"from_s": 1.3, "to_s": 4.0, "reason": "no pictures"}]
    assert shown["facts"]["codec"] == "h264"
    assert shown["look_ahead_s"] == 0.5
    for stage in ("spotted", "stored", "sent"):
        assert 0 < shown["latency"][stage]["p50_ms"] < 2000, stage
    assert script.spotter.gaps == 1
    assert (end["state"], worker.status) == ("ended", JobStatus.SUCCEEDED)

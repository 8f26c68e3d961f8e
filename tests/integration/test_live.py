"""Live streams: asked for over HTTP, followed by a worker, watched and viewed."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import av
import pytest
from sqlalchemy import func, select
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from app.health.tables import WorkerHeartbeat
from app.jobs.kinds import JobKind
from app.jobs.tables import JobStatus
from app.live.tables import LiveStream
from app.webhooks.tables import Delivery
from model.errors import NoVideoStream, SourceSilent
from tests.api_server import RunningApi, eventually
from tests.integration.test_api_streams import listening
from tests.live_fakes import (
    FakeChange,
    FakeFacts,
    FakeGap,
    Script,
    draw_segment,
)
from touchline.client.client import Client
from touchline.watching import live_follow
from touchline.watching.live_follow import LiveFollow
from worker.live_streams.run import run_live
from worker.live_streams.scratch import FOLDER, sweep_scratch
from worker.outcomes import WorkerContext
from worker.runner import run_job

API_SETTINGS = {
    "heartbeat": timedelta(seconds=1),
    "lease": timedelta(seconds=3),
    "webhook_allow_nets": "127.0.0.9/32",
}
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
SHOT = FakeChange("provisional", 1, "PASS", 0.5, 0.7, "left")


@pytest.fixture
def live_worker(api: RunningApi) -> None:
    """Say that a worker with room for two streams lives."""
    beat(api)


def beat(api: RunningApi, *, streams: int = 2) -> None:
    with api.service.sessions.begin() as session:
        row = WorkerHeartbeat(name="live here", kind="live", info={"streams": streams})
        # A slow machine shall not take it for dead before the test has ended.
        row.seen_at = func.now() + timedelta(hours=1)
        session.add(row)


@dataclass
class Worker:
    """A worker's thread that runs one job."""

    script: Script = field(default_factory=Script)
    leaving: threading.Event = field(default_factory=threading.Event)
    status: JobStatus | None = None
    settings: dict[str, object] = field(default_factory=dict)
    context: Any = None

    @contextmanager
    def running(self, api: RunningApi, job_id: str) -> Iterator[Script]:
        settings = api.service.settings.model_copy(update=self.settings)
        self.context = context = WorkerContext(
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

    assert "arena-rny002-live" in other
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
        script.step(4.0)
        heard.wait_for("gap")
        after = events_of(api, video)
        own = f"/live/{video['id']}"
        eventually(lambda: api.client.get(own).json()["latency"]["stored"] is not None)
        shown = api.client.get(own).json()
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
    (gap,) = shown["gaps"]
    assert (gap["from_s"], gap["to_s"], gap["reason"]) == (1.3, 4.0, "no pictures")
    assert shown["facts"]["codec"] == "h264"
    assert shown["look_ahead_s"] == 0.5
    for stage in ("spotted", "stored", "sent"):
        assert 0 < shown["latency"][stage]["p50_ms"] < 60_000, stage
    assert script.spotter.gaps == 1
    assert (end["state"], worker.status) == ("ended", JobStatus.SUCCEEDED)


@pytest.mark.usefixtures("live_worker")
def test_events_stay_apart_where_the_source_changes_its_rate(api: RunningApi) -> None:
    video = begin(api)
    first, second = Worker(), Worker()
    with first.running(api, video["job"]["id"]) as script:
        script.items.put(FakeFacts(fps=50.0))
        script.step(100.0, replace(SHOT, kind="final", media_s=100.0))
        script.items.put(FakeFacts(fps=25.0))
        script.step(200.0, replace(SHOT, kind="final", id=2, media_s=200.0))
        eventually(lambda: len(events_of(api, video)) == 2)
        first.leaving.set()
        eventually(lambda: first.status is not None)
    with second.running(api, video["job"]["id"]) as script:
        script.items.put(FakeFacts(fps=25.0))
        script.step(0.0)
        eventually(lambda: len(script.spotter.times) == 1)
        at_s = script.spotter.times[0]
        script.step(1.0, replace(SHOT, kind="final", id=3, media_s=at_s))
        eventually(lambda: len(events_of(api, video)) == 3)

    found = events_of(api, video)
    assert len({one["id"] for one in found}) == 3
    assert [one["frame"] for one in found] == [5000, 10000, round(at_s * 50)]
    assert api.client.get(f"/videos/{video['id']}").json()["fps"] == 50


@pytest.mark.usefixtures("live_worker")
def test_what_a_person_decides_meanwhile_stays(api: RunningApi) -> None:
    video = begin(api)
    worker = Worker()
    with (
        listening(api, f"/live/{video['id']}/events/stream") as heard,
        worker.running(api, video["job"]["id"]) as script,
    ):
        script.items.put(FakeFacts())
        script.step(0.0)
        script.step(1.0, SHOT)
        (told,) = heard.wait_for("provisional")
        own = f"/videos/{video['id']}/events"
        api.client.patch(f"{own}/{told['id']}", json={"state": "accepted"})
        tagged = api.client.post(own, json={"type": "DRIVE", "time_s": 0.9})
        assert tagged.status_code == 201, tagged.text
        script.step(1.1, replace(SHOT, kind="retracted"))
        heard.wait_for("retracted")

    events = events_of(api, video)
    assert [(one["type"], one["state"]) for one in events] == [
        *(("PASS", "accepted"), ("DRIVE", "added"))
    ]


@pytest.mark.usefixtures("live_worker")
def test_who_connects_again_is_told_what_was_missed(api: RunningApi) -> None:
    video = begin(api)
    path = f"/live/{video['id']}/events/stream"
    worker = Worker()
    with worker.running(api, video["job"]["id"]) as script:
        script.step(0.0)
        with listening(api, path) as heard:
            script.step(1.0, SHOT)
            heard.wait_for("provisional")
        script.step(1.1, replace(SHOT, kind="final"))
        eventually(lambda: not events_of(api, video)[0]["is_provisional"])
        with listening(api, path, {"Last-Event-ID": "1"}) as again:
            (missed,) = again.wait_for("final")
        with listening(api, f"{path}?after=0") as all_of_it:
            all_of_it.wait_for("final")

    assert missed["number"] == 2
    assert again.events("provisional") == []
    assert len(all_of_it.events("provisional")) == 1


@pytest.mark.usefixtures("live_worker")
def test_another_worker_takes_over_and_marks_the_gap(api: RunningApi) -> None:
    video = begin(api)
    began = datetime.now(UTC) - timedelta(seconds=60)
    first, second = Worker(), Worker()
    with (
        listening(api, f"/live/{video['id']}/events/stream") as heard,
        first.running(api, video["job"]["id"]) as script,
    ):
        script.step(0.0, wall=began)
        script.step(1.0, SHOT, wall=began + timedelta(seconds=1))
        heard.wait_for("provisional")
        first.leaving.set()
        eventually(lambda: first.status is not None)
    shown = api.client.get(f"/live/{video['id']}").json()
    with (
        listening(api, f"/live/{video['id']}/events/stream") as heard,
        second.running(api, video["job"]["id"]) as script,
    ):
        heard.wait_for("final")  # Nothing more will be said of it.
        script.step(0.0, wall=began + timedelta(seconds=9))
        (gap,) = heard.wait_for("gap")
        script.step(0.5, replace(SHOT, media_s=9.2), wall=began)
        heard.wait_for("provisional")

    assert shown["state"] == "interrupted"
    assert (gap["from_s"], gap["to_s"]) == (1.0, 9.0)
    assert gap["reason"] == "worker changed"
    assert script.spotter.times == [9.0, 9.5]
    assert [one["time_s"] for one in events_of(api, video)] == [0.5, 9.2]
    assert second.status is JobStatus.SUCCEEDED


@pytest.mark.usefixtures("live_worker")
def test_the_recording_is_viewed_and_becomes_the_videos_file(
    api: RunningApi, tmp_path: Path
) -> None:
    video = begin(api, analyse_after=True)
    hls = f"/live/{video['id']}/hls"
    worker = Worker()
    with worker.running(api, video["job"]["id"]) as script:
        none_yet = api.client.get(f"{hls}/index.m3u8")
        script.step(0.0)
        eventually(lambda: script.sink is not None)
        for number, start_s in enumerate((1.0, 4.0)):
            path = tmp_path / f"{number}.mp4"
            draw_segment(path, start_s=start_s, frames=50)
            script.segment(path, start_s, 2.0)
        eventually(lambda: "seg1.mp4" in api.client.get(f"{hls}/index.m3u8").text)
        playlist = api.client.get(f"{hls}/index.m3u8").text
        segment = api.client.get(f"{hls}/seg1.mp4", headers={"range": "bytes=0-99"})
        lost = api.client.get(f"{hls}/seg9.mp4")
        api.client.post(f"/live/{video['id']}/stop")
        eventually(lambda: worker.status is not None)

    after = api.client.get(f"/videos/{video['id']}").json()
    file = tmp_path / "whole.mp4"
    file.write_bytes(api.client.get(f"/videos/{video['id']}/file").content)
    assert none_yet.json()["type"] == "/problems/not-recorded"
    assert lost.json()["type"] == "/problems/segment-not-found"
    assert segment.status_code == 206
    lines = playlist.splitlines()
    assert lines[0] == "#EXTM3U"
    assert [one for one in lines if one.startswith(("#EXTINF", "#EXT-X-GAP"))] == [
        *("#EXT-X-GAP", "#EXTINF:1.000,", "#EXTINF:2.000,"),
        *("#EXT-X-GAP", "#EXTINF:1.000,", "#EXTINF:2.000,"),
    ]
    assert "#EXT-X-ENDLIST" not in lines
    assert "#EXT-X-ENDLIST" in api.client.get(f"{hls}/index.m3u8").text
    assert (after["status"], after["job"]["kind"]) == ("queued", "spot")
    with av.open(str(file)) as container:
        times = [float(one.time or 0) for one in container.decode(video=0)]
    assert len(times) == 101  # The first picture is shown from the beginning.
    assert [times[at] for at in (0, 1, 51)] == pytest.approx([0, 1, 4], abs=0.05)


KILLED = """
import os, signal, sys
from pathlib import Path
from uuid import UUID
from worker.live_streams.scratch import scratch_of

with scratch_of(Path(sys.argv[1]), UUID(sys.argv[2])) as folder:
    (folder / "1.mp4").write_bytes(bytes(1000))
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.usefixtures("live_worker")
def test_files_of_a_run_that_was_killed_are_swept_and_those_of_others_kept(
    api: RunningApi,
) -> None:
    data_dir, killed = api.service.settings.data_dir, uuid4()
    left = data_dir / FOLDER / str(killed)
    video = begin(api)
    worker = Worker()
    with worker.running(api, video["job"]["id"]) as script:
        script.step(0.0)
        eventually(lambda: state_of(api, video) == "live")
        command = [sys.executable, "-c", KILLED, str(data_dir), str(killed)]
        subprocess.run(command, timeout=60)
        assert (left / "1.mp4").is_file()
        (own,) = [one for one in (data_dir / FOLDER).iterdir() if one != left]

        sweep_scratch(worker.context)

        assert [own.is_dir(), left.exists()] == [True, False]
    assert worker.status is JobStatus.SUCCEEDED
    assert not own.exists()


def state_of(api: RunningApi, video: dict[str, Any]) -> str:
    return str(api.client.get(f"/live/{video['id']}").json()["state"])


@pytest.mark.usefixtures("live_worker")
def test_a_full_disk_stops_the_recording_and_nothing_else(
    api: RunningApi, tmp_path: Path
) -> None:
    video = begin(api)
    worker = Worker(settings={"min_free_space": 2**60})
    with (
        listening(api, f"/live/{video['id']}/events/stream") as heard,
        worker.running(api, video["job"]["id"]) as script,
    ):
        script.step(0.0)
        eventually(lambda: script.sink is not None)
        segment = draw_segment(tmp_path / "a.mp4", start_s=0, frames=3)
        script.segment(segment, 0.0, 2.0)
        script.step(1.0, SHOT)
        heard.wait_for("provisional")
        shown = api.client.get(f"/live/{video['id']}").json()

    assert (shown["state"], shown["recording"]) == ("live", "stopped")
    assert shown["recording_problem"].startswith("The disk is full")
    assert worker.status is JobStatus.SUCCEEDED


@pytest.mark.usefixtures("live_worker")
@pytest.mark.parametrize("batch_s", [0.0, 60.0])
def test_webhooks_are_told_of_final_events(api: RunningApi, batch_s: float) -> None:
    hook = {"url": "http://127.0.0.9:9/hook", "events": ["event.*"]}
    assert api.client.post("/webhooks", json=hook).status_code == 201
    video = begin(api, webhook_batch_s=batch_s)
    worker = Worker()
    with worker.running(api, video["job"]["id"]) as script:
        script.step(0.0)
        script.step(1.0, SHOT)
        for number, media_s in enumerate((0.5, 1.0), start=1):
            said = replace(SHOT, kind="final", id=number, media_s=media_s)
            script.step(media_s + 1, said)
            if batch_s == 0:
                eventually(partial(has_told, api, number))

    assert [len(one) for one in told(api)] == ([1, 1] if batch_s == 0 else [2])
    assert [one["time_s"] for batch in told(api) for one in batch] == [0.5, 1.0]


@pytest.mark.usefixtures("live_worker")
def test_webhooks_wait_for_more_events_no_longer_than_asked(api: RunningApi) -> None:
    hook = {"url": "http://127.0.0.9:9/hook", "events": ["event.*"]}
    assert api.client.post("/webhooks", json=hook).status_code == 201
    video = begin(api, webhook_batch_s=0.5)
    with Worker().running(api, video["job"]["id"]) as script:
        script.step(0.0)
        script.step(1.0, SHOT)
        script.step(1.5, replace(SHOT, kind="final"))
        eventually(lambda: [len(one) for one in told(api)] == [1])


def has_told(api: RunningApi, count: int) -> bool:
    return len(told(api)) == count


def told(api: RunningApi) -> list[list[dict[str, Any]]]:
    """Read the events of each message to webhooks, in order."""
    with api.service.sessions() as session:
        bodies = session.scalars(
            select(Delivery.body)
            .where(Delivery.type == "event.created")
            .order_by(Delivery.id)
        )
        return [json.loads(body)["data"]["items"] for body in bodies]


@pytest.mark.usefixtures("live_worker")
def test_a_stream_whose_video_is_deleted_ends_without_a_trace(
    api: RunningApi, tmp_path: Path
) -> None:
    video = begin(api)
    worker = Worker()
    with (
        listening(api, f"/live/{video['id']}/events/stream") as heard,
        worker.running(api, video["job"]["id"]) as script,
    ):
        script.step(0.0)
        script.step(1.0, SHOT)
        heard.wait_for("provisional")
        segment = draw_segment(tmp_path / "a.mp4", start_s=0, frames=3)
        script.segment(segment, 0.0, 2.0)
        assert api.client.delete(f"/videos/{video['id']}").status_code == 204
        eventually(lambda: heard.is_over)
        script.step(1.1, replace(SHOT, kind="final"))

    assert worker.status is None  # It wrote nothing of the end.
    assert api.client.get(f"/live/{video['id']}").status_code == 404
    assert not list((api.data_dir / "videos").rglob("*.mp4"))


@pytest.mark.usefixtures("live_worker")
def test_a_source_that_falls_silent_for_good_has_ended(api: RunningApi) -> None:
    video = begin(api, record=False)
    worker = Worker()
    with worker.running(api, video["job"]["id"]) as script:
        script.step(0.0)
        script.items.put(SourceSilent("No picture came for 600 s."))
        eventually(lambda: worker.status is not None)

    shown = api.client.get(f"/live/{video['id']}").json()
    assert (shown["state"], shown["recording"]) == ("ended", "off")
    assert shown["links"]["hls"] is None


@pytest.mark.usefixtures("live_worker")
def test_a_source_that_never_starts_has_failed_and_says_why(api: RunningApi) -> None:
    video = begin(api)
    worker = Worker()
    with worker.running(api, video["job"]["id"]) as script:
        script.items.put(NoVideoStream("The source sends sound alone."))
        eventually(lambda: worker.status is not None)

    shown = api.client.get(f"/live/{video['id']}").json()
    assert shown["state"] == "failed"
    assert shown["error"] == {
        "code": "no_video_stream",
        "detail": "The source sends sound alone.",
        "retryable": False,
    }


def connected(api: RunningApi, video: dict[str, Any], **headers: str) -> Any:
    """Open the WebSocket that a browser pushes over."""
    url = f"{api.url.replace('http', 'ws', 1)}{video['links']['live']}/push"
    return connect(url, additional_headers=headers, proxy=None)


def closed_with(socket: Any) -> int:
    with pytest.raises(ConnectionClosed) as closed:
        socket.recv(timeout=60)
    assert closed.value.rcvd is not None
    return int(closed.value.rcvd.code)


@pytest.mark.usefixtures("live_worker")
def test_what_was_begun_is_told_again_though_its_address_is_refused_now(
    api: RunningApi,
) -> None:
    sent = {"source": "rtsp://127.0.0.9:554/camera"}
    key = {"idempotency-key": "once"}
    first = api.client.post("/live", json=sent, headers=key)
    before = api.service
    strict = before.settings.model_copy(update={"webhook_allow_nets": ()})
    api.app.state.resources = replace(before, settings=strict)
    try:
        second = api.client.post("/live", json=sent, headers=key)
        other = api.client.post("/live", json=sent)
    finally:
        api.app.state.resources = before

    assert (first.status_code, second.status_code, other.status_code) == (202, 202, 422)
    assert first.json()["id"] == second.json()["id"]


@pytest.mark.usefixtures("live_worker")
def test_what_a_browser_pushes_reaches_the_worker(api: RunningApi) -> None:
    video = begin(api, source="push")
    worker = Worker()
    with connected(api, video) as early:
        assert closed_with(early) == 1013  # No worker yet.
    with worker.running(api, video["job"]["id"]) as script:
        eventually(lambda: is_listening(api, video))
        with connected(api, video) as socket:
            ready = {"kind": "ready", "takes_end": True}
            assert json.loads(socket.recv(timeout=60)) == ready
            socket.send(b"webm " * 1000)
            eventually(lambda: len(script.pushed.data) == 5000)
        with connected(api, video) as socket:  # It comes back.
            socket.recv(timeout=60)
            api.client.post(f"/live/{video['id']}/stop")
            assert closed_with(socket) == 1000
    with connected(api, video) as late:
        assert closed_with(late) == 4409

    assert script.pushed.restarts == 2
    assert worker.status is JobStatus.SUCCEEDED


@pytest.mark.usefixtures("live_worker")
def test_a_sender_ends_a_stream_after_all_that_it_sent(api: RunningApi) -> None:
    video = begin(api, source="push")
    worker = Worker()
    pieces = [bytes(10_000) for _ in range(100)]
    with worker.running(api, video["job"]["id"]) as script, Client(api.url) as client:
        script.pushed.pause_s = 0.02  # It reads more slowly than is sent.
        eventually(lambda: is_listening(api, video))
        assert client.push_live(video["id"], pieces[:50], ends=False)
        eventually(lambda: len(script.pushed.data) == 500_000)
        assert not script.pushed.ends
        assert client.push_live(video["id"], pieces)
        script.end()
        assert client.end_live(video["id"]).state == "ended"

    assert script.pushed.ends == [1_500_000]
    assert worker.status is JobStatus.SUCCEEDED


@pytest.mark.usefixtures("live_worker")
def test_who_may_not_push_is_told_by_a_code(api: RunningApi) -> None:
    other = begin(api, source="listen", name="another")
    none = {"links": {"live": "/live/none"}}
    foreign = {"Origin": "https://evil.example"}

    with connected(api, other) as socket:
        assert closed_with(socket) == 4422
    with connected(api, none) as socket:
        assert closed_with(socket) == 4404
    with connected(api, other, **foreign) as socket:
        assert closed_with(socket) == 4403


def is_listening(api: RunningApi, video: dict[str, Any]) -> bool:
    with api.service.sessions() as session:
        stream = session.get_one(LiveStream, UUID(video["id"]))
        return stream.ingest is not None


@pytest.mark.usefixtures("live_worker")
def test_final_events_are_followed_into_sportscodes_folder(
    api: RunningApi, tmp_path: Path
) -> None:
    video = begin(api, name="Cup final")
    worker = Worker()
    path = tmp_path / "__import__Cup final.xml"
    with (
        Client(api.url) as client,
        worker.running(api, video["job"]["id"]) as script,
    ):
        script.step(0.0)
        script.step(1.0, SHOT)
        script.step(1.1, replace(SHOT, kind="final"))
        events = LiveFollow(client, video["id"], folder=tmp_path).events()
        first = next(events)
        before = path.read_text()
        events.close()
        script.step(2.0, replace(SHOT, kind="final", id=2, media_s=1.5))
        again = LiveFollow(client, video["id"], folder=tmp_path).events()
        second = next(again)
        script.end()
        rest = list(again)

    assert (first.type, first.time_s) == ("PASS", 0.5)
    assert path.read_text().count("<instance>") == before.count("<instance>") + 1
    assert (second.time_s, rest) == (1.5, [])


@pytest.mark.usefixtures("live_worker")
@pytest.mark.parametrize("killed_in", ["append_instances", "write_known"])
def test_a_run_killed_while_it_writes_an_instance_adds_it_once(
    api: RunningApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_in: str
) -> None:
    """Before the instance is written, and between it and the note that it is."""
    video = begin(api, name="Cup final")
    worker = Worker()
    real = getattr(live_follow, killed_in)

    def killed(path: Path, what: object, *rest: object) -> None:
        if killed_in == "append_instances" or " " not in str(what):
            raise SystemExit
        real(path, what, *rest)

    with (
        Client(api.url) as client,
        worker.running(api, video["job"]["id"]) as script,
    ):
        script.step(0.0)
        script.step(1.0, replace(SHOT, kind="final"))
        script.step(2.0, replace(SHOT, kind="final", id=2, media_s=1.5))
        script.end()
        monkeypatch.setattr(live_follow, killed_in, killed)
        for _ in range(2):  # The second one is killed at the second instance.
            with pytest.raises(SystemExit):
                list(LiveFollow(client, video["id"], folder=tmp_path).events())
        monkeypatch.undo()
        list(LiveFollow(client, video["id"], folder=tmp_path).events())

    text = (tmp_path / "__import__Cup final.xml").read_text()
    assert text.count("<instance>") == 2

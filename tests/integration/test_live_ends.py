"""How live streams end, and go on elsewhere, without losing what was there."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from app.core.settings import Settings
from app.jobs.tables import JobStatus
from model.errors import (
    Canceled,
    EngineError,
    NoVideoStream,
    SourceSilent,
    VideoLimitExceeded,
)
from tests.api_server import RunningApi, eventually
from tests.integration.test_api_streams import listening
from tests.integration.test_live import (
    API_SETTINGS,
    SHOT,
    Worker,
    begin,
    events_of,
    live_worker,
    told,
)
from tests.live_fakes import FakeGap, Script, draw_segment
from worker.live_streams.recording import Joined

__all__ = ["API_SETTINGS", "live_worker"]

pytestmark = pytest.mark.usefixtures("live_worker")
FINAL = replace(SHOT, kind="final")


def look(api: RunningApi, video: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = api.client.get(f"/live/{video['id']}").json()
    return found


def record(script: Script, folder: Path, start_s: float, *, frames: int = 50) -> None:
    """Record a segment of so many pictures at 25 a second."""
    eventually(lambda: script.sink is not None)
    path = draw_segment(folder / f"{start_s}.mp4", start_s=start_s, frames=frames)
    script.segment(path, start_s, frames / 25)


def change(patch: pytest.MonkeyPatch, settings: Settings, **values: object) -> None:
    """Change settings that are frozen until the test ends."""
    for name, value in values.items():
        patch.setitem(settings.__dict__, name, value)


def is_over(worker: Worker) -> bool:
    """Tell whether its run has ended."""
    return worker.status is not None


def has_file(api: RunningApi, video: dict[str, Any]) -> bool:
    return api.client.get(f"/videos/{video['id']}/file").status_code == 200


def test_webhooks_are_told_of_the_last_batch_at_the_end(api: RunningApi) -> None:
    hook = {"url": "http://127.0.0.9:9/hook", "events": ["event.*"]}
    assert api.client.post("/webhooks", json=hook).status_code == 201
    video = begin(api, webhook_batch_s=300, record=False)
    with Worker().running(api, video["job"]["id"]) as script:
        script.step(0.0)
        script.step(1.0, SHOT)
        script.step(1.1, FINAL)

    assert [[one["time_s"] for one in batch] for batch in told(api)] == [[0.5]]


@pytest.mark.parametrize(
    "problem",
    [
        NoVideoStream("The source sends no pictures (only: audio)."),
        VideoLimitExceeded("The source sends about 200 frames/s."),
        SourceSilent("No picture came for 600 s."),
    ],
)
def test_a_source_that_cannot_be_used_any_more_leaves_all_that_was_before(
    api: RunningApi, tmp_path: Path, problem: Exception
) -> None:
    video = begin(api)
    worker = Worker()
    with worker.running(api, video["job"]["id"]) as script:
        script.step(0.0)
        script.step(1.0, SHOT)
        script.step(1.1, FINAL)
        record(script, tmp_path, 0.0)
        script.items.put(problem)
        eventually(lambda: worker.status is not None)

    shown = look(api, video)
    assert worker.status is JobStatus.SUCCEEDED
    assert (shown["state"], shown["end_reason"]) == ("ended", str(problem))
    assert shown["ended_at"] is not None
    assert has_file(api, video)
    assert len(events_of(api, video)) == 1


@pytest.mark.costly
def test_a_failure_that_may_pass_is_tried_again_before_the_stream_ends(
    api: RunningApi, tmp_path: Path
) -> None:
    video = begin(api)
    outcomes = []
    for number in range(api.service.settings.max_attempts):
        worker = Worker()
        with worker.running(api, video["job"]["id"]) as script:
            script.step(0.0)
            record(script, tmp_path, 0.0)
            script.items.put(EngineError(f"NaN {number}"))
            eventually(partial(is_over, worker))
        outcomes.append(worker.status)

    assert set(outcomes[:-1]) == {JobStatus.QUEUED}
    assert outcomes[-1] is JobStatus.SUCCEEDED
    assert look(api, video)["end_reason"].startswith("NaN")
    assert has_file(api, video)


def test_a_canceled_stream_keeps_what_was_recorded(
    api: RunningApi, tmp_path: Path
) -> None:
    video = begin(api)
    worker = Worker()
    with worker.running(api, video["job"]["id"]) as script:
        script.step(0.0)
        record(script, tmp_path, 0.0)
        eventually(lambda: look(api, video)["recorded_s"] > 0)
        answer = api.client.post(f"/jobs/{video['job']['id']}/cancel")
        assert answer.status_code == 202
        eventually(lambda: worker.status is not None)

    assert look(api, video)["state"] == "ended"
    assert has_file(api, video)


def test_a_stream_that_is_canceled_before_it_began_has_an_end(api: RunningApi) -> None:
    video = begin(api)

    api.client.post(f"/jobs/{video['job']['id']}/cancel").raise_for_status()

    shown = look(api, video)
    assert shown["state"] == "ended"
    assert shown["ended_at"] is not None


def test_a_worker_that_takes_over_an_ending_stream_does_not_follow_it_again(
    api: RunningApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = begin(api)
    first, second = Worker(), Worker()

    def leave(*_: object) -> Joined:
        raise Canceled("the worker is shut down")

    with (
        monkeypatch.context() as patch,
        first.running(api, video["job"]["id"]) as script,
    ):
        script.step(0.0)
        record(script, tmp_path, 0.0)
        eventually(lambda: look(api, video)["recorded_s"] > 0)
        patch.setattr("worker.live_streams.ending.join_segments", leave)
        script.end()
        eventually(lambda: first.status is not None)
    assert first.status is JobStatus.QUEUED
    with second.running(api, video["job"]["id"]) as script:
        eventually(lambda: second.status is not None)

    assert script.sink is None
    assert look(api, video)["gaps"] == []
    assert second.status is JobStatus.SUCCEEDED
    assert has_file(api, video)


def test_a_growing_file_is_gone_on_with_where_the_worker_before_was(
    api: RunningApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imports = tmp_path / "imports"
    imports.mkdir()
    (imports / "match.ts").write_bytes(b"G")
    change(monkeypatch, api.service.settings, import_dir=imports)
    video = begin(api, source="import:match.ts")
    first, second = Worker(), Worker()
    with first.running(api, video["job"]["id"]) as script:
        script.step(0.0)
        script.step(1.0, FINAL)
        record(script, tmp_path, 0.0)
        eventually(lambda: look(api, video)["recorded_s"] == 2.0)
        first.leaving.set()
        eventually(lambda: first.status is not None)
    with second.running(api, video["job"]["id"]) as script:
        script.step(0.0)
        script.items.put(FakeGap(0.0, 0.9, "lost packets"))
        script.step(1.0, FINAL)
        record(script, tmp_path, 0.0)
        script.step(2.1, replace(FINAL, media_s=1.9))
        record(script, tmp_path, 2.0)
        eventually(lambda: look(api, video)["recorded_s"] == 4.0)

    assert script.spotter.times == [2.1]
    assert [one["time_s"] for one in events_of(api, video)] == [0.5, 1.9]
    assert [one["reason"] for one in look(api, video)["gaps"]] == ["worker changed"]
    playlist = api.client.get(f"/live/{video['id']}/hls/index.m3u8").text
    assert "seg1.mp4" in playlist
    assert "EXT-X-GAP" not in playlist
    assert "seg2.mp4" not in playlist


def test_a_database_that_is_away_for_a_moment_does_not_end_the_recording(
    api: RunningApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = begin(api)
    worker = Worker()
    with worker.running(api, video["job"]["id"]) as script:
        script.step(0.0)

        def away(*_: object) -> None:
            raise OperationalError("select", {}, Exception("connection refused"))

        with monkeypatch.context() as patch:
            patch.setattr("worker.live_streams.recording.ensure_room_for", away)
            record(script, tmp_path, 0.0)
        record(script, tmp_path, 2.0)
        eventually(lambda: look(api, video)["recorded_s"] == 4.0)

    assert look(api, video)["recording"] == "on"


def test_the_recording_goes_on_when_the_disk_has_room_again(
    api: RunningApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = begin(api)
    worker = Worker()
    with (
        listening(api, f"/live/{video['id']}/events/stream") as heard,
        worker.running(api, video["job"]["id"]) as script,
    ):
        script.step(0.0)
        record(script, tmp_path, 0.0)
        free = worker.context.settings.min_free_space
        change(monkeypatch, worker.context.settings, min_free_space=2**60)
        record(script, tmp_path, 2.0)
        eventually(lambda: look(api, video)["recording"] == "stopped")
        stopped = look(api, video)
        change(monkeypatch, worker.context.settings, min_free_space=free)
        record(script, tmp_path, 4.0)
        heard.wait_for("gap")
        eventually(lambda: look(api, video)["recorded_s"] == 6.0)
        shown = look(api, video)

    assert stopped["recording_problem"].startswith("The disk is full")
    assert (shown["recording"], shown["recording_problem"]) == ("on", None)
    (gap,) = shown["gaps"]
    assert (gap["from_s"], gap["to_s"]) == (2.0, 4.0)
    assert gap["reason"] == "not recorded"
    assert script.spotter.gaps == 0
    assert script.failed is None
    assert has_file(api, video)


def test_both_clocks_of_a_gap_are_told(api: RunningApi, tmp_path: Path) -> None:
    video = begin(api)
    began = datetime.now(UTC) - timedelta(seconds=60)
    with (
        listening(api, f"/live/{video['id']}/events/stream") as heard,
        Worker().running(api, video["job"]["id"]) as script,
    ):
        script.step(0.0, wall=began)
        script.step(1.0, wall=began + timedelta(seconds=1))
        # A playlist whose clock jumps: the wall has gone on for longer.
        script.items.put(FakeGap(1.0, 1.1, "clock jumped"))
        script.step(1.1, wall=began + timedelta(seconds=31.1))
        (gap,) = heard.wait_for("gap")
        record(script, tmp_path, 1.2)
        eventually(lambda: look(api, video)["recorded_s"] > 0)
        playlist = api.client.get(f"/live/{video['id']}/hls/index.m3u8").text

    at = datetime.fromisoformat
    assert at(gap["from_wall"]) == began + timedelta(seconds=1)
    assert at(gap["to_wall"]) == began + timedelta(seconds=31.1)
    (shown,) = look(api, video)["gaps"]
    assert at(shown["to_wall"]) == at(gap["to_wall"])
    (line,) = [one for one in playlist.splitlines() if "PROGRAM-DATE-TIME" in one]
    wall = at(line.partition(":")[2])
    assert abs((wall - began).total_seconds() - 31.2) < 0.01

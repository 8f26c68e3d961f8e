"""What happens to the service and its jobs when processes end, in order or not."""

import os
import signal
import socket
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.timelines.suggestions import suggestion_id
from tests.acceptance.running import RunningService, run_touchline, those_alive
from tests.videos import draw_video

pytestmark = pytest.mark.costly


@pytest.fixture(scope="module")
def long_match(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video that takes a while: three minutes at the network's own rate."""
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    draw_video(path, frames=2700, fps=15, size=(96, 54), key_every=60)
    return path


def upload_and_wait_for_the_middle(service: RunningService, path: Path) -> str:
    video_id: str = service.upload(path)["id"]

    def in_the_middle() -> bool:
        video = service.get(f"/videos/{video_id}")
        assert video["status"] in ("queued", "running"), "it was over too soon"
        return bool(video["status"] == "running" and video["progress"] > 0)

    service.wait_until(in_the_middle, "the job is in the middle")
    return video_id


def events_of(service: RunningService, video_id: str) -> list[Any]:
    found = service.get(f"/videos/{video_id}/events", limit=1000)
    items: list[Any] = found["items"]
    return items


def test_a_killed_worker_is_replaced_and_the_job_ends_with_one_timeline(
    service: RunningService, long_match: Path
) -> None:
    video_id = upload_and_wait_for_the_middle(service, long_match)

    os.kill(service.worker().pid, signal.SIGKILL)

    video = service.wait_for_end(video_id)
    assert video["status"] == "succeeded"
    assert video["job"]["attempt"] == 2
    events = events_of(service, video_id)
    assert len({event["id"] for event in events}) == len(events) > 0
    assert video["current_job_id"] == video["job"]["id"]
    assert [event["id"] for event in events] == [
        str(suggestion_id(UUID(video_id), event["type"], event["frame"]))
        for event in events
    ]
    assert any("gpu worker ended" in line for line in service.said)
    scores = list((service.data_dir / "videos" / video_id / "scores").iterdir())
    assert len(scores) == 1


def test_a_deleted_video_stops_its_running_job(
    service: RunningService, long_match: Path
) -> None:
    video_id = upload_and_wait_for_the_middle(service, long_match)
    job_id = service.get(f"/videos/{video_id}")["job"]["id"]

    assert service.client.delete(f"/videos/{video_id}").status_code == 204

    log = service.data_dir / "logs" / "gpu.log"
    service.wait_until(
        lambda: any(
            "lease_lost" in line and job_id in line
            for line in log.read_text().splitlines()
        ),
        "the worker lets go of the job",
    )
    folder = service.data_dir / "videos" / video_id
    # The media worker may have been drawing its pictures.
    service.wait_until(
        lambda: not any(files for _, _, files in os.walk(folder)), "no file is left"
    )


@pytest.mark.nightly
def test_ctrl_c_leaves_no_process_and_the_next_start_goes_on(
    service: RunningService, long_match: Path
) -> None:
    video_id = upload_and_wait_for_the_middle(service, long_match)
    before = {video["id"] for video in service.get("/videos", limit=100)["items"]}
    processes = service.everybody()

    code = service.press_ctrl_c()

    assert code == 0
    assert those_alive(processes) == []
    service.start()
    after = {video["id"] for video in service.get("/videos", limit=100)["items"]}
    assert after == before
    video = service.wait_for_end(video_id)
    assert (video["status"], video["job"]["attempt"]) == ("succeeded", 1)


@pytest.mark.nightly
def test_ctrl_c_does_not_wait_for_those_who_listen_to_changes(
    service: RunningService,
) -> None:
    heard: list[str] = []
    with service.client.stream("GET", "/stream") as answer:
        lines = answer.iter_lines()
        heard.append(next(lines))

        code = service.press_ctrl_c()

        heard += lines  # The answer was brought to its end, or this would raise.
    assert code == 0
    assert heard[0] == "event: state"
    log = (service.data_dir / "logs" / "api.log").read_text()
    assert "graceful shutdown exceeded" not in log
    service.start()


def test_a_killed_service_takes_its_children_along_and_starts_again(
    service: RunningService,
) -> None:
    processes = service.everybody()
    videos = service.get("/videos", limit=100)["items"]

    service.kill()

    service.wait_until(lambda: not those_alive(processes), "all have ended")
    service.start()
    assert service.get("/videos", limit=100)["items"] == videos


def test_a_second_service_on_the_same_data_is_refused(service: RunningService) -> None:
    done = run_touchline("serve", environment=service.environment)

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "already serves" in line
    assert service.get("/healthz")["status"] == "alive"


def test_a_busy_port_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run_touchline(
            "serve",
            environment={
                "TOUCHLINE_DATA_DIR": str(tmp_path / "data"),
                "TOUCHLINE_PORT": port,
            },
        )

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert port in line
    assert "TOUCHLINE_PORT" in line

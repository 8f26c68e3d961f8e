"""Whatever dies under `touchline serve` is started again; nothing is left behind."""

from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.acceptance.own_service import own_service
from tests.acceptance.running import RunningService, those_alive

POSTMASTER, REAPER = "postgres -D", "app.supervisor.reaper"
PARTS = (
    "app.supervisor.api_server",
    "worker.gpu",
    "worker.media",
    "worker.background",
    REAPER,
    POSTMASTER,
)


def kill(process: psutil.Process) -> None:
    """Kill a process as the system does when memory runs out."""
    process.kill()
    process.wait(60)


@pytest.mark.costly
def test_each_process_that_is_killed_is_replaced_and_none_is_left_in_the_end(
    service: RunningService, match: Path
) -> None:
    seen = service.everybody()
    for word in PARTS:
        victim = service.wait_for_child(word)

        kill(victim)

        service.wait_for_child(word, besides=victim)
        service.wait_until(service.is_ready, f"all is well without {word}")
        seen += service.everybody()
    kill(gpu_child(service))
    video_id = service.upload(match)["id"]
    assert service.wait_for_end(video_id)["status"] == "succeeded"
    seen += service.everybody()
    assert any(
        line.startswith("Postgres ended (signal 9); restarting in")
        for line in service.said
    )

    code = service.terminate()

    assert code == 0
    assert those_alive(seen) == []
    service.start()
    assert service.get(f"/videos/{video_id}")["status"] == "succeeded"


def gpu_child(service: RunningService) -> psutil.Process:
    """Find the process that holds the network."""
    found = []
    for child in service.worker().children():
        with suppress(psutil.NoSuchProcess):
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child)
    (only,) = found
    return only


@pytest.mark.nightly
def test_an_api_and_a_database_that_hang_are_replaced(checkpoint: Path) -> None:
    words = ("app.supervisor.api_server", POSTMASTER)
    limits = {"TOUCHLINE_MODEL": "tiny", "TOUCHLINE_HANG_LIMIT": "PT10S"}
    with own_service(limits, checkpoint=checkpoint) as service:
        service.start()
        hanging = {word: service.wait_for_child(word) for word in words}

        for process in hanging.values():
            process.suspend()

        for word, process in hanging.items():
            service.wait_for_child(word, besides=process)
        service.wait_until(service.is_ready, "all is well again")
        assert those_alive(list(hanging.values())) == []
        for title in ("the API", "Postgres"):
            start = f"{title} has not answered for"
            assert any(start in line for line in service.said)


@pytest.mark.nightly
def test_an_upload_goes_on_and_the_api_comes_back_while_the_database_is_away(
    service: RunningService, match: Path
) -> None:
    video_id = service.upload(match)["id"]

    kill(service.wait_for_child(POSTMASTER))

    def answer() -> bool:
        return service.client.get("/videos").status_code == 200

    assert service.client.get("/healthz").status_code == 200
    service.wait_until(answer, "the API answers again")
    assert service.wait_for_end(video_id)["status"] == "succeeded"


@pytest.mark.nightly
def test_what_a_run_killed_with_its_reaper_left_is_ended_by_the_next(
    service: RunningService,
) -> None:
    left = service.everybody()
    videos = service.get("/videos", limit=100)["items"]
    reaper = service.wait_for_child(REAPER)
    service.process.suspend()  # So that it does not start another.
    reaper.kill()
    service.kill()
    assert len(those_alive(left)) > 3

    service.start()

    assert those_alive(left) == []
    assert any("ending what an earlier run left" in line for line in service.said)
    assert service.get("/videos", limit=100)["items"] == videos

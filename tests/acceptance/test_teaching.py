"""From reviewed minutes to a better model, over HTTP alone; killed once on the way."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.acceptance.own_service import own_service
from tests.acceptance.running import RunningService
from tests.reviewed_toys import TYPES, review_matches
from tests.unit.model.teaching.toys import toy_base
from tests.unit.model.training.toys import toy_match

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

ENDS = ("succeeded", "failed", "canceled")
STAGES_TO_KILL_IN = ("features", "head", "finetune", "calibrate")


@pytest.fixture
def service() -> Iterator[RunningService]:
    """A service that can train."""
    with own_service(
        {"OMP_NUM_THREADS": "1", "TOUCHLINE_TRAIN_WORKER": "true"}
    ) as found:
        models = found.data_dir / "models"
        models.mkdir()
        toy_base(models / "toy.touchline")
        found.start()
        yield found


@pytest.mark.nightly
def test_reviewed_minutes_become_a_model_that_spots(
    service: RunningService, tmp_path: Path
) -> None:
    review_matches(
        service.client, tmp_path / "toys", run=lambda job: wait_for(service, job)
    )
    asked = service.client.post(
        "/trainings",
        json={
            "name": "hall",
            "base": "toy",
            "start": "trunk",
            "types": list(TYPES),
            "minutes": 1,
        },
    )
    assert asked.is_success, asked.text
    address = f"/trainings/{asked.json()['id']}"

    def training() -> dict[str, Any]:
        found: dict[str, Any] = service.get(address)
        return found

    wait_long(service, lambda: training()["stage"] in STAGES_TO_KILL_IN, "it trains")
    kill_all(service)
    service.start()
    wait_long(service, lambda: training()["status"] in ENDS, "it has ended")

    ended = training()
    assert ended["status"] == "succeeded", (ended["error"], ended["log"])
    assert ended["model"] == "hall@1"
    assert set(ended["data"]["counts"]["train"]) <= set(TYPES)
    assert ended["curves"]["validation"]
    assert "hall@1" in {one["name"] for one in service.get("/models")["items"]}
    scratch = service.data_dir / "trainings"
    service.wait_until(lambda: not any(scratch.iterdir()), "the scratch is swept")
    match = toy_match(tmp_path / "unseen", seed=11)
    video = service.wait_for_end(
        service.upload(match / "video.mp4", model="hall@1")["id"]
    )
    assert video["status"] == "succeeded"
    assert set(video["counts"]) == set(TYPES)


def wait_for(service: RunningService, job_id: object) -> None:
    """Wait until a job has succeeded."""
    service.wait_until(
        lambda: service.get(f"/jobs/{job_id}")["status"] == "succeeded", "a job ends"
    )


def wait_long(service: RunningService, look: Any, what: str) -> None:
    """Wait for what takes minutes on a busy machine."""
    for _ in range(10):
        try:
            service.wait_until(look, what)
        except AssertionError:
            continue
        return
    raise AssertionError(f"waited too long until {what}: {service.said}")


def kill_all(service: RunningService) -> None:
    """Kill the service with all its processes, as a power cut does."""
    everybody = service.everybody()
    for process in everybody:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    service.kill()
    psutil.wait_procs(everybody, timeout=60)

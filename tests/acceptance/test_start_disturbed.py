"""A Postgres that dies while the service starts costs no start."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil
import pytest

from tests.acceptance.running import RunningService
from tests.services import open_folder


@pytest.fixture
def service(checkpoint: Path) -> Iterator[RunningService]:
    with open_folder() as folder:
        data_dir = folder / "data"
        (data_dir / "models").mkdir(parents=True)
        (data_dir / "models" / checkpoint.name).symlink_to(checkpoint)
        found = RunningService(
            data_dir, {"TOUCHLINE_ENGINE": "openvino", "TOUCHLINE_MODEL": "tiny"}
        )
        try:
            yield found
        finally:
            found.stop()


@pytest.mark.nightly
def test_a_postgres_that_is_killed_during_the_start_costs_no_start(
    service: RunningService,
) -> None:
    service.launch()
    killed: list[psutil.Process] = []
    for line in ("starting Postgres ...", "migrating ..."):
        service.wait_until(partial(service.said.__contains__, line), f"it says {line}")
        killed.append(service.wait_for_child("postgres"))
        os.kill(killed[-1].pid, signal.SIGKILL)

    service.wait_until(service.is_ready, "the service is ready")

    assert service.client.get("/videos").json()["items"] == []
    assert len({*killed, service.wait_for_child("postgres")}) == 3


@pytest.mark.nightly
def test_a_backend_that_is_killed_while_it_migrates_costs_no_start(
    service: RunningService,
) -> None:
    service.launch()
    service.wait_until(lambda: "migrating ..." in service.said, "it migrates")
    for child in service.process.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if "postgres: postgres touchline" in " ".join(child.cmdline()):
                child.kill()

    service.wait_until(service.is_ready, "the service is ready")

    assert service.client.get("/videos").json()["items"] == []

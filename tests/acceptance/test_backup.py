"""The data directory is destroyed; what was backed up while it ran is there again."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.own_service import own_service
from tests.acceptance.running import TOUCHLINE, RunningService
from tests.services import open_folder


@pytest.mark.nightly
@pytest.mark.timeout(900)  # two services, one after the other, on a busy machine
def test_a_service_that_was_destroyed_is_restored(
    checkpoint: Path, match: Path
) -> None:
    environment = {"TOUCHLINE_MODEL": "tiny"}
    with (
        open_folder() as folder,
        own_service(environment, checkpoint=checkpoint) as service,
    ):
        service.start()
        made = service.upload(match, title="Cup final")
        done = service.wait_for_end(made["id"])
        before = _timeline(service, done["id"])
        said = _run(service, "backup", str(folder / "backups"))
        service.terminate()
        for one in service.data_dir.iterdir():
            shutil.rmtree(one) if one.is_dir() else one.unlink()

        restored = _run(service, "restore", str(folder / "backups"))
        service.start()

        assert said.startswith("Backed up 1 videos")
        assert restored.startswith("Restored 1 videos")
        assert _timeline(service, done["id"]) == before
        file = service.client.get(f"/videos/{done['id']}/file")
        assert file.content == match.read_bytes()
        again = service.client.post(f"/videos/{done['id']}/jobs", json={})
        assert again.status_code == 202
        service.wait_for_end(done["id"])  # its own checkpoint is there, too


def _timeline(service: RunningService, video_id: str) -> Any:
    return service.client.get(f"/videos/{video_id}/events?limit=1000").json()


def _run(service: RunningService, *arguments: str) -> str:
    done = subprocess.run(
        [str(TOUCHLINE), *arguments],
        env=service.environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout

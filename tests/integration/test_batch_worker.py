"""The background worker's own process lists a batch and takes it further."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.settings import Settings
from tests.api_server import RunningApi
from tests.integration.batch_work import imports_of, items, look, put_matches, start
from tests.integration.worker_processes import background_worker, wait_until

pytestmark = pytest.mark.costly

API_SETTINGS = {"model": "tiny", "heartbeat": "0.2 s", "lease": "5 s"}


@pytest.fixture
def folder(api: RunningApi, checkpoint: Path, tmp_path: Path) -> Iterator[Path]:
    with imports_of(api, checkpoint, tmp_path / "imports") as found:
        yield found


@pytest.mark.slow
def test_the_background_worker_lists_brings_and_hands_on(
    api: RunningApi, api_settings: Settings, folder: Path, tmp_path: Path
) -> None:
    log, match = tmp_path / "background.log", tmp_path / "match.mp4"
    match.write_bytes(b"a match")
    put_matches(match, *(folder / f"{number}.mp4" for number in range(5)))
    batch = start(api, {"imports": ""})
    environment = {
        "TOUCHLINE_IMPORT_DIR": str(folder),
        "TOUCHLINE_BATCH_WINDOW": "3",
    }

    def waiting() -> list[str]:
        """Tell of which items the video is here, and its analysis waits."""
        found = items(api, batch, state="queued")
        jobs = [api.client.get(f"/jobs/{one['job_id']}").json() for one in found]
        return [one["status"] for one in jobs if one["kind"] == "spot"]

    with background_worker(
        "background@here", api_settings, log, environment=environment
    ):
        wait_until(lambda: waiting() == ["queued"] * 3, "three wait", log)
        before = look(api, batch)
        api.client.post(f"/batches/{batch['id']}/cancel")
        wait_until(
            lambda: look(api, batch)["status"] == "canceled", "it is canceled", log
        )

    assert (before["status"], before["counts"]["total"]) == ("running", 5)
    assert (before["counts"]["queued"], before["counts"]["pending"]) == (3, 2)
    assert look(api, batch)["counts"]["canceled"] == 5

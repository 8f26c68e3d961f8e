"""The real background worker: among receivers that hang, without its broker, ended."""

import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from app.core.db.session import Sessions
from app.core.settings import Settings
from app.core.storage.interface import Storage
from tests.integration.uploaded import Uploaded, upload
from tests.integration.webhooks import SECRET, read, write_message
from tests.integration.worker_processes import (
    PATIENCE_S,
    background_worker,
    wait_until,
)
from tests.receivers import Receiver, hanging_receivers, running_receiver
from tests.services import free_port

NODE = "background@here"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as found:
        yield found


@pytest.fixture
def job(tmp_path: Path, sessions: Sessions, storage: Storage) -> Uploaded:
    (tmp_path / "video").write_bytes(b"bytes")
    return upload(tmp_path / "video", sessions=sessions, storage=storage)


def sending_worker(
    settings: Settings, log: Path, **variables: str
) -> AbstractContextManager["subprocess.Popen[bytes]"]:
    """Run the background worker; a receiver that hangs does so until the test ends."""
    environment = {
        "TOUCHLINE_WEBHOOK_SECRET": SECRET,
        "TOUCHLINE_WEBHOOK_TIMEOUT": "1 h",
        **variables,
    }
    return background_worker(NODE, settings, log, environment=environment)


def test_a_webhook_arrives_while_two_dozen_receivers_hang(
    settings: Settings, job: Uploaded, receiver: Receiver, tmp_path: Path
) -> None:
    log = tmp_path / "background.log"
    with hanging_receivers(24) as hanging:
        ids = [write_message(job, url) for url in (*hanging.urls, receiver.url)]

        with sending_worker(settings, log):
            wait_until(
                lambda: read(job, ids[-1])[0].status == "delivered", "it arrives", log
            )

            assert not any(read(job, one)[1] for one in ids[:-1])


@pytest.mark.costly
def test_webhooks_go_out_when_the_broker_has_never_answered(
    settings: Settings, job: Uploaded, receiver: Receiver, tmp_path: Path
) -> None:
    log = tmp_path / "background.log"
    nowhere = f"redis://127.0.0.1:{free_port()}/0"

    with sending_worker(settings, log, TOUCHLINE_REDIS_URL=nowhere) as process:
        first = write_message(job, receiver.url)
        wait_until(lambda: read(job, first)[0].status == "delivered", "it goes", log)
        later = write_message(job, receiver.url)
        wait_until(lambda: read(job, later)[0].status == "delivered", "it goes", log)
        process.terminate()
        process.wait(PATIENCE_S)


@pytest.mark.costly
def test_a_worker_that_ends_records_what_is_under_way_and_sends_it_once(
    settings: Settings, job: Uploaded, receiver: Receiver, tmp_path: Path
) -> None:
    log = tmp_path / "background.log"
    receiver.go_on.clear()
    with hanging_receivers(1) as hanging:
        slow, hangs = (write_message(job, url) for url in (receiver.url, *hanging.urls))
        with sending_worker(settings, log) as process:
            assert receiver.entered.wait(PATIENCE_S)
            wait_until(lambda: len(hanging.connections) == 1, "it hangs", log)
            process.terminate()
            receiver.go_on.set()
            code = process.wait(PATIENCE_S)

        row, (attempt,) = read(job, slow)
        assert (code, row.status, attempt.status_code) == (0, "delivered", 204)
        row, (attempt,) = read(job, hangs)
        assert (row.status, row.attempt, row.locked_until) == ("pending", 1, None)
        assert "stopped" in str(attempt.error)
        with sending_worker(settings, log):
            wait_until(lambda: len(hanging.connections) == 2, "the next one goes", log)
    assert len(receiver.received) == 1

"""What keeps a worker from starting is told in one line, and ends it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.core.broker.notifier import (
    BACKGROUND_QUEUE,
    GPU_QUEUE,
    LIVE_QUEUE,
    MEDIA_QUEUE,
    TRAIN_QUEUE,
)
from app.core.workers import WORKERS, WorkerSpec, workers_here

ROOT = Path(__file__).resolve().parents[3]
TOUCHLINE = "from app.cli.main import main; main()"
PATIENCE_S = 240.0  # a busy machine is slow; nothing here measures speed


def test_a_worker_there_is_not_is_refused_with_those_there_are(
    capfd: pytest.CaptureFixture[str],
) -> None:
    ended = subprocess.run(
        [sys.executable, "-P", "-c", TOUCHLINE, "worker", "cpu"],
        timeout=PATIENCE_S,
        check=False,
    )

    assert ended.returncode == 2
    said = capfd.readouterr().err
    assert all(kind in said for kind in WORKERS)


def test_every_worker_has_an_entry_and_every_kind_of_job_a_queue_named_like_one() -> (
    None
):
    modules = {path.stem for path in (ROOT / "worker").glob("*.py")}

    assert set(WORKERS) <= modules
    queues = {GPU_QUEUE, MEDIA_QUEUE, BACKGROUND_QUEUE, TRAIN_QUEUE, LIVE_QUEUE}
    assert queues == set(WORKERS)


def test_a_worker_that_a_service_can_do_without_needs_its_packages() -> None:
    known = [
        WorkerSpec("sure", needs=("no_such_package",)),
        WorkerSpec("there", needs=("sys",), is_optional=True),
        WorkerSpec("absent", needs=("sys", "no_such_package"), is_optional=True),
    ]

    assert [one.kind for one in workers_here(known)] == ["sure", "there"]
    assert known[2].missing == ("no_such_package",)


@pytest.mark.costly
@pytest.mark.parametrize(
    ("worker", "variables", "words"),
    [
        (
            "background",
            {
                "TOUCHLINE_WEBHOOK_SECRET": "guess me",
                "TOUCHLINE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
            },
            "error: TOUCHLINE_WEBHOOK_SECRET cannot be used: "
            "a webhook secret starts with whsec_",
        ),
        ("background", {}, "error: no database: set TOUCHLINE_DATABASE_URL"),
        ("media", {}, "error: no database: set TOUCHLINE_DATABASE_URL"),
        ("gpu", {}, "error: no database: set TOUCHLINE_DATABASE_URL"),
        ("train", {}, "error: no database: set TOUCHLINE_DATABASE_URL"),
    ],
)
@pytest.mark.slow
def test_a_worker_that_cannot_work_ends_in_one_line(
    tmp_path: Path, worker: str, variables: dict[str, str], words: str
) -> None:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("TOUCHLINE_")
    }
    environment = {**kept, "TOUCHLINE_DATA_DIR": str(tmp_path), **variables}
    command = [sys.executable, "-P", "-c", TOUCHLINE, "worker", worker]

    ended = subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )

    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith(words)
    assert "Traceback" not in ended.stderr

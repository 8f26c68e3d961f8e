"""The real workers, `python -m worker.main -A worker.gpu` and so on, as processes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from app.core.broker.notifier import (
    BACKGROUND_QUEUE,
    GPU_QUEUE,
    LIVE_QUEUE,
    MEDIA_QUEUE,
    TRAIN_QUEUE,
)
from app.core.settings import Settings

PATIENCE_S = 240.0  # a busy machine is slow; nothing here measures speed
QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat")


def gpu_worker(
    name: str,
    settings: Settings,
    log: Path,
    *,
    queue: str = GPU_QUEUE,
    environment: Mapping[str, str] | None = None,
    entry: str = "worker.gpu",
) -> AbstractContextManager["subprocess.Popen[bytes]"]:
    """Run Celery's GPU worker under a node name; kill what is left in the end."""
    return _worker(entry, name, settings, log, queue, environment or {})


def media_worker(
    name: str,
    settings: Settings,
    log: Path,
    *,
    queue: str = MEDIA_QUEUE,
    environment: Mapping[str, str] | None = None,
) -> AbstractContextManager["subprocess.Popen[bytes]"]:
    """Run Celery's media worker under a node name; kill what is left in the end."""
    return _worker("worker.media", name, settings, log, queue, environment or {})


def train_worker(
    name: str,
    settings: Settings,
    log: Path,
    *,
    queue: str = TRAIN_QUEUE,
    environment: Mapping[str, str] | None = None,
) -> AbstractContextManager["subprocess.Popen[bytes]"]:
    """Run Celery's training worker under a node name; kill what is left in the end."""
    variables = {
        "OMP_NUM_THREADS": "1",
        "TOUCHLINE_LEASE": "PT20S",
        "TOUCHLINE_MIN_FREE_SPACE": "0",
        **(environment or {}),
    }
    return _worker("worker.train", name, settings, log, queue, variables)


def live_worker(
    name: str,
    settings: Settings,
    log: Path,
    *,
    queue: str = LIVE_QUEUE,
    environment: Mapping[str, str] | None = None,
) -> AbstractContextManager["subprocess.Popen[bytes]"]:
    """Run Celery's live worker under a node name; kill what is left in the end."""
    return _worker("worker.live", name, settings, log, queue, environment or {})


def background_worker(
    name: str,
    settings: Settings,
    log: Path,
    *,
    queue: str = BACKGROUND_QUEUE,
    environment: Mapping[str, str] | None = None,
) -> AbstractContextManager["subprocess.Popen[bytes]"]:
    """Run Celery's background worker under a node name; kill what is left."""
    return _worker("worker.background", name, settings, log, queue, environment or {})


@contextmanager
def _worker(
    entry: str,
    name: str,
    settings: Settings,
    log: Path,
    queue: str,
    variables: Mapping[str, str],
) -> Iterator["subprocess.Popen[bytes]"]:
    environment = {
        **os.environ,
        "TOUCHLINE_DATA_DIR": str(settings.data_dir),
        "TOUCHLINE_DATABASE_URL": str(settings.database_url),
        "TOUCHLINE_REDIS_URL": settings.redis_url or "",
        "TOUCHLINE_MODEL": "tiny",
        "TOUCHLINE_ENGINE": "openvino",
        "TOUCHLINE_LEASE": "PT6S",
        "TOUCHLINE_HEARTBEAT": "PT1S",
        "TOUCHLINE_SWEEP_EVERY": "PT1S",
        "TOUCHLINE_WEBHOOK_ALLOW_NETS": "127.0.0.0/8",
        **variables,
    }
    command = [sys.executable, "-P", "-m", "worker.main", "-A", entry, "worker"]
    command += ["-Q", queue, "-n", name, *QUIET]
    with log.open("wb") as words:
        process = subprocess.Popen(
            command, env=environment, stdout=words, stderr=words, start_new_session=True
        )
    try:
        yield process
    finally:
        # What a killed parent leaves in its group ends with it.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE_S)


def wait_until(
    look: Callable[[], bool], what: str, log: Path, *, patience_s: float = PATIENCE_S
) -> None:
    deadline = time.monotonic() + patience_s
    while not look():
        if time.monotonic() > deadline:
            pytest.fail(f"waited too long until {what}:\n{log.read_text()[-3000:]}")
        time.sleep(0.1)


def children_of(process: "subprocess.Popen[bytes]") -> list[int]:
    """List the children that work: those that Celery's pool has spawned."""
    found = []
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(process.pid).children():
            with suppress(psutil.NoSuchProcess):
                if "spawn_main" in " ".join(child.cmdline()):
                    found.append(child.pid)
    return found

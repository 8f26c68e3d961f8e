"""What must be so before the service starts; each refusal is one line with a remedy."""

import fcntl
import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import redis

from app.core.errors import StartFailed
from app.core.settings import Settings

LEAST_FREE_BYTES = 200 * 2**20  # a new database alone takes 80 MB
REDIS_TIMEOUT_S = 3.0
EARLIER_RUN_S = 20.0  # how long to wait for what a killed run left to end


def check_surroundings(settings: Settings) -> None:
    """Refuse early, in one line, what would fail later in many.

    Raises:
        StartFailed: a package is missing, the disk is full, or the port is taken.
    """
    _check_installed()
    data_dir = settings.data_dir
    free = shutil.disk_usage(data_dir).free
    needed = max(LEAST_FREE_BYTES, settings.min_free_space)
    if free < needed:
        raise StartFailed(
            f"the disk of {data_dir} has {free / 2**20:,.0f} MB left and "
            f"{needed / 2**20:,.0f} MB are needed: free some, or set TOUCHLINE_DATA_DIR"
        )
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as exc:
            raise StartFailed(
                f"cannot listen on {settings.host} port {settings.port} "
                f"({exc.strerror}): stop what uses it, or set TOUCHLINE_PORT"
            ) from exc


def _check_installed() -> None:
    """Refuse the base install, which serves the API beside workers elsewhere."""
    for package in ("av", "openvino"):
        if find_spec(package) is None:
            raise StartFailed(
                f"{package} is not installed, so no worker could start: "
                "pip install 'touchline[worker]'"
            )


@contextmanager
def alone_on(data_dir: Path) -> Iterator[None]:
    """Hold the data directory for this run alone.

    Raises:
        StartFailed: the directory cannot be written, or another run holds it.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        (data_dir / "logs").mkdir(exist_ok=True)
        lock = (data_dir / "serve.lock").open("a+")
    except OSError as exc:
        raise StartFailed(
            f"cannot write to the data directory {data_dir} ({exc.strerror}): "
            "set TOUCHLINE_DATA_DIR to a folder of yours"
        ) from exc
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise StartFailed(
                f"touchline already serves {data_dir} (process {lock.read().strip()}): "
                "stop it first, or set TOUCHLINE_DATA_DIR"
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        _wait_for_earlier_warden(data_dir / "warden.lock")
        yield


def _wait_for_earlier_warden(path: Path) -> None:
    """Let the warden of a killed run finish ending what that run had started."""
    deadline = time.monotonic() + EARLIER_RUN_S
    with path.open("a") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise StartFailed(
                        "an earlier run is still ending: wait a moment, start again"
                    ) from None
                time.sleep(0.1)
                continue
            return


def check_redis(url: str) -> None:
    """Make sure that the broker answers, and soon.

    Raises:
        StartFailed: it does not, or the URL is malformed.
    """
    try:
        with redis.Redis.from_url(
            url, socket_connect_timeout=REDIS_TIMEOUT_S, socket_timeout=REDIS_TIMEOUT_S
        ) as client:
            client.ping()
    except (redis.RedisError, ValueError) as exc:
        raise StartFailed(f"TOUCHLINE_REDIS_URL cannot be used: {exc}") from exc

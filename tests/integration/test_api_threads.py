"""Slow name servers and disks delay those who use them, and nobody else."""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from app.core.storage.incoming import IncomingFile
from tests.api_server import RunningApi, eventually, make_settings, running_api

MANY = 50  # more than routes have threads
SLOW_HOST = "slow.example"


@pytest.fixture
def api(database_url: str, tmp_path: Path) -> Iterator[RunningApi]:
    settings = make_settings(data_dir=tmp_path / "data", database_url=database_url)
    with running_api(settings) as running:
        yield running


def test_a_slow_name_server_delays_no_route(
    api: RunningApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = threading.Event()
    asked = threading.Semaphore(0)
    really = socket.getaddrinfo

    def wait_for_answer(host: Any, *rest: Any, **options: Any) -> Any:
        if host == SLOW_HOST:
            asked.release()
            assert answered.wait(60)
            host = "127.0.0.1"
        return really(host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", wait_for_answer)
    _assert_nobody_waits(api, answered, asked, {"callback_url": f"https://{SLOW_HOST}"})


@pytest.mark.costly
def test_a_slow_disk_delays_no_route(
    api: RunningApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = threading.Event()
    asked = threading.Semaphore(0)
    really = IncomingFile.write

    def wait_for_disk(self: IncomingFile, data: bytes) -> None:
        asked.release()
        assert written.wait(60)
        really(self, data)

    monkeypatch.setattr(IncomingFile, "write", wait_for_disk)
    _assert_nobody_waits(api, written, asked, {})


def _assert_nobody_waits(
    api: RunningApi,
    go_on: threading.Event,
    asked: threading.Semaphore,
    fields: dict[str, str],
) -> None:
    """Let many uploads hang, and meanwhile ask for what needs none of it."""

    def upload(_: int) -> int:
        files = {"file": ("a.mp4", b"x")}
        return api.client.post("/videos", files=files, data=fields).status_code

    with ThreadPoolExecutor(MANY) as pool:
        uploads = pool.map(upload, range(MANY))
        try:
            assert asked.acquire(timeout=60)
            eventually(lambda: api.busy_connections() == MANY)

            assert api.client.get("/models").status_code == 200
            assert api.client.get("/videos").status_code == 200
            assert not go_on.is_set()
        finally:
            go_on.set()
        assert set(uploads) <= {202, 422}  # 422: that host is not a public one

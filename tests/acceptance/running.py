"""`touchline serve` as a user starts it: a process of its own, spoken to over HTTP."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil

from tests.services import free_port

PATIENCE_S = 240.0  # a busy machine is slow; nothing here measures speed
TOUCHLINE = Path(sys.executable).parent / "touchline"
Found = TypeVar("Found")


class RunningService:
    """One data directory and the service that runs on it."""

    def __init__(self, data_dir: Path, environment: Mapping[str, str]) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.environment = {
            **os.environ,
            # Processes less, where none is wanted.
            "TOUCHLINE_LIVE_STREAMS": "0",
            "TOUCHLINE_TRAIN_WORKER": "false",
            **environment,
            "TOUCHLINE_DATA_DIR": str(data_dir),
            "TOUCHLINE_PORT": str(self.port),
        }
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}", timeout=60.0, trust_env=False
        )
        self.shown: list[str] = []
        self.said: list[str] = []
        self._process: subprocess.Popen[str] | None = None

    @property
    def process(self) -> psutil.Process:
        assert self._process is not None
        return psutil.Process(self._process.pid)

    def start(self) -> None:
        """Start it and wait until every part is ready."""
        self.launch()
        self.wait_until(self.is_ready, "the service is ready")

    def launch(self) -> None:
        """Start it and wait for nothing."""
        self.shown.clear()
        self.said.clear()
        self._process = subprocess.Popen(
            [str(TOUCHLINE), "serve"],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        for stream, lines in (
            (self._process.stdout, self.shown),
            (self._process.stderr, self.said),
        ):
            threading.Thread(target=_gather, args=(stream, lines), daemon=True).start()

    def is_ready(self) -> bool:
        """Whether it says so; it must not have ended."""
        assert self._process is not None
        assert self._process.poll() is None, self.said
        if not self.shown:  # What answers may be left of an earlier run.
            return False
        try:
            return self.client.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def has_ended(self) -> bool:
        """Whether it was started and runs no more."""
        return self._process is not None and self._process.poll() is not None

    def press_ctrl_c(self) -> int:
        """Send SIGINT to the whole foreground group, as a terminal does."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGINT)
        return self._process.wait(PATIENCE_S)

    def terminate(self) -> int:
        """Send SIGTERM to its first process, as a service manager does."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(PATIENCE_S)

    def kill(self) -> None:
        """Kill its first process, as the system does when memory runs out."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(PATIENCE_S)

    def stop(self) -> None:
        """End it, whatever state it is in."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(PATIENCE_S)
        self.client.close()

    def everybody(self) -> list[psutil.Process]:
        """List the service's own process and all below it."""
        return [self.process, *self.process.children(recursive=True)]

    def worker(self) -> psutil.Process:
        """Find the GPU worker's first process."""
        return self.wait_for_child("worker.gpu")

    def wait_for_child(
        self, word: str, *, besides: psutil.Process | None = None
    ) -> psutil.Process:
        """Wait for a process of the service whose command has a word in it."""

        def look() -> psutil.Process | None:
            for child in self.process.children():
                with suppress(psutil.NoSuchProcess):
                    command = " ".join(child.cmdline())
                    if word in command and child != besides:
                        return child
            return None

        found = self.wait_until(look, f"{word} runs")
        assert found is not None
        return found

    def upload(self, path: Path, **fields: str) -> dict[str, Any]:
        """Upload a file; returns the answer's body."""
        with path.open("rb") as file:
            answer = self.client.post(
                "/videos", files={"file": (path.name, file)}, data=fields
            )
        assert answer.status_code == 202, answer.text
        body: dict[str, Any] = answer.json()
        assert answer.headers["location"] == f"/videos/{body['id']}"
        return body

    def get(self, path: str, **query: Any) -> Any:
        """GET a JSON body."""
        answer = self.client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def wait_for_end(self, video_id: str) -> dict[str, Any]:
        """Wait until a video's job has ended; returns the video."""

        def ended() -> dict[str, Any] | None:
            video: dict[str, Any] = self.get(f"/videos/{video_id}")
            return None if video["status"] in ("queued", "running") else video

        found = self.wait_until(ended, f"the job of {video_id} ends")
        assert found is not None
        return found

    def wait_until(self, look: Callable[[], Found], what: str) -> Found:
        """Look again and again until there is something to see."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if found := look():
                return found
            time.sleep(0.2)
        raise AssertionError(f"waited too long until {what}; it said {self.said}")


def those_alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Give the processes that still run; a zombie nobody waited for is dead."""
    return [process for process in processes if _is_alive(process)]


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # It ended between the two questions.
        return False


def run_touchline(
    *arguments: str, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a verb to its end."""
    return subprocess.run(
        [str(TOUCHLINE), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def _gather(stream: Any, lines: list[str]) -> None:
    with stream:
        lines += (line.rstrip() for line in stream)

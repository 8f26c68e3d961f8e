"""The service that a load is put on: `touchline serve`, its memory, its name server."""

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

START_S = 600.0
STOP_S = 180.0
LOOK_EVERY_S = 0.1
SILENT_SERVER = "127.83.21.53"  # of this machine; port 53 is open there, nobody answers
API_MODULE = "app.supervisor.api_server"


@dataclass(frozen=True, slots=True)
class Service:
    """A service that runs.

    Attributes:
        has_silent_names: whether every name it looks up hangs.
    """

    port: int
    data_dir: Path
    process: psutil.Process
    has_silent_names: bool

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def api_processes(self) -> list[psutil.Process]:
        """List the processes that answer."""
        found = []
        for child in self.process.children(recursive=True):
            with suppress(psutil.Error):
                if API_MODULE in child.cmdline():
                    found.append(child)
        return found


@dataclass(slots=True)
class Memory:
    """What the API processes held (RSS, bytes): at first, and at the most."""

    begin: int = 0
    peak: int = 0

    def __str__(self) -> str:
        return f"{self.begin / 2**20:.0f} to {self.peak / 2**20:.0f} MiB"


@contextmanager
def serving(folder: Path, *, api_processes: int) -> Iterator[Service]:
    """Run `touchline serve` on a folder of its own until the block ends.

    For root every name that it looks up hangs, in a mount namespace of its own.
    """
    folder.chmod(0o711)  # Postgres must reach it.
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [str(Path(sys.executable).parent / "touchline"), "serve"]
    with _silent_names(folder) as enter:
        process = subprocess.Popen(
            [*enter, *command],
            env={
                **os.environ,
                "TOUCHLINE_DATA_DIR": str(folder / "data"),
                "TOUCHLINE_PORT": str(port),
                "TOUCHLINE_API_PROCESSES": str(api_processes),
                "TOUCHLINE_WEBHOOK_ALLOW_NETS": "127.0.0.0/8",
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_until_up(port, process)
            own = psutil.Process(process.pid)
            yield Service(port, folder / "data", own, bool(enter))
        finally:
            process.terminate()
            process.wait(STOP_S)


@contextmanager
def watched_memory(service: Service) -> Iterator[Memory]:
    """Look at the memory of the API processes, together, until the block ends."""
    processes, over = service.api_processes(), threading.Event()

    def look() -> int:
        return sum(one.memory_info().rss for one in processes)

    found = Memory(look())

    def keep_looking() -> None:
        while not over.wait(LOOK_EVERY_S):
            found.peak = max(found.peak, look())

    found.peak = found.begin
    thread = threading.Thread(target=keep_looking, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


@contextmanager
def _silent_names(folder: Path) -> Iterator[list[str]]:
    """Make a name server that never answers; gives the command to run under it."""
    if os.getuid() != 0 or shutil.which("unshare") is None:
        yield []
        return
    names = folder / "resolv.conf"
    names.write_text(f"nameserver {SILENT_SERVER}\noptions timeout:10 attempts:2\n")
    enter = f'mount --bind {names} /etc/resolv.conf && exec "$@"'
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((SILENT_SERVER, 53))
        yield ["unshare", "--mount", "sh", "-c", enter, "sh"]


def _wait_until_up(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(httpx.TransportError):
            answer = httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False)
            if answer.status_code == 200:
                return
        time.sleep(0.3)
    raise SystemExit("the service did not start")

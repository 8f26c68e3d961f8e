"""What the start of `touchline serve` costs, and what it takes while nothing is asked.

    python -m benchmarks.start [--against CHECKOUT] [--rounds 3] [--idle 20]

Each round starts the service in a new data directory, from this checkout and, in turn,
from another one of the same dependencies. Prints, of each, the seconds until `/readyz`
answers 200, the processor seconds of all its processes until then, their memory, and
the share of a core that they take while idle.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import create_server
from tempfile import TemporaryDirectory

import httpx
import psutil

from benchmarks.machine import processor

ROOT = Path(__file__).parents[1]
SETTLE_S = 5.0  # after the start, before idleness is measured
START_LIMIT_S = 600.0
END_LIMIT_S = 60.0


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", type=Path, help="another checkout")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--idle", type=float, default=20.0, help="seconds")
    words = parser.parse_args()
    trees = [ROOT] + ([words.against.absolute()] if words.against else [])
    print(f"{processor()}; load {os.getloadavg()[0]:.1f}")
    print("checkout | ready, s | processor until ready, s | MiB | idle, % of a core")
    for _ in range(words.rounds):
        for tree in trees:
            print(f"{tree.name} | {_measure(tree, words.idle)}", flush=True)


def _measure(tree: Path, idle_s: float) -> str:
    with TemporaryDirectory() as folder, _serving(tree, Path(folder)) as (root, url):
        began = time.monotonic()
        while not _is_ready(url):
            if root.poll() is not None or time.monotonic() - began > START_LIMIT_S:
                sys.exit(f"error: the service of {tree} does not start")
            time.sleep(0.1)
        ready_s = time.monotonic() - began
        used_s, resident = _usage(root.pid)
        time.sleep(SETTLE_S)
        before_s, _ = _usage(root.pid)
        time.sleep(idle_s)
        after_s, _ = _usage(root.pid)
    share = 100 * (after_s - before_s) / idle_s
    return f"{ready_s:.1f} | {used_s:.1f} | {resident / 2**20:.0f} | {share:.1f}"


@contextmanager
def _serving(
    tree: Path, folder: Path
) -> Iterator[tuple["subprocess.Popen[bytes]", str]]:
    """Start the service of a checkout; it has ended when the block has."""
    with create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = shutil.which("touchline", path=str(Path(sys.executable).parent))
    if command is None:
        sys.exit("error: `touchline` is not installed beside this Python")
    service = subprocess.Popen(  # our own
        [command, "serve"],
        env={
            **os.environ,
            "PYTHONPATH": str(tree),
            "TOUCHLINE_DATA_DIR": str(folder / "data"),
            "TOUCHLINE_PORT": str(port),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield service, f"http://127.0.0.1:{port}"
    finally:
        service.terminate()
        try:
            service.wait(END_LIMIT_S)
        except subprocess.TimeoutExpired:
            service.kill()  # What it started ends by itself then.
            service.wait()


def _is_ready(url: str) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(f"{url}/readyz", trust_env=False).status_code == 200
    return False


def _usage(pid: int) -> tuple[float, int]:
    """Tell processor seconds and resident bytes of a process and all below it.

    Those of Postgres count, too; pages that processes share count for each.
    """
    root = psutil.Process(pid)
    used_s, resident = 0.0, 0
    for process in [root, *root.children(recursive=True)]:
        with suppress(psutil.Error):
            times = process.cpu_times()
            used_s += times.user + times.system
            resident += process.memory_info().rss
    return used_s, resident


if __name__ == "__main__":
    main()

"""How the API answers while the network works: many clients that poll and query.

    python -m benchmarks.load MATCH [--clients 50] [--seconds 20] [--api-processes 1]

Starts `touchline serve` on a folder of its own, analyses MATCH once, then asks from
`--clients` connections, each with its next request as soon as it has its answer: first
with nothing else to do, then while the network works on further uploads of a match
that is repeated to an hour. The clients run on the same machine in one process, and
take their share of it.
"""

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx

from benchmarks.growth import repeat
from benchmarks.machine import processor

START_S = 180.0
LONG_MATCH_S = 3600.0
ANSWER_S = 30.0


@dataclass(slots=True)
class Answers:
    """What came back from one kind of request."""

    seconds: list[float] = field(default_factory=list)
    errors: int = 0

    def row(self, name: str, *, duration_s: float) -> str:
        """Write a line of the table; times in milliseconds."""
        if not self.seconds:
            return f"{name:24}{0:10.0f}{self.errors:8d}"
        cuts = statistics.quantiles(self.seconds, n=100, method="inclusive")
        return (
            f"{name:24}{len(self.seconds) / duration_s:10.0f}{self.errors:8d}"
            f"{cuts[49] * 1000:8.0f}{cuts[94] * 1000:8.0f}{cuts[98] * 1000:8.0f}"
        )


def main() -> None:
    """Serve, ask, and print a table for each situation."""
    options = _parse_options()
    print(f"{datetime.now(UTC):%Y-%m-%d}  {processor()}")
    with (
        tempfile.TemporaryDirectory(
            prefix="touchline-load-", dir="/tmp"
        ) as name,  # Postgres must reach it
        _serving(Path(name), options.api_processes) as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
    ):
        video = _upload(client, options.match)
        _wait_for_timeline(client, video)
        paths = {
            "GET /healthz": "/healthz",
            "GET /videos/{id}": f"/videos/{video}",
            "GET .../events (JSON)": f"/videos/{video}/events",
            "GET .../events?type=": f"/videos/{video}/events?type=DRIVE&min_score=0.5",
            "GET /videos": "/videos?limit=20",
        }
        _report("network idle", port, paths, options)
        long_match = Path(name) / "hour.mp4"
        repeat(options.match, long_match, seconds=LONG_MATCH_S)
        busy = _upload(client, long_match)
        _wait_until_running(client, busy)
        _report("network busy", port, paths, options)


def _report(
    title: str, port: int, paths: dict[str, str], options: argparse.Namespace
) -> None:
    print(f"\n{title}: {options.clients} clients, {options.api_processes} API process")
    print(f"{'':24}{'answers/s':>10}{'errors':>8}{'p50':>8}{'p95':>8}{'p99':>8}  ms")
    found = asyncio.run(_ask_all(port, paths, options.clients, options.seconds))
    everything = Answers()
    for name in paths:
        print(found[name].row(name, duration_s=options.seconds))
        if name != "GET /healthz":
            everything.seconds += found[name].seconds
            everything.errors += found[name].errors
    print(everything.row("all but /healthz", duration_s=options.seconds), flush=True)


async def _ask_all(
    port: int, paths: dict[str, str], clients: int, seconds: float
) -> dict[str, Answers]:
    found: dict[str, Answers] = defaultdict(Answers)
    end = time.monotonic() + seconds
    names = list(paths)

    async def client(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        turn = number
        while time.monotonic() < end:
            name = names[turn % len(names)]
            turn += 1
            started = time.perf_counter()
            async with asyncio.timeout(ANSWER_S):
                status = await _ask(reader, writer, paths[name])
            found[name].seconds.append(time.perf_counter() - started)
            found[name].errors += status != 200
        writer.close()

    await asyncio.gather(*(client(number) for number in range(clients)))
    return found


async def _ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str
) -> int:
    """Send one GET over a kept connection; give the status, take the whole body."""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
    await reader.readexactly(length)
    return int(head.split(b" ", 2)[1])


@contextmanager
def _serving(folder: Path, api_processes: int) -> Iterator[int]:
    """Run `touchline serve` until the block ends; gives its port."""
    folder.chmod(0o711)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    process = subprocess.Popen(
        [str(Path(sys.executable).parent / "touchline"), "serve"],
        env={
            **os.environ,
            "TOUCHLINE_DATA_DIR": str(folder / "data"),
            "TOUCHLINE_PORT": str(port),
            "TOUCHLINE_API_PROCESSES": str(api_processes),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_ready(port)
        yield port
    finally:
        process.terminate()
        process.wait(60)


def _wait_until_ready(port: int) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.3)
    raise SystemExit("the service did not become ready")


def _upload(client: httpx.Client, path: Path) -> str:
    with path.open("rb") as file:
        answer = client.post("/videos", files={"file": (path.name, file)}, timeout=120)
    answer.raise_for_status()
    return str(answer.json()["id"])


def _wait_for_timeline(client: httpx.Client, video: str) -> None:
    while (found := client.get(f"/videos/{video}").json())["status"] != "succeeded":
        if found["status"] not in ("queued", "running"):
            raise SystemExit(f"the analysis failed: {json.dumps(found['error'])}")
        time.sleep(0.5)


def _wait_until_running(client: httpx.Client, video: str) -> None:
    while client.get(f"/videos/{video}").json()["progress"] == 0:
        time.sleep(0.5)


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load")
    parser.add_argument("match", type=Path, help="a match of a few minutes")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--api-processes", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""How the API answers many clients: idle, beside uploads, lookups and the network.

    python -m benchmarks.load MATCH [--clients 50] [--seconds 20] [--api-processes 1]
        [--large 10GB] [--jobs 1000] [--parts idle uploads lookups busy queue]

Starts `touchline serve` on a folder of its own and analyses MATCH once. Then clients,
each with its next request as soon as it has its answer, poll and query: with nothing
else to do, beside a large upload, slow ones, ones whose callback's name server is
silent (as root alone), while the network works on a match of an hour, and while a
thousand jobs wait. The clients run on the same machine and take their share of it.
`--large` is cut to what the disk has room for. Without `idle` and `busy` no network is
waited for.
"""

import argparse
import json
import os
import shutil
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx
from pydantic import ByteSize, TypeAdapter

from benchmarks.growth import repeat
from benchmarks.load_clients import HEAD, LINE, Answers, ask_for, asking, together
from benchmarks.load_queue import ask_for_jobs, time_claims
from benchmarks.load_service import Service, serving, watched_memory
from benchmarks.load_uploads import hanging_lookups, send, slow_uploads
from benchmarks.machine import processor

MIDDLE_BYTES = 100_000_000
LEFT_FREE_BYTES = 5 * 2**30  # of the disk
FEW = 5  # clients beside a large upload, so that it comes to an end
SLOW_UPLOADS = 20
HANGING = 40  # lookups at once
BESIDE = 20  # uploads to an address that needs no lookup, beside them
CLAIMS = 200
PATIENCE_S = 300.0
PARTS = ("idle", "uploads", "lookups", "busy", "queue")


def main() -> None:
    """Serve, ask, and print a table for each situation."""
    options = _parse_options()
    print(f"{datetime.now(UTC):%Y-%m-%d}  {processor()}")
    with (
        tempfile.TemporaryDirectory(prefix="touchline-load-", dir="/tmp") as name,
        serving(Path(name), api_processes=options.api_processes) as service,
        httpx.Client(
            base_url=service.url, trust_env=False, timeout=PATIENCE_S
        ) as client,
    ):
        video = _upload(client, options.match)
        paths = {
            "GET /healthz": "/healthz",
            "GET /videos/{id}": f"/videos/{video}",
            "GET .../events (JSON)": f"/videos/{video}/events",
            "GET .../events?type=": f"/videos/{video}/events?type=DRIVE&min_score=0.5",
            "GET /videos": "/videos?limit=20",
        }
        if options.parts & {"idle", "busy"}:
            _wait_for_timeline(client, video)
        else:
            paths = {name: path for name, path in paths.items() if "events" not in path}
        if "idle" in options.parts:
            _poll("network idle", service, paths, options)
        if "uploads" in options.parts:
            _report_uploads(service, client, paths, options)
        if "lookups" in options.parts:
            _report_lookups(service, paths, options)
        if "busy" in options.parts:
            long_match = Path(name) / "long.mp4"
            repeat(options.match, long_match, seconds=options.busy_s)
            video = _upload(client, long_match)
            _wait_until_running(client, video)
            _poll("network busy", service, paths, options)
        if "queue" in options.parts:
            _report_queue(service, video, options)


def _poll(
    title: str, service: Service, paths: dict[str, str], options: argparse.Namespace
) -> None:
    _say(f"{title}: {options.clients} clients")
    with watched_memory(service) as memory:
        found = ask_for(service.port, paths, options.clients, options.seconds)
    for name in paths:
        print(found[name].row(name, duration_s=options.seconds))
    print(together(found).row("all but /healthz", duration_s=options.seconds))
    print(f"API memory: {memory}", flush=True)


def _report_uploads(
    service: Service,
    client: httpx.Client,
    paths: dict[str, str],
    options: argparse.Namespace,
) -> None:
    """Send one of 100 MB and a large one, and ask beside them and beside slow ones."""
    room = shutil.disk_usage(service.data_dir).free - LEFT_FREE_BYTES
    large = min(options.large, max(room, MIDDLE_BYTES))
    loads = ((MIDDLE_BYTES, 0), (MIDDLE_BYTES, options.clients), (large, FEW))
    for size, clients in loads:
        _say(f"beside an upload of {size / 1e9:g} GB: {clients} clients")
        started = time.perf_counter()
        with (
            watched_memory(service) as memory,
            asking(service.port, paths, clients) as found,
        ):
            status, video = send(service.port, size)
            took_s = time.perf_counter() - started
        print(together(found).row("all but /healthz", duration_s=took_s))
        print(
            f"upload: status {status}, {took_s:.1f} s, {size / 1e6 / took_s:.0f} MB/s; "
            f"API memory: {memory}",
            flush=True,
        )
        client.delete(f"/videos/{video}")
    _say(f"beside {SLOW_UPLOADS} uploads that hardly move: {options.clients} clients")
    with slow_uploads(service.port, SLOW_UPLOADS), watched_memory(service) as memory:
        found = ask_for(service.port, paths, options.clients, options.seconds)
    print(together(found).row("all but /healthz", duration_s=options.seconds))
    print(f"API memory: {memory}", flush=True)


def _report_lookups(
    service: Service, paths: dict[str, str], options: argparse.Namespace
) -> None:
    """Ask beside lookups that hang, and upload with a callback that needs none."""
    if not service.has_silent_names:
        print("\nlookups that hang: left out, only root can make a silent name server")
        return
    _say(f"beside {HANGING} lookups that hang: {options.clients} clients")
    beside = Answers()
    with hanging_lookups(service.port, HANGING) as refused:
        time.sleep(1.0)
        with asking(service.port, paths, options.clients) as found:
            begun = time.perf_counter()
            for _ in range(BESIDE):
                started = time.perf_counter()
                status, _ = send(service.port, 16, callback_url="http://127.0.0.1:9/")
                beside.seconds.append(time.perf_counter() - started)
                beside.errors += status != 202
            took_s = time.perf_counter() - begun
    print(together(found).row("all but /healthz", duration_s=took_s))
    print(beside.row("upload, callback to an address", duration_s=took_s))
    print(refused.row("upload, callback's name hangs", duration_s=took_s), flush=True)


def _report_queue(service: Service, video: str, options: argparse.Namespace) -> None:
    """Have jobs wait behind the long match; look at them, and claim."""
    _say(f"{options.jobs} jobs asked for, behind one that runs; then all of them wait")
    started = time.perf_counter()
    asked, jobs = ask_for_jobs(service, video, options.jobs)
    took_s = time.perf_counter() - started
    print(asked.row("POST /videos/{id}/jobs", duration_s=took_s))
    paths = {
        "GET /jobs/{id}": f"/jobs/{jobs[-1]}",
        "GET .../jobs (50)": f"/videos/{video}/jobs",
        "GET .../jobs (1000)": f"/videos/{video}/jobs?limit=1000",
    }
    for name, path in paths.items():
        found = ask_for(service.port, {name: path}, 10, options.seconds / 4)
        print(found[name].row(f"{name}, 10 clients", duration_s=options.seconds / 4))
    claims = time_claims(service, CLAIMS)
    print(claims.row("a claim", duration_s=sum(claims.seconds)), flush=True)


def _say(title: str) -> None:
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"\n{title} (load of the machine: {load})\n\n{HEAD}\n{LINE}", flush=True)


def _upload(client: httpx.Client, path: Path) -> str:
    with path.open("rb") as file:
        answer = client.post("/videos", files={"file": (path.name, file)})
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
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument(
        "--parts", nargs="+", choices=PARTS, default=PARTS, help="only some of it"
    )
    parser.add_argument(
        "--busy-s", type=float, default=3600.0, help="length of what keeps it busy"
    )
    size = TypeAdapter(ByteSize).validate_python
    parser.add_argument("--large", type=size, default=size("10GB"))
    options = parser.parse_args()
    options.parts = set(options.parts)
    return options


if __name__ == "__main__":
    main()

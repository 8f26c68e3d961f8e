"""How soon events of a live stream are on the wire, through `touchline serve`.

    python -m benchmarks.live_service [match.mp4] [--seconds 120]
    python -m benchmarks.live_service [match.mp4] --seconds 14400     # a soak

Pushes a match by RTMP at its own pace, as a camera does, to a service of its own with a
live worker that records and spots, while a client listens to the events. Prints the
compute latency that the service counts of every change told: from the last picture it
needs being decoded to the model's answer, to its row, and to the event being sent.
Look-ahead, how much video the model waits for, stands beside it, never in it. The match
begins anew when it is over. A line a minute tells of memory, of steps, and of drift: by
how much the time of the stream has moved against the clock on the wall since the
first minute. Needs ffmpeg, and a model that can run live.
"""

import argparse
import threading
import time
from pathlib import Path

import httpx

from app.videos.sample_match import FILE
from benchmarks.machine import processor
from tests.acceptance.own_service import own_service
from tests.acceptance.running import RunningService
from tests.live_streams import encoder
from tests.services import free_port

MIB = 1 << 20
MINUTE_S = 60.0
FIGURES = ("p50_ms", "p95_ms", "p99_ms")


def main() -> None:
    """Push, listen, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("video", type=Path, nargs="?", default=FILE)
    parser.add_argument("--seconds", type=float, default=120.0)
    given = parser.parse_args()
    port = free_port()
    settings = {
        "TOUCHLINE_LIVE_STREAMS": "1",
        "TOUCHLINE_LIVE_PORTS": f"{port}-{port}",
    }
    with own_service(settings) as service:
        service.start()
        body = {"source": "listen", "name": "benchmark"}
        begun = service.client.post("/live", json=body).raise_for_status()
        address = f"/live/{begun.json()['id']}"
        url = str(service.client.base_url.join(f"{address}/events/stream"))
        threading.Thread(target=_listen, args=(url,), daemon=True).start()
        service.wait_until(lambda: service.get(address)["push"], "it listens")
        push = service.get(address)["push"]
        sent = ["-re", "-stream_loop", "-1", "-i", str(given.video), "-c", "copy"]
        with encoder(*sent, "-f", "flv", f"{push['url']}/{push['key']}"):
            memory = _follow(service, address, seconds=given.seconds)
            stream = service.get(address)
        service.client.post(f"{address}/stop").raise_for_status()
    print(f"{processor()}\n")
    print(
        f"{stream['model']} on {stream['engine']}, look-ahead "
        f"{stream['look_ahead_s']:g} s; {stream['steps']} steps, "
        f"{len(stream['gaps'])} gaps, {memory:.0f} MiB in the live worker's processes\n"
    )
    print(
        "| decoded to | p50, ms | p95, ms | p99, ms | changes |\n|---|---|---|---|---|"
    )
    for stage, one in stream["latency"].items():
        figures = " | ".join(
            f"{one[key]:.1f}" for key in ("p50_ms", "p95_ms", "p99_ms")
        )
        print(f"| {stage} | {figures} | {one['count']} |")


def _follow(service: RunningService, address: str, *, seconds: float) -> float:
    """Tell how the stream goes, once a minute; gives the last memory in MiB."""
    begun, first_s, memory = time.monotonic(), None, 0.0
    while (left_s := begun + seconds - time.monotonic()) > 0:
        time.sleep(min(MINUTE_S, left_s))
        worker = service.wait_for_child("worker.live")
        family = [worker, *worker.children(recursive=True)]
        memory = sum(process.memory_info().rss for process in family) / MIB
        stream = service.get(address)
        ahead_s = float(stream["edge_s"]) - (time.monotonic() - begun)
        first_s = ahead_s if first_s is None else first_s
        print(
            f"{(time.monotonic() - begun) / MINUTE_S:6.1f} min, {memory:.0f} MiB, "
            f"{stream['steps']} steps in {stream['edge_s']:.1f} s, "
            f"{len(stream['gaps'])} gaps, drift {ahead_s - first_s:+.2f} s",
            flush=True,
        )
    return memory


def _listen(url: str) -> None:
    with httpx.stream("GET", url, timeout=None, trust_env=False) as answer:
        for _ in answer.iter_lines():
            pass


if __name__ == "__main__":
    main()

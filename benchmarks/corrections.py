"""How long lists and corrections take on a long match, over HTTP on this machine.

    python -m benchmarks.corrections [--events 20000] [--decided 5000]

A real API with a Postgres of its own; the video's bytes do not matter. Prints for each
kind of request, in milliseconds, the median and the slowest by the clock, and how much
processor time API and client took together (Postgres's is not among it): what a busy
machine does not change.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import insert, select

from app.core.db.base import new_id, utc_now
from app.jobs.tables import Job
from app.timelines.suggestions import suggestion_id
from app.timelines.tables import Analysis, Event
from app.videos.tables import Video
from tests.api_server import RunningApi, make_settings, running_api
from tests.services import running_postgres

FPS = 25
LABELS = ("PASS", "DRIVE", "SHOT")
GAP_FRAMES = 13  # 20,000 events are a match of three hours
BATCH = 1000
ROUNDS = 15


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--decided", type=int, default=5_000)
    words = parser.parse_args()
    with (
        running_postgres() as postgres,
        tempfile.TemporaryDirectory() as folder,
        postgres.fresh_database() as url,
    ):
        settings = make_settings(data_dir=Path(folder), database_url=url)
        with running_api(settings) as api:
            measure(api, words.events, words.decided)


def measure(api: RunningApi, count: int, decided: int) -> None:
    """Time one kind of request after another."""
    client = httpx.Client(base_url=api.url, timeout=60, trust_env=False)
    video = long_match(api, count)
    path = f"/videos/{video}/events"
    ids = [suggestion_id(video, LABELS[n % 3], n * GAP_FRAMES) for n in range(count)]
    row("first page, nothing kept yet", 1, lambda _: get(client, path))
    row("a page of 100", ROUNDS, lambda _: get(client, path))
    middle = f"{path}?from_s={count * GAP_FRAMES / FPS / 2}&type=SHOT&limit=1000"
    row("1000 of a type from the middle", ROUNDS, lambda _: get(client, middle))
    batches = range(0, decided, BATCH)
    row(
        f"a batch of {BATCH} accepted",
        len(batches),
        lambda n: accept(client, path, ids[n * BATCH : (n + 1) * BATCH]),
    )
    row("one event accepted", ROUNDS, lambda n: patch(client, f"{path}/{ids[-n - 1]}"))
    row(
        "a page of 100 after a change",
        ROUNDS,
        lambda n: change_and_get(client, path, ids[-n - 50]),
    )
    row("undo", ROUNDS, lambda _: post(client, f"{path}/undo"))
    row("redo", ROUNDS, lambda _: post(client, f"{path}/redo"))
    row("all as CSV", 3, lambda _: get(client, f"{path}.csv"))


def row(name: str, times: int, ask: Callable[[int], float]) -> None:
    """Print a line of the table."""
    started = time.process_time()
    taken_ms = sorted(ask(number) * 1000 for number in range(times))
    processor_ms = (time.process_time() - started) * 1000 / times
    print(
        f"{name:32s} median {statistics.median(taken_ms):6.0f} ms, "
        f"slowest {taken_ms[-1]:6.0f} ms of {times}, processor {processor_ms:5.0f} ms"
    )


def get(client: httpx.Client, path: str) -> float:
    return timed(client, "GET", path)


def patch(client: httpx.Client, path: str) -> float:
    return timed(client, "PATCH", path, {"state": "accepted"})


def post(client: httpx.Client, path: str) -> float:
    return timed(client, "POST", path)


def accept(client: httpx.Client, path: str, ids: list[UUID]) -> float:
    changes = [{"id": str(one), "state": "accepted"} for one in ids]
    return timed(client, "POST", f"{path}:batch", {"changes": changes})


def change_and_get(client: httpx.Client, path: str, event_id: UUID) -> float:
    patch(client, f"{path}/{event_id}")
    return get(client, path)


def timed(client: httpx.Client, method: str, path: str, body: Any = None) -> float:
    """Send a request that must work; gives seconds."""
    started = time.perf_counter()
    client.request(method, path, json=body).raise_for_status()
    return time.perf_counter() - started


def long_match(api: RunningApi, count: int) -> UUID:
    """Upload a video, and write the events that a worker would have found."""
    answer = api.client.post("/videos", files={"file": b"the bytes of a video"})
    video_id = UUID(answer.json()["id"])
    with api.service.sessions.begin() as session:
        job = session.scalars(select(Job).where(Job.video_id == video_id)).first()
        video = session.get_one(Video, video_id)
        analysis = Analysis(
            id=new_id(),
            video_id=video_id,
            job_id=job.id if job else None,
            checkpoint={},
            event_counts=dict.fromkeys(LABELS, count // 3),
            warnings={},
            requested_at=utc_now(),
            created_at=utc_now(),
        )
        session.add(analysis)
        session.flush()
        video.current_analysis_id = analysis.id
        video.fps, video.duration_s = FPS, count * GAP_FRAMES / FPS
        rows = [
            {
                "video_id": video_id,
                "analysis_id": analysis.id,
                "seq": number,
                "time_ms": number * GAP_FRAMES * 1000 // FPS,
                "pts": number * GAP_FRAMES,
                "frame": number * GAP_FRAMES,
                "label": LABELS[number % 3],
                "score": 0.5,
            }
            for number in range(count)
        ]
        session.execute(insert(Event), rows)
    return video_id


if __name__ == "__main__":
    main()

"""Batches at size: the queue's claim, a batch's progress, and its table as it is read.

    python -m benchmarks.batches [--items 10000] [--videos 200] [--events 1500]

Makes a database with a batch of so many items, of which so many videos are analysed,
and prints how long a claim, a round of the feeder, a look at the batch and the tables
take, and by how much the memory of the process grows while they are read.
"""

import argparse
import logging
import resource
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import UUID

from sqlalchemy import text

from app.batches.event_rows import BatchEvents
from app.batches.feeding import advance_batches
from app.batches.items import BatchSourceItem
from app.batches.parquet import write_parquet
from app.batches.service import BatchRequest, add_to_batch, create_batch, progress_of
from app.batches.tables import Batch
from app.batches.text_tables import write_csv, write_jsonl
from app.core.db.copying import copy_rows
from app.core.logging import configure_logging
from app.core.resources import Resources, open_resources
from app.jobs.claiming import claimable_jobs
from app.jobs.kinds import JobKind
from benchmarks.machine import processor
from tests.api_server import make_settings
from tests.services import running_postgres

ROUNDS = 20
PAGE = 1000
EVENT_COLUMNS = (
    *("video_id", "analysis_id", "seq", "time_ms", "pts", "frame", "label", "score"),
)


def main() -> None:
    """Fill a database, then measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--videos", type=int, default=200)
    parser.add_argument("--events", type=int, default=1500, help="of each video")
    asked = parser.parse_args()
    configure_logging("console", level=logging.WARNING)
    print(processor())
    with (
        running_postgres() as server,
        server.fresh_database() as database,
        tempfile.TemporaryDirectory() as folder,
    ):
        settings = make_settings(data_dir=Path(folder), database_url=database)
        resources = open_resources(settings, pool_size=4)
        batch_id = _fill(resources, asked.items, asked.videos, asked.events)
        _measure(resources, batch_id)
        resources.engine.dispose()


def _fill(resources: Resources, items: int, videos: int, events: int) -> UUID:
    """Make a batch whose first videos are analysed, and as many jobs that wait."""
    with resources.sessions.begin() as session:
        wanted = BatchRequest({}, model="tiny", weights={}, priority=-5, is_open=True)
        batch_id = create_batch(session, wanted, []).id
    began = time.perf_counter()
    for first in range(0, items, PAGE):
        page = [
            BatchSourceItem("url", f"https://archive.example.org/{number:06}.mp4")
            for number in range(first, min(first + PAGE, items))
        ]
        with resources.sessions.begin() as session:
            add_to_batch(session, batch_id, page, is_last=first + PAGE >= items)
    print(f"{items} items are named in {time.perf_counter() - began:.1f} s")
    with resources.sessions.begin() as session:
        for number in range(1, videos + 1):
            _add_video(session.execute, batch_id, number)
        found = session.execute(text("select id, video_id from analyses")).all()
        copy_rows(session, "events", EVENT_COLUMNS, _events(found, events))
        session.execute(
            text(
                "insert into jobs (id, kind, project_id, priority, status, progress,"
                " attempt, cancel_requested, created_at) select gen_random_uuid(),"
                " 'spot', id, -5, 'queued', 0, 0, false, now() + n * interval '1 ms'"
                " from projects, generate_series(1, :items) n"
            ),
            {"items": items},
        )
    with resources.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(
            text("vacuum analyze")
        )
    return batch_id


def _add_video(execute: Callable[..., object], batch_id: UUID, number: int) -> None:
    for statement in (
        "with v as (insert into videos (id, title, storage_key, size_bytes, sha256,"
        " created_at) values (gen_random_uuid(), 'Match', 'key', 1, 'x', now())"
        " returning id), j as (insert into jobs (id, kind, video_id, status, progress,"
        " attempt, cancel_requested, created_at) select gen_random_uuid(), 'spot', id,"
        " 'succeeded', 1, 1, false, now() from v returning id, video_id), a as (insert"
        " into analyses (id, video_id, job_id, checkpoint, event_counts, warnings,"
        " requested_at, created_at) select gen_random_uuid(), video_id, id,"
        """ '{"name": "tiny", "sha256": "f00d"}', '{"PASS": 1}', '{}', now(), now()"""
        " from j returning id, video_id)"
        " update batch_items set video_id = (select video_id from a),"
        " state = 'succeeded', finished_at = now()"
        " where batch_id = :batch and number = :number",
        "update videos set current_analysis_id = a.id from analyses a"
        " where a.video_id = videos.id and current_analysis_id is null",
    ):
        execute(
            text(statement.replace('": ', '"\\: ')),
            {"batch": batch_id, "number": number},
        )


def _events(
    found: Iterable[Sequence[object]], count: int
) -> Iterable[tuple[object, ...]]:
    for analysis_id, video_id in found:
        for seq in range(count):
            time_ms = seq * 3600
            frame = seq * 90
            yield (
                *(video_id, analysis_id, seq, time_ms, frame, frame, "PASS"),
                0.5 + seq % 7 / 20,
            )


def _measure(resources: Resources, batch_id: UUID) -> None:
    claim = claimable_jobs(
        kinds=(JobKind.SPOT, JobKind.COMPARE),
        max_attempts=3,
        max_interruptions=10,
        limit=10,
    )
    with resources.sessions() as session:
        _time("what may be claimed", lambda: session.scalars(claim).all())
        row = session.get_one(Batch, batch_id)
        _time("how far the batch is", lambda: progress_of(session, [row]))
    settings = resources.settings
    began = time.perf_counter()
    advance_batches(resources.sessions, settings=settings)
    print(f"{'the first round of the feeder':34} {1e3 * _since(began):8.0f} ms")
    _time(
        "a round with nothing to do",
        lambda: advance_batches(resources.sessions, settings=settings),
    )
    for name, write in (
        ("csv", write_csv),
        ("jsonl", write_jsonl),
        ("parquet", lambda events: write_parquet(events, facts={})),
    ):
        _read(name, write(BatchEvents(batch_id, replace(resources))))


def _read(name: str, pieces: Iterable[bytes]) -> None:
    before, began, size = _memory_mib(), time.perf_counter(), 0
    largest = 0
    for piece in pieces:
        size += len(piece)
        largest = max(largest, len(piece))
    print(
        f"events.{name:8} {size / 2**20:7.1f} MiB in {_since(began):6.1f} s, the "
        f"largest piece {largest / 2**20:.1f} MiB, memory {_memory_mib() - before:+.0f}"
        " MiB"
    )


def _time(name: str, call: Callable[[], object]) -> None:
    call()
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        call()
        took.append(_since(began))
    took.sort()
    print(f"{name:34} {1e3 * took[ROUNDS // 2]:8.1f} ms, p95 {1e3 * took[-2]:.1f}")


def _since(began: float) -> float:
    return time.perf_counter() - began


def _memory_mib() -> float:
    """Tell the most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()

"""How the database does when it is large: answers over HTTP, statements, vacuum, size.

    python -m benchmarks.database [--matches 500] [--events 2000] [--folder DIR]
        [--partitions 16] [--only events search] [--memory 4GB] [--seconds 30]

Fills a Postgres of its own with timelines and with copies for the search, prints what
tables and indexes take on the disk, then for each kind of request and statement the
median and the 99th percentile in milliseconds; statements also in Postgres's processor
time. With `--folder` the rows stay there: the next run with it measures them as they
are. With `--partitions` the large tables are partitioned by hash of the video, which
the service does not do: docs/database.md. `--only` leaves half of the rows out.
"""

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session

from app.core.db.migrate import upgrade
from app.core.db.session import database_url
from app.supervisor.embedded_postgres import start_postgres
from benchmarks import search
from benchmarks.database_rows import fill_timelines, partition
from benchmarks.database_statements import measure_statements, measure_vacuum
from benchmarks.machine import processor
from benchmarks.search_rows import fill_search
from tests.api_server import make_settings, running_api
from tests.services import QUICK, open_folder

EVENTS, SEARCH = "events", "search"
FILLED = "filled to the end"
IS_FILLED = "select obj_description('videos'::regclass)"

# Partitions count as their table; an index is told with its table's name.
SIZES = """
select coalesce(pg_partition_root(relation.oid), relation.oid)::regclass::text as name,
    coalesce(pg_partition_root(its.indrelid), its.indrelid)::regclass::text as of_table,
    sum(pg_relation_size(relation.oid)) as bytes
from pg_class relation left join pg_index its on its.indexrelid = relation.oid
where relation.relnamespace = 'public'::regnamespace and relation.relkind in ('r', 'i')
group by name, of_table having sum(pg_relation_size(relation.oid)) > 2^20
order by bytes desc
"""


def main() -> None:
    """Fill what is not filled yet, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--matches", type=int, default=500)
    parser.add_argument(
        "--events", type=int, default=2000, help="of each match, 1000 or more"
    )
    parser.add_argument("--folder", type=Path, help="keep the rows here")
    parser.add_argument("--partitions", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=[EVENTS, SEARCH])
    parser.add_argument("--memory", default="1GB", help="shared_buffers")
    parser.add_argument("--seconds", type=float, default=30, help="of each request")
    parser.add_argument("--no-changes", action="store_true", help="read alone")
    words = parser.parse_args()
    parts = tuple(words.only or (EVENTS, SEARCH))
    print(processor(), flush=True)
    with running(words.folder, words.memory) as url:
        engine = create_engine(database_url(url))
        matches = fill(engine, words, parts)
        print_sizes(engine)
        measure_requests(url, matches, parts, words.seconds)
        if EVENTS in parts:
            measure_statements(engine, matches, words.events, is_read=words.no_changes)
        if SEARCH in parts:
            with Session(engine) as session:
                search.measure(session, matches, has_plans=False)
        if not words.no_changes:
            measure_vacuum(engine, matches)
        engine.dispose()


@contextmanager
def running(folder: Path | None, memory: str) -> Iterator[str]:
    """Run a Postgres on a folder, else on one that goes in the end; gives its URL."""
    options = (
        *QUICK,
        f"shared_buffers={memory}",
        "maintenance_work_mem=1GB",
        "max_wal_size=2GB",
    )
    with open_folder() as temporary:
        place = folder or temporary
        place.mkdir(parents=True, exist_ok=True)
        log = place / "postgres.log"
        server = start_postgres(place, log_path=log, options=options)
        try:
            yield server.url
        finally:
            server.stop()


def fill(engine: Engine, words: argparse.Namespace, parts: tuple[str, ...]) -> int:
    """Write the rows if there are none; gives how many matches there are."""
    upgrade(engine.url.render_as_string(hide_password=False))
    with Session(engine) as session:
        there = session.scalar(text("select count(*) from videos"))
        if there:
            if session.scalar(text(IS_FILLED)) != FILLED:
                raise SystemExit(
                    f"{words.folder} was not filled to the end: remove it, "
                    "or name another folder"
                )
            print(f"{there:,} matches are there already", flush=True)
            return int(there)
        if words.partitions:
            partition(session, words.partitions)
        fill_search(session, words.matches, words.events, has_copies=SEARCH in parts)
        if EVENTS in parts:
            fill_timelines(session, words.matches, words.events)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        started = time.monotonic()
        connection.execute(text("vacuum analyze"))
        print(f"vacuum analyze: {time.monotonic() - started:.0f} s", flush=True)
        connection.execute(text(f"comment on table videos is '{FILLED}'"))
    return int(words.matches)


def print_sizes(engine: Engine) -> None:
    """Print what tables and indexes take."""
    with engine.connect() as connection:
        rows = connection.execute(text(SIZES)).all()
        total = connection.scalar(
            text("select pg_database_size(current_database())::bigint")
        )
    for name, of_table, size in rows:
        print(f"{name:48s} {of_table or '':24s} {int(size) / 2**20:10,.0f} MiB")
    print(f"{'the database':73s} {int(total or 0) / 2**20:10,.0f} MiB", flush=True)


def measure_requests(
    url: str, matches: int, parts: tuple[str, ...], seconds: float
) -> None:
    """Ask a real API for pages, statistics and searches; one request at a time."""
    with tempfile.TemporaryDirectory() as folder:
        settings = make_settings(data_dir=Path(folder), database_url=url)
        with (
            running_api(settings) as api,
            httpx.Client(base_url=api.url, timeout=120, trust_env=False) as client,
        ):
            for name, path in paths(matches, parts):
                row(name, client, path, seconds)


def paths(
    matches: int, parts: tuple[str, ...]
) -> Iterator[tuple[str, Callable[[], str]]]:
    """List what is asked for; another match, player or day each time."""
    chance = random.Random(2)

    def some() -> str:
        number = chance.randrange(1, matches + 1)
        return f"/videos/01980000-0000-7000-8000-{number:012x}"

    if EVENTS in parts:
        one = some()
        yield "events of some match", lambda: f"{some()}/events?limit=100"
        yield "a type in some match", lambda: f"{some()}/events?type=SHOT&limit=100"
        yield "events of the same match", lambda: f"{one}/events?limit=100"
        yield "statistics of some match", lambda: f"{some()}/statistics"
    if SEARCH in parts:
        yield "search for all", lambda: "/events"
        yield "search for a rare type", lambda: "/events?type=GOAL"
        yield (
            "search for a player's passes",
            lambda: f"/events?type=PASS&player={chance.randrange(37)}",
        )
        yield (
            "search in a competition",
            lambda: f"/events?type=SHOT&competition=League {chance.randrange(50)}",
        )
        yield (
            "search for a sequence",
            lambda: "/events?sequence=PASS,PASS,SHOT&within_s=8",
        )


def row(
    name: str, client: httpx.Client, path: Callable[[], str], seconds: float
) -> None:
    """Ask for so long, and print a line."""
    taken_ms: list[float] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end or len(taken_ms) < 2:
        where = path()
        started = time.perf_counter()
        client.get(where).raise_for_status()
        taken_ms.append((time.perf_counter() - started) * 1000)
    p99 = statistics.quantiles(taken_ms, n=100, method="inclusive")[98]
    print(
        f"GET {name:38s} {len(taken_ms):6d} requests, median "
        f"{statistics.median(taken_ms):6.1f} p99 {p99:6.1f} ms",
        flush=True,
    )


if __name__ == "__main__":
    main()

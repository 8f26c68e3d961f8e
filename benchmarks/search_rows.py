"""Rows of many matches: videos, and the copies of their events that are searched.

One type is rare, players have numbers, matches have dates and competitions. Matches are
written so many at a time, and the indexes of the large table after them.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.search.copy_queries import LAYOUT

LENGTH_MS = 5_400_000
AT_ONCE = 500  # matches in a transaction
VIDEO_ID = "('01980000-0000-7000-8000-' || lpad(to_hex({0}), 12, '0'))::uuid"
OF_BATCH = (
    f"video.id between {VIDEO_ID.format('cast(:first as int)')} "
    f"and {VIDEO_ID.format('cast(:last as int)')}"
)
LABEL = (
    "case when e % 1000 = 0 then 'GOAL' when e % 100 = 1 then 'SHOT' "
    "when e % 3 = 0 then 'DRIVE' else 'PASS' end"
)

VIDEOS = f"""
insert into videos (id, title, created_at, played_on, competition, search, revision,
    facts_version)
select {VIDEO_ID.format("n")}, 'Match ' || n,
    now(), date '2020-01-01' + n % 2000, 'League ' || n % 50,
    jsonb_build_object('text', 'match ' || n, 'competition', 'league ' || n % 50,
        'teams', '[]'::jsonb), 1, 0
from generate_series(cast(:first as int), cast(:last as int)) n
"""
COPIES = f"""
insert into searched_timelines (video_id, project_id, revision, facts_version,
    thresholds_tag)
select id, project_id, 1, 0, '{LAYOUT}' from videos video where {OF_BATCH}
"""
EVENTS = f"""
insert into searched_events
select video.id, gen_random_uuid(), video.project_id, {LABEL},
    (e * {LENGTH_MS}::bigint / :events), e * 67,
    case when e % 5 = 0 then 'accepted' else 'suggested' end, random(),
    case when e % 2 = 0 then 'left' else 'right' end, null,
    case when e % 5 = 0 then (e % 37)::text end, '{{}}'
from videos video, generate_series(1, :events) e where {OF_BATCH}
"""
COUNTS = f"""
insert into searched_counts
select video_id, row_number() over (partition by video_id order by label, state, team),
    video.project_id, label, state, team, team_name, count(*), max(score)
from searched_events join videos video on video.id = video_id where {OF_BATCH}
group by video_id, video.project_id, label, state, team, team_name
"""


def fill_search(
    session: Session, matches: int, events: int, *, has_copies: bool = True
) -> None:
    """Make the rows, and the indexes after them.

    Args:
        has_copies: of events; else the videos alone, as if all had been copied.
    """
    statements = (VIDEOS, COPIES, EVENTS, COUNTS) if has_copies else (VIDEOS, COPIES)
    fill(session, "searched_events", statements, matches, events)


def fill(
    session: Session, table: str, statements: tuple[str, ...], matches: int, events: int
) -> None:
    """Write rows by statements that know `:first`, `:last` and `:events`.

    Args:
        table: the large one, whose indexes are made anew in the end.
        matches: how many there are to be, each of as many events.
    """
    started = time.monotonic()
    # Foreign keys are not looked up: the rows are made of each other.
    session.execute(text("set session_replication_role = replica"))
    with without_indexes(session, table):
        for first in range(1, matches + 1, AT_ONCE):
            last = min(first + AT_ONCE - 1, matches)
            numbers = {"first": first, "last": last, "events": events}
            for statement in statements:
                used = {key: n for key, n in numbers.items() if f":{key}" in statement}
                session.execute(text(statement), used)
            session.commit()
            print(
                f"{table}: {last:,} of {matches:,} matches, "
                f"{time.monotonic() - started:.0f} s",
                file=sys.stderr,
            )
    session.execute(text("set session_replication_role = origin"))
    session.execute(text("analyze"))
    session.commit()
    took_s = time.monotonic() - started
    words = f"{matches * events:,} events of {matches:,} matches"
    print(f"{words} in {table}: {took_s:.0f} s", flush=True)


@contextmanager
def without_indexes(session: Session, table: str) -> Iterator[None]:
    """Drop a table's indexes but the key, and make them again after the block."""
    indexes = session.execute(
        text(
            "select indexname, indexdef from pg_indexes "
            "where tablename = :table and indexname not like 'pk%'"
        ),
        {"table": table},
    ).all()
    for name, _ in indexes:
        session.execute(text(f"drop index {name}"))
    session.commit()
    yield
    for _, definition in indexes:
        # Of a partitioned table the definition speaks of itself alone.
        session.execute(text(definition.replace(" ON ONLY ", " ON ")))
        session.commit()

"""The service's statements on large tables, one by one, and what keeps tables in shape.

Each goes through the code that serves. Changes are committed: a match more is written
and deleted again, as an analysis and `DELETE /videos/{id}` do.
"""

import random
import time
from uuid import UUID

from sqlalchemy import Engine, delete, insert, select, text
from sqlalchemy.orm import Session

from app.annotations.queries import history_of, log_of
from app.core.db.base import utc_now
from app.jobs.tables import Job
from app.search.tables import SearchedEvent
from app.timelines.event_rows import copy_events
from app.timelines.queries import EventFilter, events_of
from app.timelines.tables import Analysis
from app.videos.tables import Video
from benchmarks.search import show
from benchmarks.search_rows import LENGTH_MS
from model.spotting.spots import Spot

ROUNDS = 200
WRITTEN = 30  # matches more
DELETED = 0.05  # of the matches, before the tables are vacuumed
VACUUMED = ("events", "searched_events", "annotations")


def measure_statements(
    engine: Engine, matches: int, events: int, *, is_read: bool
) -> None:
    """Print a line for each; if `is_read`, for those alone that change nothing."""
    chance = random.Random(0)
    with Session(engine) as session:
        videos = [_video(chance.randrange(1, matches + 1)) for _ in range(ROUNDS)]
        runs = [lambda one=one: _page(session, one) for one in videos]
        show("a page of events", session, *runs)
        runs = [lambda one=one: _page(session, one, "SHOT") for one in videos]
        show("a page of a type", session, *runs)
        runs = [lambda one=one: _all(session, one) for one in videos]
        show("all events of a match", session, *runs)
        runs = [lambda one=one: session.execute(log_of(one)).all() for one in videos]
        show("all history of a match", session, *runs)
        runs = [
            lambda one=one: session.execute(history_of(one, UUID(int=1))).all()
            for one in videos
        ]
        show("history of an event", session, *runs)
    if is_read:
        return
    more = [_video(matches + 1 + number) for number in range(WRITTEN)]
    with Session(engine) as session:
        runs = [lambda one=one: _write(session, one, events) for one in more]
        show("a match more is analysed", session, *runs)
        runs = [lambda one=one: _copy(session, one) for one in more]
        show("it is copied for the search", session, *runs)
        runs = [lambda one=one: _delete(session, one) for one in more]
        show("it is deleted", session, *runs)


def measure_vacuum(engine: Engine, matches: int) -> None:
    """Delete some matches and print how long it takes to vacuum the large tables."""
    gone = random.Random(1).sample(range(1, matches + 1), round(matches * DELETED))
    with Session(engine) as session:
        started = time.perf_counter()
        session.execute(delete(Video).where(Video.id.in_(map(_video, gone))))
        session.commit()
    print(f"{len(gone)} matches deleted at once: {time.perf_counter() - started:.1f} s")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in VACUUMED:
            started = time.perf_counter()
            connection.execute(text(f"vacuum {table}"))
            took_s = time.perf_counter() - started
            print(f"vacuum {table} after that: {took_s:.1f} s", flush=True)


def _video(number: int) -> UUID:
    return UUID(f"01980000-0000-7000-8000-{number:012x}")


def _page(session: Session, video: UUID, label: str | None = None) -> object:
    wanted = EventFilter(
        labels=[label] if label else (), from_ms=random.randrange(LENGTH_MS)
    )
    return session.execute(events_of(video, video, wanted, limit=101)).all()


def _all(session: Session, video: UUID) -> object:
    return session.execute(events_of(video, video, EventFilter())).all()


def _write(session: Session, video: UUID, events: int) -> None:
    now = utc_now()
    session.add(Video(id=video, created_at=now, current_analysis_id=video))
    session.add(Job(id=video, video_id=video, created_at=now))
    session.flush()
    session.add(
        Analysis(
            **{"id": video, "video_id": video, "job_id": video, "checkpoint": {}},
            **{"event_counts": {}, "warnings": {}},
            **{"requested_at": now, "created_at": now},
        )
    )
    session.flush()
    length_s = LENGTH_MS / 1000
    spots = [
        Spot("PASS", number * length_s / events, 0.5, number * 67, number * 67)
        for number in range(events)
    ]
    copy_events(session, video_id=video, analysis_id=video, spots=spots)
    session.commit()


def _copy(session: Session, video: UUID) -> None:
    project = session.scalar(select(Video.project_id).where(Video.id == video))
    rows = [
        {
            **{"video_id": video, "event_id": UUID(int=random.getrandbits(128))},
            **{"project_id": project, "label": row.label, "time_ms": row.time_ms},
            **{"frame": row.frame, "state": "suggested", "score": row.score},
            **{"team": None, "team_name": None, "player": None, "attributes": {}},
        }
        for row in session.execute(events_of(video, video, EventFilter()))
    ]
    session.execute(insert(SearchedEvent), rows)
    session.commit()


def _delete(session: Session, video: UUID) -> None:
    session.execute(delete(Video).where(Video.id == video))
    session.commit()

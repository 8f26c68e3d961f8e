"""What /metrics tells of the whole service, read from the database at each scrape.

So all API processes tell the same. A bounded number of statements, each by an index or
on a small table; together they may take a few seconds at most.
"""

from collections import Counter
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.core.resources import Resources
from app.core.settings import Settings
from app.core.workers import WORKERS
from app.health.checks import SILENT_BEATS
from app.health.presence import is_expected
from app.jobs.kinds import JobKind
from app.jobs.tables import JobStatus
from app.metrics import families, queries
from app.metrics.exposition import Sample

STATEMENT_LIMIT = "5s"  # Prometheus gives a scrape 10 s

log = structlog.get_logger(__name__)


def service_samples(resources: Resources) -> list[Sample]:
    """Read the state of the service; what cannot be read now is left out."""
    found = [Sample(families.INFO, 1, {"version": _version()})]
    found += _storage(resources)
    try:
        with resources.sessions() as session:
            limit = f"set local statement_timeout = '{STATEMENT_LIMIT}'"
            session.execute(text(limit))
            of_rows = [*_of_rows(session, resources.settings)]
    except SQLAlchemyError as exc:
        log.warning("metrics_without_database", error=str(exc))
        return [*found, Sample(families.DATABASE_UP, 0)]
    return [*found, Sample(families.DATABASE_UP, 1), *of_rows]


def _of_rows(session: Session, settings: Settings) -> Iterator[Sample]:
    lost: Counter[str] = Counter(dict.fromkeys(JobKind, 0))
    yield from _open_jobs(session, lost)
    yield from _ended_jobs(session, lost)
    for kind, count in lost.items():
        yield Sample(families.LEASES_LOST, count, {"kind": kind})
    yield from _stages(session)
    frames, took_s, spot_s = session.execute(queries.analysed_frames()).one()
    if frames and took_s:
        speed = float(frames) / float(took_s)
        yield Sample(families.FRAMES_PER_SECOND, speed)
    if frames and spot_s:
        speed = float(frames) / float(spot_s)
        yield Sample(families.SPOTTING_FRAMES_PER_SECOND, speed)
    yield from _webhooks(session)
    yield from _workers(session, settings)
    videos, stored = session.execute(queries.stored_videos()).one()
    yield Sample(families.VIDEOS, videos)
    yield Sample(families.STORED_BYTES, int(stored or 0))


def _open_jobs(session: Session, lost: Counter[str]) -> Iterator[Sample]:
    """Tell of open jobs, with a zero for kinds that have none: alerts need a value."""
    places = [(kind, status) for kind in JobKind for status in queries.OPEN]
    counts: dict[tuple[str, str], int] = dict.fromkeys(places, 0)
    ages: dict[tuple[str, str], float] = dict.fromkeys(places, 0.0)
    expired: Counter[str] = Counter(dict.fromkeys(JobKind, 0))
    for row in session.execute(queries.open_jobs()):
        kind, status, count, age_s, silent, interruptions = row
        counts[kind, status], ages[kind, status] = count, max(float(age_s), 0.0)
        expired[kind] += silent
        lost[kind] += int(interruptions)
    for (kind, status), count in counts.items():
        labels = {"kind": str(kind), "status": str(status)}
        yield Sample(families.JOBS, count, labels)
        yield Sample(families.JOB_OLDEST, ages[kind, status], labels)
    for kind, count in expired.items():
        yield Sample(families.LEASES_EXPIRED, count, {"kind": kind})


def _ended_jobs(session: Session, lost: Counter[str]) -> Iterator[Sample]:
    attempts: Counter[str] = Counter(dict.fromkeys(JobKind, 0))
    for row in session.execute(queries.ended_jobs()):
        kind, status, code, count, wait_s, run_s, tries, interruptions = row
        labels = {"kind": kind, "status": status, "error_code": code}
        yield Sample(families.JOBS_ENDED, count, labels)
        attempts[kind] += int(tries)
        lost[kind] += int(interruptions)
        if status == JobStatus.SUCCEEDED and run_s is not None:
            for stage, took_s in (("wait", wait_s), ("run", run_s)):
                labels = {"kind": kind, "stage": stage}
                yield Sample(families.JOB_SECONDS, float(took_s), labels)
    for kind, count in attempts.items():
        yield Sample(families.JOB_ATTEMPTS, count, {"kind": kind})


def _stages(session: Session) -> Iterator[Sample]:
    for kind, stage, seconds, jobs in session.execute(queries.stage_times()):
        labels = {"kind": kind, "stage": stage}
        yield Sample(families.STAGE_SECONDS, float(seconds), labels)
        yield Sample(families.STAGE_JOBS, jobs, labels)


def _webhooks(session: Session) -> Iterator[Sample]:
    pending, due, oldest_s = session.execute(queries.pending_messages()).one()
    for state, count in (("due", due), ("later", pending - due)):
        yield Sample(families.WEBHOOK_MESSAGES, count, {"state": state})
    yield Sample(families.WEBHOOK_DELAY, float(oldest_s or 0.0))
    total, disabled, failing = session.execute(queries.webhook_states()).one()
    states = {
        "ok": total - disabled - failing,
        "failing": failing,
        "disabled": disabled,
    }
    for state, count in states.items():
        yield Sample(families.WEBHOOKS, count, {"state": state})


def _workers(session: Session, settings: Settings) -> Iterator[Sample]:
    within = settings.heartbeat * SILENT_BEATS
    expected = [
        kind for kind, spec in WORKERS.items() if is_expected(spec, session, settings)
    ]
    found = dict.fromkeys(expected, (0, 0))
    for kind, count, troubled in session.execute(queries.workers(within)):
        found[kind] = (count, int(troubled))
    for kind, (count, troubled) in found.items():
        states = {"ready": count - troubled, "troubled": troubled}
        for state, number in states.items():
            yield Sample(families.WORKERS_ALIVE, number, {"kind": kind, "state": state})


def _storage(resources: Resources) -> list[Sample]:
    try:
        resources.storage.check()
        free = resources.storage.free_bytes()
    except OSError:
        return [Sample(families.STORAGE_UP, 0)]
    return [Sample(families.STORAGE_UP, 1), Sample(families.STORAGE_FREE, free)]


def _version() -> str:
    try:
        return version("touchline")
    except PackageNotFoundError:  # run from a folder of sources
        return "unknown"

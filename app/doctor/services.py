"""What runs beside this process: database, broker, workers."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, make_url, text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from app.core.broker.redis_ping import check_redis
from app.core.db.locate import FOLDER, running_url
from app.core.db.migrate import migration_config
from app.core.db.session import BoundedConnection, make_engine, make_sessions
from app.core.errors import StartFailed
from app.core.settings import Settings
from app.core.workers import WORKERS, WorkerSpec
from app.doctor.findings import Finding, ok, problem, warning
from app.doctor.machine import is_serving
from app.health.checks import OK, check_worker
from app.health.presence import is_expected

OLDEST_POSTGRES = 140_000
API_CONNECTIONS = 80  # of each API process at most
OTHER_CONNECTIONS = 20  # workers of each kind, and a person who looks
NOTABLE_S, BROKEN_S = 2.0, 60.0  # of difference between clocks


def check_database(settings: Settings) -> Iterator[Finding]:
    """Look at the database, and at the workers that it has heard of."""
    url = settings.database_url or running_url(settings.data_dir)
    if url is None:
        yield _no_database(settings)
        return
    engine = make_engine(url, pool_size=1)
    try:
        with engine.connect() as connection:
            yield from _check_server(connection, settings)
            migrated = _check_schema(connection, url)
            yield migrated
            yield _check_clock(connection)
        if not migrated.remedy:
            yield from _check_workers(engine, settings)
    except DBAPIError as exc:
        place = make_url(url).render_as_string(hide_password=True)
        said = " ".join(str(exc.orig or exc).split())
        yield problem(
            "database",
            f"{place} does not answer ({said})",
            "start it, or correct TOUCHLINE_DATABASE_URL",
        )
    finally:
        engine.dispose()


def check_broker(settings: Settings) -> Finding:
    """Ask Redis, or look at the folder that stands for it; sends nothing."""
    if settings.redis_url is not None:
        try:
            check_redis(settings)
        except StartFailed as exc:
            return problem(
                "broker", str(exc), "start Redis, or correct TOUCHLINE_REDIS_URL"
            )
        return ok("broker", "Redis answers")
    folder = settings.data_dir / "broker"
    if folder.exists() and not os.access(folder, os.W_OK | os.X_OK):
        return problem(
            "broker", f"{folder} cannot be written to", f"chown it to {os.geteuid()}"
        )
    return ok("broker", "files in the data directory")


def _no_database(settings: Settings) -> Finding:
    cluster: Path = settings.data_dir / FOLDER
    words = "no database runs in the data directory, and no other one is named"
    if is_serving(settings):
        return problem(
            "database",
            f"{words}, though the API answers",
            f"see {settings.data_dir / 'logs'}; touchline serve starts Postgres anew",
        )
    kept = "its files are kept there" if cluster.exists() else "none has been made yet"
    return warning("database", f"{words} ({kept})", "touchline serve starts one")


def _check_server(connection: Connection, settings: Settings) -> Iterator[Finding]:
    driver = connection.connection.driver_connection
    is_pooled = isinstance(driver, BoundedConnection) and driver.is_pooled
    number = int(connection.scalar(text("show server_version_num")) or 0)
    name = connection.scalar(text("show server_version"))
    way = "through a pooler" if is_pooled else "directly"
    words = f"PostgreSQL {name}, reached {way}"
    if number < OLDEST_POSTGRES:
        yield problem("database", words, "Touchline needs PostgreSQL 14 or newer")
        return
    yield ok("database", words)
    most = int(connection.scalar(text("show max_connections")) or 0)
    wanted = settings.api_processes * API_CONNECTIONS + OTHER_CONNECTIONS
    if most < wanted and not is_pooled:
        yield warning(
            "connections",
            f"the server takes {most}, the service may open {wanted}",
            f"set max_connections to {wanted} or more, or put a pooler in front",
        )


def _check_schema(connection: Connection, url: str) -> Finding:
    scripts = ScriptDirectory.from_config(migration_config(url))
    head = scripts.get_current_head()
    try:
        found = connection.scalar(text("select version_num from alembic_version"))
    except ProgrammingError:
        connection.rollback()
        found = None
    if found == head:
        return ok("schema", f"revision {found}, the newest")
    if found is None:
        return problem("schema", "the database has no tables of ours", _migrate())
    try:
        scripts.get_revision(found)
    except CommandError:
        return problem(
            "schema",
            f"revision {found} is of a newer release, this one knows {head}",
            "run that release, or restore the backup made before the upgrade",
        )
    return problem("schema", f"revision {found}, this release needs {head}", _migrate())


def _migrate() -> str:
    return "touchline migrate (touchline serve does so itself)"


def _check_clock(connection: Connection) -> Finding:
    before_s = time.time()
    theirs = connection.scalar(text("select extract(epoch from clock_timestamp())"))
    ours_s = (before_s + time.time()) / 2
    apart_s = abs(float(theirs or 0.0) - ours_s)
    words = f"{apart_s:.1f} s from the database's"
    remedy = "set both by NTP: receivers refuse webhooks whose time is wrong"
    if apart_s > BROKEN_S:
        return problem("clock", words, remedy)
    return (
        warning("clock", words, remedy) if apart_s > NOTABLE_S else ok("clock", words)
    )


def _unused(spec: WorkerSpec) -> Finding:
    """Tell of a worker that the service does without."""
    if spec.missing:
        words = f"none: {', '.join(spec.missing)} not installed, which is all right"
        return ok(spec.title, f"{words} where nothing is trained")
    return ok(spec.title, f"none runs; touchline worker {spec.kind} starts one")


def _check_workers(engine: Engine, settings: Settings) -> Iterator[Finding]:
    """Look for the heartbeats; where no API answers, workers may well be away."""
    sessions, is_up = make_sessions(engine), is_serving(settings)
    for spec in WORKERS.values():
        with sessions() as session:
            is_missed = is_expected(spec, session, settings)
        if not is_missed:
            yield _unused(spec)
            continue
        words = check_worker(spec, settings=settings, sessions=sessions)
        if words == OK:
            yield ok(spec.title, "it has been heard of lately")
            continue
        remedy = f"see its log; touchline worker {spec.kind} starts one"
        yield (problem if is_up else warning)(spec.title, words, remedy)

"""Whether each part that the service needs answers: a word for well, else a clause."""

import time
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from app.core.db.session import Sessions
from app.core.process_report import (
    POSTGRES,
    ReportedProcess,
    is_running,
    read_report,
)
from app.core.resources import Resources
from app.core.settings import Settings
from app.core.workers import WORKERS, WorkerSpec
from app.health.presence import is_expected
from app.health.queries import living_workers
from app.health.tables import WorkerHeartbeat

SILENT_BEATS = 3  # a worker that missed so many heartbeats is not there
MISSED_SWEEPS = 4  # so many rounds without success are trouble
SWEEP_TAKES = timedelta(seconds=60)  # a round may be long; clocks may differ
OK = "ok"


def _database(resources: Resources) -> str:
    try:
        with resources.sessions() as session:
            session.execute(living_workers("gpu", within=resources.settings.heartbeat))
    except SQLAlchemyError:
        words = "it does not answer, or was not migrated (touchline migrate)"
        return _with_trouble(words, _reported(resources.settings, POSTGRES))
    return OK


def _broker(resources: Resources) -> str:
    return resources.notifier.problem() or OK


def _storage(resources: Resources) -> str:
    try:
        resources.storage.check()
        free = resources.storage.free_bytes()
    except OSError as exc:
        return f"it cannot be written to ({exc.strerror})"
    if free < resources.settings.min_free_space:
        return f"only {free / 2**20:.0f} MiB are free"
    return OK


def _worker(spec: WorkerSpec, resources: Resources) -> str:
    return check_worker(spec, settings=resources.settings, sessions=resources.sessions)


def check_worker(spec: WorkerSpec, *, settings: Settings, sessions: Sessions) -> str:
    """Look for one worker of a kind that was heard of lately and has no problem."""
    reported = _reported(settings, spec.title)
    within = settings.heartbeat * SILENT_BEATS
    try:
        with sessions() as session:
            workers = session.scalars(
                living_workers(spec.kind, within=_since_start(reported, within))
            ).all()
            now = session.scalars(select(func.now())).one()
    except SQLAlchemyError:
        return _with_trouble("unknown without the database", reported)
    if not workers:
        return _with_trouble(_silence(reported, within), reported)
    problems = [
        _own_problem(worker) or _sweep_problem(worker, settings, now=now)
        for worker in workers
    ]
    return _with_trouble(problems[0], reported) if all(problems) else OK


def _silence(reported: ReportedProcess | None, within: timedelta) -> str:
    if reported is not None and reported.started_s is None:
        return "it is not running"
    if reported is not None and _since_start(reported, within) < within:
        return "it has not been heard of since it was started"
    return f"none has been heard of for {within.total_seconds():g} s"


def _own_problem(worker: WorkerHeartbeat) -> str:
    return str(worker.info.get("problem") or "")


def _sweep_problem(
    worker: WorkerHeartbeat, settings: Settings, *, now: datetime
) -> str:
    """Tell how long the sweep has not succeeded, if that is too long.

    Both times are by the database's clock: this machine's may be another one.
    """
    try:
        swept_at = datetime.fromisoformat(str(worker.info["swept_at"]))
        silent = now - swept_at
    except (KeyError, ValueError, TypeError):
        return ""  # It has not swept yet, or is not the one that sweeps.
    if silent <= settings.sweep_every * MISSED_SWEEPS + SWEEP_TAKES:
        return ""
    return f"the sweep has not succeeded for {silent.total_seconds():.0f} s"


def _reported(settings: Settings, name: str) -> ReportedProcess | None:
    """Find what `touchline serve` tells of a process; None where it does not run."""
    report = read_report(settings.data_dir)
    if report is None or not is_running(report.supervisor):
        return None
    return report.find(name)


def _since_start(reported: ReportedProcess | None, within: timedelta) -> timedelta:
    """Leave out the heartbeats of a worker that has died and was started again."""
    if reported is None:
        return within
    if reported.started_s is None:
        return timedelta(0)
    age_s = max(time.monotonic() - reported.started_s, 0.0)
    return min(within, timedelta(seconds=age_s))


def _with_trouble(words: str, reported: ReportedProcess | None) -> str:
    """Add how a process ended last, if it has not run steadily since."""
    if reported is None or reported.trouble is None:
        return words
    return f"{words} ({reported.trouble})"


CHECKS: Mapping[str, Callable[[Resources], str]] = {
    "database": _database,
    "broker": _broker,
    "storage": _storage,
    **{kind: partial(_worker, spec) for kind, spec in WORKERS.items()},
}


def checks_of(
    resources: Resources, *, exclude: Collection[str] = ()
) -> Mapping[str, Callable[[Resources], str]]:
    """Give the checks of what this service is meant to have, but for some."""
    asked = {name: one for name, one in CHECKS.items() if name not in exclude}
    optional = [kind for kind, spec in WORKERS.items() if spec.is_optional]
    if not asked.keys() & set(optional):
        return asked
    try:
        with resources.sessions() as session:
            absent = {
                kind
                for kind in optional
                if not is_expected(WORKERS[kind], session, resources.settings)
            }
    except SQLAlchemyError:  # Of which its own check tells.
        absent = set(optional)
    return {name: check for name, check in asked.items() if name not in absent}

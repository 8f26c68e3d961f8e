"""Whether the process lives, and whether every part it needs answers."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial

from fastapi import APIRouter
from sqlalchemy.exc import SQLAlchemyError

from app.core.errors import NotReady
from app.core.http.dependencies import AllProjectsResourcesDep
from app.core.http.problems import problem_responses
from app.core.http.routing import HeadRoute
from app.core.process_report import (
    POSTGRES,
    ReportedProcess,
    is_running,
    read_report,
)
from app.core.resources import Resources
from app.core.workers import WORKERS, WorkerSpec
from app.health.queries import living_workers
from app.health.schemas import Alive, Readiness
from app.health.tables import WorkerHeartbeat

router = APIRouter(tags=["health"], route_class=HeadRoute)

SILENT_BEATS = 3  # a worker that missed so many heartbeats is not there
MISSED_SWEEPS = 4  # so many rounds without success are trouble
SWEEP_TAKES = timedelta(seconds=60)  # a round may be long; clocks may differ
OK = "ok"


@router.get("/healthz", responses=problem_responses(everywhere=False))
async def is_alive() -> Alive:
    """Say that the process answers; asks nobody else."""
    return Alive()


@router.get("/readyz", responses=problem_responses(NotReady, everywhere=False))
def is_ready(resources: AllProjectsResourcesDep) -> Readiness:
    """Ask database, broker, storage and every worker; 503 says which is not ready."""
    checks = {name: check(resources) for name, check in CHECKS.items()}
    troubles = [f"{name}: {words}" for name, words in checks.items() if words != OK]
    if troubles:
        raise NotReady(f"Not ready: {'; '.join(troubles)}.", checks=checks)
    return Readiness(checks=checks)


def _database(resources: Resources) -> str:
    try:
        with resources.sessions() as session:
            session.execute(living_workers("gpu", within=resources.settings.heartbeat))
    except SQLAlchemyError:
        words = "it does not answer, or was not migrated (touchline migrate)"
        return _with_trouble(words, _reported(resources, POSTGRES))
    return OK


def _broker(resources: Resources) -> str:
    return resources.notifier.problem() or OK


def _storage(resources: Resources) -> str:
    try:
        free = resources.storage.free_bytes()
    except OSError as exc:
        return f"it cannot be written to ({exc.strerror})"
    if free < resources.settings.min_free_space:
        return f"only {free / 2**20:.0f} MiB are free"
    return OK


def _worker(spec: WorkerSpec, resources: Resources) -> str:
    """Look for one worker of a kind that was heard of lately and has no problem."""
    reported = _reported(resources, spec.title)
    within = resources.settings.heartbeat * SILENT_BEATS
    try:
        with resources.sessions() as session:
            workers = session.scalars(
                living_workers(spec.kind, within=_since_start(reported, within))
            ).all()
    except SQLAlchemyError:
        return _with_trouble("unknown without the database", reported)
    if not workers:
        return _with_trouble(_silence(reported, within), reported)
    problems = [
        _own_problem(worker) or _sweep_problem(worker, resources) for worker in workers
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


def _sweep_problem(worker: WorkerHeartbeat, resources: Resources) -> str:
    """Tell how long the sweep has not succeeded, if that is too long."""
    try:
        swept_at = datetime.fromisoformat(str(worker.info["swept_at"]))
        silent = datetime.now(UTC) - swept_at
    except (KeyError, ValueError, TypeError):
        return ""  # It has not swept yet, or is not the one that sweeps.
    if silent <= resources.settings.sweep_every * MISSED_SWEEPS + SWEEP_TAKES:
        return ""
    return f"the sweep has not succeeded for {silent.total_seconds():.0f} s"


def _reported(resources: Resources, name: str) -> ReportedProcess | None:
    """Find what `touchline serve` tells of a process; None where it does not run."""
    report = read_report(resources.settings.data_dir)
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

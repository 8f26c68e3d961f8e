"""Whether the process lives, and whether every part it needs answers."""

from collections.abc import Callable, Mapping

from fastapi import APIRouter
from sqlalchemy.exc import SQLAlchemyError

from app.api.deps import ServiceDep
from app.api.problems import lists_problems
from app.api.routing import HeadRoute
from app.api.schemas import Alive, Readiness
from app.core.db.queries import living_workers
from app.core.errors import NotReady
from app.core.service import Service

router = APIRouter(tags=["health"], route_class=HeadRoute)

SILENT_BEATS = 3  # a worker that missed so many heartbeats is not there
OK = "ok"


@router.get("/healthz", responses=lists_problems(everywhere=False))
async def is_alive() -> Alive:
    """Say that the process answers; asks nobody else."""
    return Alive()


@router.get("/readyz", responses=lists_problems(NotReady, everywhere=False))
def is_ready(service: ServiceDep) -> Readiness:
    """Ask database, broker, storage and GPU worker; 503 says which is not ready."""
    checks = {name: check(service) for name, check in CHECKS.items()}
    troubles = [f"{name}: {words}" for name, words in checks.items() if words != OK]
    if troubles:
        raise NotReady(f"Not ready: {'; '.join(troubles)}.", checks=checks)
    return Readiness(checks=checks)


def _database(service: Service) -> str:
    try:
        with service.sessions() as session:
            session.execute(living_workers("gpu", within=service.settings.heartbeat))
    except SQLAlchemyError:
        return "it does not answer, or was not migrated (touchline migrate)"
    return OK


def _broker(service: Service) -> str:
    return service.doorbell.problem() or OK


def _storage(service: Service) -> str:
    try:
        free = service.storage.free_bytes()
    except OSError as exc:
        return f"it cannot be written to ({exc.strerror})"
    if free < service.settings.min_free_space:
        return f"only {free / 2**20:.0f} MiB are free"
    return OK


def _gpu_worker(service: Service) -> str:
    within = service.settings.heartbeat * SILENT_BEATS
    try:
        with service.sessions() as session:
            workers = session.scalars(living_workers("gpu", within=within)).all()
    except SQLAlchemyError:
        return "unknown without the database"
    if not workers:
        return f"none has been heard of for {within.total_seconds():g} s"
    problems = [str(worker.info.get("problem", "")) for worker in workers]
    return problems[0] if all(problems) else OK


CHECKS: Mapping[str, Callable[[Service], str]] = {
    "database": _database,
    "broker": _broker,
    "storage": _storage,
    "gpu": _gpu_worker,
}

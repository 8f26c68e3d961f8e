"""Whether the process lives, and whether every part it needs answers."""

from fastapi import APIRouter

from app.core.errors import NotReady
from app.core.http.dependencies import AllProjectsResourcesDep
from app.core.http.problems import problem_responses
from app.core.http.routing import HeadRoute
from app.health.checks import OK, checks_of
from app.health.schemas import Alive, Readiness

router = APIRouter(tags=["health"], route_class=HeadRoute)


@router.get("/healthz", responses=problem_responses(everywhere=False))
async def is_alive() -> Alive:
    """Say that the process answers; asks nobody else."""
    return Alive()


@router.get("/readyz", responses=problem_responses(NotReady, everywhere=False))
def is_ready(resources: AllProjectsResourcesDep) -> Readiness:
    """Ask database, broker, storage and every worker; 503 says which is not ready."""
    checks = {name: check(resources) for name, check in checks_of(resources).items()}
    troubles = [f"{name}: {words}" for name, words in checks.items() if words != OK]
    if troubles:
        raise NotReady(f"Not ready: {'; '.join(troubles)}.", checks=checks)
    return Readiness(checks=checks)

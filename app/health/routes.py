"""Whether the process lives, and whether every part it needs answers."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.core.errors import InvalidRequest, NotReady
from app.core.http.dependencies import AllProjectsResourcesDep
from app.core.http.problems import problem_responses
from app.core.http.routing import HeadRoute
from app.health.checks import OK, checks_of
from app.health.schemas import Alive, CheckName, Readiness

router = APIRouter(tags=["health"], route_class=HeadRoute)


@router.get("/healthz", responses=problem_responses(everywhere=False))
async def is_alive() -> Alive:
    """Say that the process answers; asks nobody else."""
    return Alive()


@router.get(
    "/readyz", responses=problem_responses(NotReady, InvalidRequest, everywhere=False)
)
def is_ready(
    resources: AllProjectsResourcesDep,
    exclude: Annotated[
        list[CheckName],
        Query(
            description="A check to leave out; may be given several times. Whoever "
            "balances load asks for what this process needs itself: workers that are "
            "away keep no request from being answered.",
            examples=["gpu"],
        ),
    ] = [],  # noqa: B006  # FastAPI copies it
) -> Readiness:
    """Ask database, broker, storage and every worker; 503 says which is not ready."""
    asked = checks_of(resources, exclude=exclude)
    checks = {name: check(resources) for name, check in asked.items()}
    troubles = [f"{name}: {words}" for name, words in checks.items() if words != OK]
    if troubles:
        raise NotReady(f"Not ready: {'; '.join(troubles)}.", checks=checks)
    return Readiness(checks=checks)

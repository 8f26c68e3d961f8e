"""The project of whoever asks: its quotas, and what is used of them."""

from app.core.db.snapshot import snapshot
from app.core.http.dependencies import PrincipalDep, ResourcesDep
from app.core.http.problems import problem_responses
from app.core.http.routing import guarded_router
from app.projects.quotas import quotas_of, use_of
from app.projects.schemas import Project, QueueUse, StoredUse

router = guarded_router("projects")


@router.get("/project", responses=problem_responses())
def get_project(principal: PrincipalDep, resources: ResourcesDep) -> Project:
    """Tell what the project of your key may store and have waiting, and how much does.

    The operator sets quotas with `touchline projects limit`.
    """
    with snapshot(resources) as session:
        quotas = quotas_of(session, principal.project_id)
        use = use_of(session, principal.project_id)
    return Project(
        id=principal.project_id,
        name=quotas.project,
        stored=StoredUse(used_bytes=use.stored_bytes, limit_bytes=quotas.stored_bytes),
        queued=QueueUse(
            used_hours=round(use.queued_hours, 3), limit_hours=quotas.queued_hours
        ),
    )

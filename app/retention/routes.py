"""The rules by which a project's videos and files go."""

from app.core.db.project_sessions import project_of
from app.core.http.dependencies import PrincipalDep, ResourcesDep
from app.core.http.problems import WITH_JSON, problem_responses
from app.core.http.routing import AdminRoute, guarded_router
from app.retention.schemas import Retention
from app.retention.service import rules_of, set_rules

router = guarded_router("retention", AdminRoute)


@router.get("/retention", responses=problem_responses())
def get_retention(resources: ResourcesDep) -> Retention:
    """Read how long this project keeps videos and their files."""
    with resources.sessions() as session:
        return Retention.of(rules_of(session, project_of(session)))


@router.put("/retention", responses=problem_responses(*WITH_JSON))
def put_retention(
    wanted: Retention, resources: ResourcesDep, principal: PrincipalDep
) -> Retention:
    """Set how long this project keeps videos and their files; all of the rules.

    What is due goes within a minute or so, the oldest first, and cannot be had back.
    A video with a job under way waits for its end.
    """
    with resources.sessions.begin() as session:
        author = str(principal)
        set_rules(session, project_of(session), wanted.to_rules(), author=author)
    return wanted

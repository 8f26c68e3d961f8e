"""The models an upload may name."""

from app.checkpoints.catalogue import list_models as list_installed
from app.checkpoints.schemas import Model, ModelPage
from app.core.http.dependencies import ResourcesDep
from app.core.http.problems import problem_responses
from app.core.http.routing import guarded_router

router = guarded_router("models")


@router.get("/models", responses=problem_responses())
def list_models(resources: ResourcesDep) -> ModelPage:
    """List the installed models by name; one of them is the default."""
    entries = list_installed(resources.settings)
    return ModelPage(items=[Model.of(entry) for entry in entries], next_cursor=None)

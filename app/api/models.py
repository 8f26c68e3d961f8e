"""The models an upload may name."""

from app.api.deps import ServiceDep
from app.api.problems import lists_problems
from app.api.routing import guarded_router
from app.api.schemas import Model, ModelPage

router = guarded_router("models")


@router.get("/models", responses=lists_problems())
def list_models(service: ServiceDep) -> ModelPage:
    """List the installed models by name; one of them is the default."""
    entries = service.catalogue.entries()
    return ModelPage(items=[Model.of(entry) for entry in entries], next_cursor=None)

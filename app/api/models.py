"""The models an upload may name."""

from fastapi import APIRouter, Depends

from app.api.deps import ServiceDep, require_key
from app.api.problems import lists_problems
from app.api.schemas import Model, ModelPage

router = APIRouter(tags=["models"], dependencies=[Depends(require_key)])


@router.get("/models", responses=lists_problems())
def list_models(service: ServiceDep) -> ModelPage:
    """List the installed models by name; one of them is the default."""
    entries = service.catalogue.entries()
    return ModelPage(items=[Model.of(entry) for entry in entries], next_cursor=None)

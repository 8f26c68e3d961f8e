"""The models an upload may name, and their files."""

from typing import Annotated

from fastapi import Path
from starlette.responses import FileResponse

from app.checkpoints.catalogue import file_name
from app.checkpoints.catalogue import list_models as list_installed
from app.checkpoints.lineage import ancestors
from app.checkpoints.schemas import Model, ModelDetails, ModelPage, details_of
from app.checkpoints.service import history
from app.core.db.project_sessions import project_of
from app.core.errors import ModelNotFound
from app.core.http.dependencies import ResourcesDep
from app.core.http.problems import problem_responses
from app.core.http.routing import MediaRoute, guarded_router
from app.core.resources import Resources
from model.checkpoint.archive import SUFFIX
from model.checkpoint.library import Entry

ModelName = Annotated[str, Path(max_length=200, examples=["hall@2"])]
BINARY = {"type": "string", "format": "binary"}

router = guarded_router("models")
file_router = guarded_router("models", MediaRoute)


@router.get("/models", responses=problem_responses())
def list_models(resources: ResourcesDep) -> ModelPage:
    """List the installed models by name; one of them is the default."""
    entries = list_installed(resources.settings)
    return ModelPage(items=[Model.of(entry) for entry in entries], next_cursor=None)


@router.get("/models/{model}", responses=problem_responses(ModelNotFound))
def get_model(model: ModelName, resources: ResourcesDep) -> ModelDetails:
    """Look at a model: what it is, what it was made from, when it was the default."""
    entry = find_entry(model, resources)
    bases = [name for name, _ in ancestors(entry.name, resources.settings)][1:]
    with resources.sessions() as session:
        return details_of(
            entry, bases, history(session), project_id=project_of(session)
        )


@file_router.get(
    "/models/{model}/file",
    response_class=FileResponse,
    responses={
        200: {"content": {"application/octet-stream": {"schema": BINARY}}},
        **problem_responses(ModelNotFound),
    },
)
def load_model_file(model: ModelName, resources: ResourcesDep) -> FileResponse:
    """Load a model's file; `POST /models` takes it in elsewhere."""
    entry = find_entry(model, resources)
    if not entry.path.is_file():
        raise ModelNotFound(f"The model {model!r} cannot be read: {entry.problem}.")
    return FileResponse(
        entry.path,
        media_type="application/octet-stream",
        filename=f"{entry.name}{SUFFIX}",
    )


def find_entry(name: str, resources: Resources) -> Entry:
    """Find a model, be it damaged; of `hall` the newest version.

    Raises:
        ModelNotFound: there is none.
    """
    entries = list_installed(resources.settings)
    wanted = file_name(name, resources.settings)
    for entry in entries:
        if entry.name == wanted:
            return entry
    known = ", ".join(entry.name for entry in entries) or "none"
    raise ModelNotFound(f"No model is called {name!r:.100}; installed are: {known}.")

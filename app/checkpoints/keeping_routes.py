"""Models are taken in, archived and restored; by administrators, for all projects."""

from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import Query, Request, Response

from app.checkpoints.problems import (
    InvalidModel,
    ModelExists,
    ModelInUse,
    ModelTooLarge,
)
from app.checkpoints.receiving import receive_model
from app.checkpoints.routes import BINARY, ModelName, find_entry
from app.checkpoints.schemas import Model
from app.checkpoints.service import archive_model, restore_model
from app.core.errors import InvalidRequest, ModelNotFound, StorageFull, UploadBroken
from app.core.http.dependencies import ResourcesDep
from app.core.http.openapi import WITH_LOCATION
from app.core.http.problems import problem_responses
from app.core.http.routing import AdminRoute, guarded_router

router = guarded_router("models", AdminRoute)


@router.post(
    "/models",
    status_code=201,
    responses={
        201: WITH_LOCATION,
        **problem_responses(
            *(InvalidModel, ModelExists, ModelTooLarge, UploadBroken, StorageFull),
            InvalidRequest,
        ),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/octet-stream": {
                    "schema": {
                        **BINARY,
                        "contentMediaType": "application/octet-stream",
                    }
                }
            },
        }
    },
)
async def import_model(
    request: Request,
    response: Response,
    resources: ResourcesDep,
    name: Annotated[
        str,
        Query(
            min_length=1,
            max_length=200,
            description="What it is to be called, `guest` or `hall@7`.",
        ),
    ],
) -> Model:
    """Take in a `.touchline` file: the body is the file.

    It is checked here; whether its weights fit its network is found when it is used. A
    name that exists is refused, so the request may be sent again.
    """
    length = request.headers.get("content-length", "")
    await receive_model(
        name,
        request.stream(),
        content_length=int(length) if length.isdecimal() else None,
        resources=resources,
    )
    entry = await run_sync(find_entry, name, resources)
    response.headers["location"] = f"/models/{name}"
    return Model.of(entry)


@router.post(
    "/models/{model}/archive", responses=problem_responses(ModelNotFound, ModelInUse)
)
def archive_model_version(model: ModelName, resources: ResourcesDep) -> Model:
    """Archive a model: it is no longer taken where its name without version is asked.

    Its file stays. Jobs that name it, those that wait too, are run with it.
    """
    with resources.sessions.begin() as session:
        archive_model(session, model, resources.settings)
    return Model.of(find_entry(model, resources))


@router.post("/models/{model}/restore", responses=problem_responses(ModelNotFound))
def restore_model_version(model: ModelName, resources: ResourcesDep) -> Model:
    """Take a model back from the archive."""
    restore_model(model, resources.settings)
    return Model.of(find_entry(model, resources))

"""`/api/v1`: remote inference, as OpenSportsLab's annotation tool asks for it.

Source: docs/inference.md and annotation_tool/inference_providers.py of
github.com/OpenSportsLab/VideoAnnotationTool, the remote API v1.
"""

from typing import Annotated
from uuid import UUID

from anyio.to_thread import run_sync
from fastapi import Depends, Header, Path, Query, Request, Response

from app.checkpoints.catalogue import list_models
from app.core.db.base import utc_now
from app.core.db.snapshot import snapshot
from app.core.errors import (
    EmptyUpload,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    StorageFull,
    UnknownModel,
    VideoNotStored,
    VideoTooLarge,
)
from app.core.http.dependencies import IdempotencyKey, ResourcesDep
from app.core.http.problems import WITH_JSON, problem_responses
from app.core.http.routing import guarded_router
from app.osl import inference, parts
from app.osl.problems import (
    AssetNotFound,
    InferenceJobNotFound,
    PartsMissing,
    ResultNotReady,
    UnsupportedTask,
)
from app.osl.results import dataset_of, inference_of
from app.osl.routing import OslRoute
from app.osl.schemas import (
    SHARED_ROOT,
    TASK,
    Capabilities,
    CompletedUpload,
    Inference,
    ModelDescriptor,
    ModelDescriptors,
    NewInference,
    NewUpload,
    Parts,
    ResultDataset,
    SharedRoot,
    UploadState,
)
from app.projects.problems import QUOTA_PROBLEMS, QueueQuotaReached
from app.sources.problems import ImportNotFound, SourceRefused
from app.uploads.parameters import UploadId
from app.uploads.problems import (
    ChecksumMismatch,
    OffsetMismatch,
    UploadInterrupted,
    UploadLocked,
    UploadNotFound,
    UploadTooLong,
)
from app.uploads.service import end_upload

router = guarded_router("osl", OslRoute)

PREFIX = "/api/v1"
POLL_S = 2


async def read_inference_id(
    inference_id: Annotated[str, Path(json_schema_extra={"format": "uuid"})],
) -> UUID:
    """Read the id in the path; what is no id names no inference."""
    try:
        return UUID(inference_id)
    except ValueError as exc:
        raise InferenceJobNotFound(
            f"No inference job has the id {inference_id[:64]!r}."
        ) from exc


InferenceId = Annotated[UUID, Depends(read_inference_id)]


@router.get(f"{PREFIX}/capabilities", responses=problem_responses())
def get_osl_capabilities(resources: ResourcesDep) -> Capabilities:
    """Tell what this service can do; the tool's Test Connection asks this."""
    settings = resources.settings
    has_imports = settings.import_dir is not None
    return Capabilities(
        poll_interval_seconds=POLL_S,
        multipart_part_size=parts.PART_BYTES,
        max_parallel_parts=1,
        max_upload_size=settings.max_upload_size,
        shared_roots=[SharedRoot(id=SHARED_ROOT)] if has_imports else [],
    )


@router.get(f"{PREFIX}/models", responses=problem_responses())
def list_osl_models(
    resources: ResourcesDep,
    task: Annotated[
        str | None, Query(max_length=100, description="Only models for this task.")
    ] = None,
) -> ModelDescriptors:
    """List the models for a task; this service knows `localization` alone."""
    if task not in (None, TASK):
        return ModelDescriptors(models=[])
    return ModelDescriptors(
        models=[
            ModelDescriptor(
                id=entry.name,
                display_name=entry.name,
                version=(entry.manifest.provenance.version if entry.manifest else None)
                or "",
                available=not entry.problem,
                unavailable_reason=entry.problem or "",
                labels=list(entry.manifest.labels) if entry.manifest else [],
            )
            for entry in list_models(resources.settings)
        ]
    )


@router.post(
    f"{PREFIX}/uploads",
    status_code=201,
    responses=problem_responses(
        *(EmptyUpload, VideoTooLarge, StorageFull, *QUOTA_PROBLEMS, *WITH_JSON)
    ),
)
async def begin_osl_upload(wanted: NewUpload, resources: ResourcesDep) -> UploadState:
    """Announce a file that comes in parts, the first one first."""
    return await parts.begin(
        wanted.filename, wanted.size, resources=resources, now=utc_now()
    )


@router.get(
    f"{PREFIX}/uploads/{{upload_id}}",
    responses=problem_responses(UploadNotFound, UploadLocked, QueueQuotaReached),
)
async def get_osl_upload(upload_id: UploadId, resources: ResourcesDep) -> UploadState:
    """Tell which parts are here; go on with the others."""
    return await parts.look(upload_id, resources=resources, now=utc_now())


@router.put(
    f"{PREFIX}/uploads/{{upload_id}}/parts/{{number}}",
    response_class=Response,
    responses={
        200: {"description": "Kept; with the last part the video is made."},
        **problem_responses(
            *(UploadNotFound, UploadLocked, OffsetMismatch, ChecksumMismatch),
            *(UploadInterrupted, UploadTooLong, StorageFull, QueueQuotaReached),
        ),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/octet-stream": {
                    "schema": {
                        "type": "string",
                        "format": "binary",
                        "contentMediaType": "application/octet-stream",
                    }
                }
            },
        }
    },
)
async def put_osl_part(
    request: Request,
    upload_id: UploadId,
    number: Annotated[int, Path(ge=1, le=1_000_000)],
    resources: ResourcesDep,
    x_content_sha256: Annotated[
        str | None, Header(description="Of the part, in hexadecimal.")
    ] = None,
) -> Response:
    """Send a part; whole, or nothing of it is kept."""
    length = request.headers.get("content-length", "")
    await parts.take(
        upload_id,
        number,
        request.receive,
        sha256=x_content_sha256,
        content_length=int(length) if length.isdecimal() else None,
        resources=resources,
        now=utc_now(),
    )
    headers = {"etag": f'"{parts.etag_of(upload_id, number)}"'}
    if x_content_sha256 is not None:
        headers["x-content-sha256"] = x_content_sha256
    return Response(headers=headers)


@router.post(
    f"{PREFIX}/uploads/{{upload_id}}/complete",
    responses=problem_responses(
        UploadNotFound, UploadLocked, PartsMissing, QueueQuotaReached, *WITH_JSON
    ),
)
async def complete_osl_upload(
    upload_id: UploadId,
    wanted: Parts,  # noqa: ARG001  # what is here counts, not what the client believes
    resources: ResourcesDep,
) -> CompletedUpload:
    """Name the asset that an upload became: a video."""
    found = await parts.complete(upload_id, resources=resources, now=utc_now())
    return CompletedUpload(asset_id=found)


@router.delete(
    f"{PREFIX}/uploads/{{upload_id}}",
    status_code=204,
    responses=problem_responses(UploadNotFound),
)
async def delete_osl_upload(upload_id: UploadId, resources: ResourcesDep) -> Response:
    """Forget an upload; the video that it became stays."""
    await run_sync(end_upload, upload_id, resources, limiter=resources.upload_threads)
    return Response(status_code=204)


@router.post(
    f"{PREFIX}/jobs",
    status_code=202,
    response_model_exclude_unset=True,
    responses=problem_responses(
        *(UnsupportedTask, UnknownModel, AssetNotFound, ImportNotFound, SourceRefused),
        *(StorageFull, VideoNotStored, *QUOTA_PROBLEMS),
        *(IdempotencyKeyInUse, IdempotencyKeyReused, *WITH_JSON),
    ),
)
async def create_osl_job(
    response: Response,
    wanted: NewInference,
    resources: ResourcesDep,
    idempotency_key: IdempotencyKey = None,
) -> Inference:
    """Have a model analyse videos; the answer names the job to ask about."""
    job = await inference.ask(
        wanted, idempotency_key, resources=resources, now=utc_now()
    )
    response.headers["location"] = f"{PREFIX}/jobs/{job.id}"
    with snapshot(resources) as session:
        return inference_of(session, job)


@router.get(
    f"{PREFIX}/jobs/{{inference_id}}",
    response_model_exclude_unset=True,
    responses=problem_responses(InferenceJobNotFound),
)
def get_osl_job(
    response: Response, inference_id: InferenceId, resources: ResourcesDep
) -> Inference:
    """Tell how an inference goes; with its result, once it has succeeded."""
    with snapshot(resources) as session:
        found = inference_of(session, inference.find(session, inference_id))
    if found.status in ("queued", "running"):
        response.headers["retry-after"] = str(POLL_S)
    return found


@router.get(
    f"{PREFIX}/jobs/{{inference_id}}/result",
    response_model_exclude_unset=True,
    responses=problem_responses(InferenceJobNotFound, ResultNotReady),
)
def get_osl_result(inference_id: InferenceId, resources: ResourcesDep) -> ResultDataset:
    """Give what an inference found, as OSL JSON v2: the model's events, uncorrected."""
    with snapshot(resources) as session:
        return dataset_of(session, inference.find(session, inference_id))


@router.delete(
    f"{PREFIX}/jobs/{{inference_id}}",
    status_code=204,
    responses=problem_responses(InferenceJobNotFound),
)
def cancel_osl_job(inference_id: InferenceId, resources: ResourcesDep) -> Response:
    """Cancel an inference; what has ended stays."""
    inference.cancel(inference_id, resources=resources, now=utc_now())
    return Response(status_code=204)

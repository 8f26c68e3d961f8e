"""Events of all videos of a batch as one table, sent while it is read."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from app.batches.event_rows import BatchEvents
from app.batches.parquet import ensure_parquet, write_parquet
from app.batches.path_ids import BatchId
from app.batches.problems import BatchNotFound, ParquetNotInstalled
from app.batches.service import find_batch
from app.batches.text_tables import write_csv, write_jsonl
from app.core.http.dependencies import ResourcesDep
from app.core.http.problems import problem_responses
from app.core.http.routing import IS_HEAD, guarded_router
from app.core.resources import Resources

router = guarded_router("batches")

PARQUET = "application/vnd.apache.parquet"
CSV = "text/csv"
JSONL = "application/jsonl"
BINARY: dict[str, Any] = {"type": "string", "format": "binary"}
LINES: dict[str, Any] = {"type": "string"}

Write = Callable[[BatchEvents], Iterator[bytes]]


def _file_of(media_type: str, schema: dict[str, Any]) -> dict[int | str, Any]:
    content = {media_type: {"schema": schema}}
    return {200: {"description": "The file.", "content": content}}


@router.get(
    "/batches/{batch_id}/events.parquet",
    response_class=Response,
    responses={
        **_file_of(PARQUET, BINARY),
        **problem_responses(BatchNotFound, ParquetNotInstalled),
    },
)
def load_batch_parquet(
    request: Request, batch_id: BatchId, resources: ResourcesDep
) -> Response:
    """Load the events of all videos of the batch that are analysed, as Parquet.

    A row is an event as /videos/{video_id}/events shows it. The columns, and the
    version of the table, which the file's metadata holds, are in docs/batches.md.
    """
    ensure_parquet()
    with resources.sessions() as session:
        batch = find_batch(session, batch_id)
        facts = {"batch_id": str(batch.id), "model": batch.model}
    facts |= {"batch_name": batch.name} if batch.name else {}
    return _answer(
        *(request, batch_id, resources, PARQUET, "parquet"),
        lambda events: write_parquet(events, facts=facts),
    )


@router.get(
    "/batches/{batch_id}/events.csv",
    response_class=Response,
    responses={**_file_of(CSV, LINES), **problem_responses(BatchNotFound)},
)
def load_batch_csv(
    request: Request, batch_id: BatchId, resources: ResourcesDep
) -> Response:
    """Load the same table as CSV."""
    with resources.sessions() as session:
        find_batch(session, batch_id)
    return _answer(request, batch_id, resources, CSV, "csv", write_csv)


@router.get(
    "/batches/{batch_id}/events.jsonl",
    response_class=Response,
    responses={**_file_of(JSONL, LINES), **problem_responses(BatchNotFound)},
)
def load_batch_jsonl(
    request: Request, batch_id: BatchId, resources: ResourcesDep
) -> Response:
    """Load the same table as JSON, an object a line."""
    with resources.sessions() as session:
        find_batch(session, batch_id)
    return _answer(request, batch_id, resources, JSONL, "jsonl", write_jsonl)


def _answer(
    request: Request,
    batch_id: UUID,
    resources: Resources,
    media_type: str,
    suffix: str,
    write: Write,
) -> Response:
    name = f"batch-{batch_id}.{suffix}"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    if request.scope.get(IS_HEAD):
        return Response(media_type=media_type, headers=headers)
    pieces = write(BatchEvents(batch_id, resources))
    return StreamingResponse(pieces, media_type=media_type, headers=headers)

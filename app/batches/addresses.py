"""The id of a batch in the path of an address."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path

from app.batches.problems import BatchNotFound
from app.core.http.dependencies import read_id


async def read_batch_id(
    batch_id: Annotated[str, Path(json_schema_extra={"format": "uuid"})],
) -> UUID:
    """Read the id in the path; what is no id names no batch."""
    return read_id(batch_id, BatchNotFound, "batch")


BatchId = Annotated[UUID, Depends(read_batch_id)]

"""The ids in paths of batches."""

from typing import Annotated
from uuid import UUID

from app.batches.problems import BatchNotFound
from app.core.http.dependencies import id_in_path

BatchId = Annotated[UUID, id_in_path(BatchNotFound, "batch")]

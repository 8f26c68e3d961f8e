"""The ids in paths of clips."""

from typing import Annotated
from uuid import UUID

from app.clips.problems import ClipNotFound
from app.core.http.dependencies import id_in_path

ClipId = Annotated[UUID, id_in_path(ClipNotFound, "clip")]

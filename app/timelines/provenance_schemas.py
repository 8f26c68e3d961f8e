"""What a file may tell of where its events come from, with `provenance=true`.

See `model.data.formats.provenance`, which writes it.
"""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field


class ProvenanceVideo(BaseModel):
    """The video that the events are of."""

    id: UUID
    name: str
    sha256: str | None


class ProvenanceModel(BaseModel):
    """A model that suggested events."""

    name: str
    version: str | None
    sha256: str | None = Field(description="Of its weights.")
    thresholds: dict[str, float] = Field(
        description="The lowest score of an event, by type."
    )


class ProvenanceStretch(BaseModel):
    """A stretch in which somebody has looked at every event."""

    from_s: float
    to_s: float = Field(description="Not included.")
    author: str | None = None
    reviewed_at: datetime | None = None


class ProvenanceContent(BaseModel):
    """An event as it was decided."""

    state: str
    type: str
    time_s: float
    frame: int
    attributes: dict[str, str | float | bool]
    decided_by: str | None
    decided_at: datetime | None


class ProvenanceEdit(BaseModel):
    """What one step did to one event."""

    event_id: UUID
    revision: int
    step: UUID
    action: str
    author: str
    before: ProvenanceContent | None
    after: ProvenanceContent | None
    reverts: UUID | None
    created_at: datetime


class ProvenanceFilter(BaseModel):
    """By what events were left out; then the file is no complete truth."""

    team: list[str] | None = None
    min_score: float | None = None
    state: list[str] | None = None
    limit: int | None = None


class ProvenanceObject(BaseModel):
    """Where events come from."""

    format: Literal["touchline-provenance"]
    version: Literal[1]
    video: ProvenanceVideo | None = None
    models: list[ProvenanceModel]
    reviewers: list[str] = Field(description="Who decided or reviewed anything.")
    reviewed: list[ProvenanceStretch] = Field(
        description="Outside of these nothing is known to be true."
    )
    filter: ProvenanceFilter | None = None
    half_starts_s: list[float] | None = Field(
        default=None, description="From where the file counts, in the video."
    )
    history: list[ProvenanceEdit] | None = Field(
        default=None, description="Every edit, the oldest first."
    )
    history_count: int

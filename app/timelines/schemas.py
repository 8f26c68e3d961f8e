"""What is sent of a timeline: events and score curves."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.core.http.schemas import Page
from app.core.http.texts import storable_text
from app.timelines.provenance_schemas import ProvenanceObject
from app.timelines.scores import ScoreCurves

EVENT_ID = "6b0c8a8e-2c5f-5d0b-9f0e-4f6a0f0f6d11"
MAX_NUMBER = 2**53  # JSON's numbers are exact up to there

AttributeName = Annotated[
    str, Field(min_length=1, max_length=64), AfterValidator(storable_text)
]
AttributeValue = (
    Annotated[str, Field(max_length=2000), AfterValidator(storable_text)]
    | bool
    | Annotated[int, Field(ge=-MAX_NUMBER, le=MAX_NUMBER)]
    | Annotated[float, Field(ge=-MAX_NUMBER, le=MAX_NUMBER, allow_inf_nan=False)]
)
Attributes = dict[AttributeName, AttributeValue]
EventStateName = Literal["suggested", "accepted", "rejected", "edited", "added"]


class Event(BaseModel):
    """Something that happened: one point in time, and what a person said of it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": EVENT_ID,
                    "type": "DRIVE",
                    "time_s": 83.467,
                    "frame": 2504,
                    "score": 0.91,
                    "team": "left",
                    "state": "edited",
                    "source": "model",
                    "attributes": {"team": "left", "player": "7"},
                    "is_ghost": False,
                    "is_provisional": False,
                    "version": 12,
                    "decided_by": "key:default/Ana",
                    "decided_at": "2026-01-02T03:04:05Z",
                }
            ]
        }
    )

    id: UUID = Field(
        description="Stable: the same in every analysis of the video, and through "
        "every correction."
    )
    type: str
    time_s: float = Field(description="From the start, as a player shows it.")
    frame: int = Field(description="Index in the source, from 0.")
    score: float | None = Field(
        ge=0, le=1, description="The model's; null: a person added the event."
    )
    team: str | None = Field(
        description="The side that did it, as in `attributes`; null: not known."
    )
    state: EventStateName = Field(
        description="suggested by the model; or what a person made of it."
    )
    source: Literal["model", "human"] = Field(description="Who saw it first.")
    attributes: Attributes = Field(description="`team`, `player`, `note`, free keys.")
    is_ghost: bool = Field(description="Suggested below the threshold of its type.")
    is_provisional: bool = Field(
        default=False,
        description="Suggested of a live stream, and not for good yet: a better one "
        "may take its place.",
    )
    version: int = Field(
        ge=0, description="Goes up with each decision; 0: nobody decided. See If-Match."
    )
    decided_by: str | None = Field(
        description="`local` or `key:NAME`, then / and the name of `Touchline-Author`."
    )
    decided_at: datetime | None


class EventPage(Page[Event]):
    """Events by time."""

    provenance: ProvenanceObject | None = Field(
        default=None,
        description="Where the events come from, with `provenance=true`.",
    )


class SoccerNetPrediction(BaseModel):
    """An event as SoccerNet writes it: all values are text."""

    game_time: str = Field(alias="gameTime", examples=["1 - 01:23"])
    label: str = Field(examples=["DRIVE"])
    position: str = Field(description="Milliseconds from the start.")
    half: Literal["1"]
    confidence: str = Field(examples=["0.910000"])
    team: str | None = Field(
        None,
        examples=["left"],
        description="Left out where the model does not tell sides apart.",
    )


class SoccerNetPredictions(BaseModel):
    """Events by time as SoccerNet's `results_spotting.json` (format=soccernet)."""

    url_local: str = Field(alias="UrlLocal", description="The name of the match.")
    provenance: ProvenanceObject | None = None
    predictions: list[SoccerNetPrediction]


class Timeline(BaseModel):
    """Score curves, one a label, over the same times."""

    video_id: UUID
    job_id: UUID
    labels: list[str] = Field(examples=[["PASS", "DRIVE"]])
    steps: int = Field(description="Steps in this stretch before it was thinned.")
    time_s: list[float]
    frame: list[int]
    scores: dict[str, list[float]] = Field(
        examples=[{"PASS": [0.02, 0.91], "DRIVE": [0.01, 0.03]}]
    )

    @classmethod
    def of(
        cls, video_id: UUID, job_id: UUID, curves: ScoreCurves, *, steps: int
    ) -> "Timeline":
        """Write curves as lists; scores to four places."""
        columns = curves.scores.astype(float).round(4).T.tolist()
        return cls(
            video_id=video_id,
            job_id=job_id,
            labels=list(curves.labels),
            steps=steps,
            time_s=curves.time_s.round(3).tolist(),
            frame=curves.frame.tolist(),
            scores=dict(zip(curves.labels, columns, strict=True)),
        )

"""What is sent of a timeline: events and score curves."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.http.schemas import Page
from app.jobs.schemas import JOB_ID
from app.timelines.scores import ScoreCurves


class Event(BaseModel):
    """Something that happened: one point in time."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": f"{JOB_ID}.41",
                    "type": "DRIVE",
                    "time_s": 83.467,
                    "frame": 2504,
                    "score": 0.91,
                    "team": "left",
                }
            ]
        }
    )

    id: str
    type: str
    time_s: float = Field(description="From the start, as a player shows it.")
    frame: int = Field(description="Index in the source, from 0.")
    score: float = Field(ge=0, le=1)
    team: str | None = Field(
        description="The side that did it; null: the model does not tell sides apart."
    )


class EventPage(Page[Event]):
    """Events by time."""


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

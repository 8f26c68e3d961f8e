"""What the JSON files of events hold, by the name of their format."""

from typing import Literal

from pydantic import BaseModel, Field, RootModel

from app.timelines.provenance_schemas import ProvenanceObject
from app.timelines.schemas import SoccerNetPredictions


class SoccerNetAnnotation(BaseModel):
    """An event as SoccerNet labels it: all values are text."""

    game_time: str = Field(alias="gameTime", examples=["1 - 01:23"])
    label: str = Field(examples=["DRIVE"])
    position: str = Field(description="Milliseconds from the start.")
    team: str = Field(examples=["left", "not applicable"])
    visibility: str = Field(examples=["visible"])


class SoccerNetLabels(BaseModel):
    """Events by time as SoccerNet's `Labels-ball.json` (format=soccernet-labels)."""

    url_local: str = Field(alias="UrlLocal", description="The name of the match.")
    provenance: ProvenanceObject | None = None
    annotations: list[SoccerNetAnnotation]


class E2ESpotEvent(BaseModel):
    """An event as E2E-Spot writes it."""

    frame: int
    label: str
    comment: str
    team: str | None = None
    score: float | None = None


class E2ESpotVideo(BaseModel):
    """A video of E2E-Spot's list."""

    video: str
    num_frames: int
    num_events: int
    fps: float
    events: list[E2ESpotEvent]
    provenance: ProvenanceObject | None = None


class E2ESpotVideos(RootModel[list[E2ESpotVideo]]):
    """Events by time as E2E-Spot's list of one video (format=e2espot)."""


class OslEvent(BaseModel):
    """An event as OpenSportsLab writes it; what else is known are further members."""

    head: Literal["ball_action"]
    label: str
    position_ms: int
    team: str | None = None
    confidence_score: float | None = None


class OslInput(BaseModel):
    """The file of a video."""

    type: Literal["video"]
    path: str
    fps: float | None = None


class OslHead(BaseModel):
    """A list of labels."""

    type: Literal["single_label"]
    labels: list[str]


class OslMetadata(BaseModel):
    """What is known of a video besides, with `provenance=true`."""

    provenance: ProvenanceObject


class OslItem(BaseModel):
    """A video of OpenSportsLab's data set."""

    id: str
    inputs: list[OslInput]
    events: list[OslEvent]
    metadata: OslMetadata | None = None


class OslDataset(BaseModel):
    """Events by time as OpenSportsLab's JSON, version 2 (format=osl)."""

    version: Literal["2.0"]
    date: str
    dataset_name: str
    modalities: list[str]
    metadata: dict[str, str]
    labels: dict[str, OslHead]
    data: list[OslItem]


class OtioStack(BaseModel):
    """OpenTimelineIO's stack of tracks."""

    schema_name: str = Field(alias="OTIO_SCHEMA", examples=["Stack.1"])
    name: str


class OtioTold(BaseModel):
    """What Touchline tells of a timeline."""

    provenance: str = Field(description="`ProvenanceObject` as text.")


class OtioMetadata(BaseModel):
    """What programs tell of a timeline, each under its name."""

    touchline: OtioTold | None = Field(
        default=None, description="With `provenance=true`."
    )


class OtioTimeline(BaseModel):
    """OpenTimelineIO's timeline (format=otio): one clip, a marker for each event."""

    schema_name: str = Field(alias="OTIO_SCHEMA", examples=["Timeline.1"])
    name: str
    metadata: OtioMetadata
    tracks: OtioStack


SCHEMAS: dict[str, type[BaseModel]] = {
    "soccernet": SoccerNetPredictions,
    "soccernet-labels": SoccerNetLabels,
    "e2espot": E2ESpotVideos,
    "osl": OslDataset,
    "otio": OtioTimeline,
}

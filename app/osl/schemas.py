"""What OpenSportsLab's annotation tool sends and reads; names are the tool's."""

from typing import Annotated, Literal
from urllib.parse import unquote
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StrictInt

TASK: Literal["localization"] = "localization"
HEAD = "ball_action"  # where a client names no list of labels
SHARED_ROOT = "imports"
SHARED_PREFIX = f"shared://{SHARED_ROOT}/"
MAX_TEXT = 1024
MAX_MS = 2**53  # exact as a float, too
ASSET: dict[str, JsonValue] = {
    "kind": "upload",
    "id": "0190c0de-0000-7000-8000-000000000001",
}

Offset = Annotated[int, Field(ge=-MAX_MS, le=MAX_MS)]
Status = Literal["queued", "running", "succeeded", "failed", "cancelled"]


class SharedRoot(BaseModel):
    """A folder that client and server both see."""

    id: str = Field(examples=[SHARED_ROOT])


class Capabilities(BaseModel):
    """What this service can do."""

    version: Literal["1"] = "1"
    tasks: list[str] = Field(default=[TASK])
    poll_interval_seconds: float
    multipart_part_size: int = Field(description="Bytes of each part but the last.")
    max_parallel_parts: int = Field(description="Parts come one after the other.")
    max_upload_size: int = Field(description="Bytes of a file.")
    shared_roots: list[SharedRoot] = Field(
        description="`imports`: the folder TOUCHLINE_IMPORT_DIR, if there is one."
    )


class ModelDescriptor(BaseModel):
    """A model, as the tool lists it."""

    id: str = Field(examples=["arena-rny002"])
    display_name: str
    task: str = TASK
    version: str
    available: bool
    unavailable_reason: str = Field(description="Empty: it can be used.")
    accepted_input_types: list[str] = Field(default=["video"])
    min_inputs: int = 1
    max_inputs: int = 1
    supports_time_range: bool = True
    labels: list[str] = Field(examples=[["PASS", "DRIVE", "SHOT"]])


class ModelDescriptors(BaseModel):
    """The models for a task."""

    models: list[ModelDescriptor]


class NewUpload(BaseModel):
    """A file that is to come in parts."""

    model_config = ConfigDict(extra="ignore")

    filename: str = Field(min_length=1, max_length=MAX_TEXT, examples=["final.mp4"])
    size: int = Field(ge=0, description="Bytes of the whole file.", examples=[7340032])
    mtime_ns: StrictInt | None = Field(default=None, description="Not used.")


class Part(BaseModel):
    """A part of an upload; `number` counts from 1."""

    model_config = ConfigDict(extra="ignore")

    number: int = Field(ge=1)
    etag: str = Field(default="", max_length=MAX_TEXT)
    sha256: str = Field(default="", max_length=MAX_TEXT)


class UploadState(BaseModel):
    """How far an upload is; each part goes to `/uploads/{id}/parts/{number}` by PUT."""

    id: UUID
    part_size: int
    completed_parts: list[Part]
    asset_id: UUID | None = Field(description="The video it became; null: not whole.")


class Parts(BaseModel):
    """What the client believes to have sent."""

    model_config = ConfigDict(extra="ignore")

    parts: list[Part] = Field(
        default=[], max_length=100_000, examples=[[{"number": 1}]]
    )


class CompletedUpload(BaseModel):
    """An upload that is whole."""

    asset_id: UUID = Field(description="The id of the video, in `/videos` as well.")


class Asset(BaseModel):
    """Where the bytes of an input are."""

    model_config = ConfigDict(extra="ignore")

    kind: Literal["upload", "shared"]
    id: str | None = Field(default=None, max_length=MAX_TEXT)
    uri: str | None = Field(
        default=None, max_length=4 * MAX_TEXT, examples=[f"{SHARED_PREFIX}final.mp4"]
    )

    @property
    def shared_path(self) -> str | None:
        """Tell the path in the folder of imports; None: it names another root."""
        if self.uri is None or not self.uri.startswith(SHARED_PREFIX):
            return None
        return unquote(self.uri.removeprefix(SHARED_PREFIX))


class Input(BaseModel):
    """An input of a sample; what else the tool says of it is not used."""

    model_config = ConfigDict(extra="ignore")

    type: str = Field(default="video", max_length=MAX_TEXT)
    asset: Asset


class Item(BaseModel):
    """A sample, and the video it is about."""

    model_config = ConfigDict(extra="ignore")

    item_id: str = Field(min_length=1, max_length=MAX_TEXT)
    sample_id: str = Field(default="", max_length=MAX_TEXT)
    inputs: list[Input] = Field(min_length=1, max_length=16)


class Parameters(BaseModel):
    """What the tool's dialog asked for."""

    model_config = ConfigDict(extra="ignore")

    head: str = Field(default="", max_length=MAX_TEXT)
    labels: list[str] = Field(default=[], max_length=1000)
    start_ms: int = Field(default=0, ge=0, le=MAX_MS)
    end_ms: int = Field(default=0, ge=0, le=MAX_MS, description="0: the video's end.")
    input_time_offsets_ms: dict[str, Offset] = Field(
        default={}, description="By `item_id`: where a clip of a video begins in it."
    )


class NewInference(BaseModel):
    """A request for inference."""

    model_config = ConfigDict(
        extra="ignore",
        json_schema_extra={
            "examples": [
                {
                    "model_id": "arena-rny002",
                    "task": "localization",
                    "parameters": {"head": HEAD, "labels": ["PASS", "SHOT"]},
                    "items": [
                        {
                            "item_id": "1",
                            "sample_id": "final",
                            "inputs": [{"type": "video", "asset": ASSET}],
                        }
                    ],
                }
            ]
        },
    )

    idempotency_key: str | None = Field(default=None, max_length=255)
    model_id: str = Field(min_length=1, max_length=255)
    task: str = Field(max_length=MAX_TEXT, examples=[TASK])
    schema_: dict[str, JsonValue] = Field(
        default={}, alias="schema", description="The tool's lists of labels. Not used."
    )
    parameters: Parameters = Parameters()
    items: list[Item] = Field(min_length=1, max_length=100)


class InferredEvent(BaseModel):
    """An event, as OSL JSON v2 has it."""

    head: str
    label: str
    position_ms: int
    confidence_score: float
    team: str | None = None


class ResultItem(BaseModel):
    """What was found for a sample."""

    item_id: str
    sample_id: str
    events: list[InferredEvent]


class Result(BaseModel):
    """What was found, a sample an item, in the order of the request."""

    model_id: str
    items: list[ResultItem]


class DatasetHead(BaseModel):
    """A list of labels of a data set."""

    type: Literal["single_label"]
    labels: list[str]


class DatasetInput(BaseModel):
    """A video of a data set."""

    type: Literal["video"]
    path: str
    fps: float | None


class DatasetItem(BaseModel):
    """A sample of a data set."""

    id: str
    inputs: list[DatasetInput]
    events: list[InferredEvent]


class ResultDataset(Result):
    """What was found, as a data set of OSL JSON v2; `items` is beside it."""

    version: Literal["2.0"]
    date: str
    dataset_name: str
    modalities: list[str]
    metadata: dict[str, str]
    labels: dict[str, DatasetHead]
    data: list[DatasetItem]


class InferenceError(BaseModel):
    """Why an inference failed."""

    code: str
    message: str
    retryable: bool
    details: dict[str, JsonValue] = {}


class Inference(BaseModel):
    """How an inference goes."""

    id: UUID
    status: Status
    progress: int = Field(ge=0, le=100)
    message: str
    result: Result | None = Field(description="Null until it has succeeded.")
    error: InferenceError | None = Field(description="Null unless it failed.")

"""The table of a batch's events: its columns, and their version.

A column is never taken out or given another meaning under the same version; columns may
be added at the end.
"""

from dataclasses import dataclass
from typing import Literal

SCHEMA_NAME = "touchline.batch-events"
SCHEMA_VERSION = 1

ColumnType = Literal["text", "int", "float", "bool", "time"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `time` is an instant in UTC, in microseconds."""

    name: str
    type: ColumnType
    meaning: str
    nullable: bool = False


COLUMNS = (
    Column("batch_id", "text", "Of the batch."),
    Column("item", "int", "Number of the item in the batch."),
    Column("source_kind", "text", "url, import or video."),
    Column("source_url", "text", "URL without its query, path of imports, or id."),
    Column("video_id", "text", "As in the API."),
    Column("video_title", "text", "As people gave it.", nullable=True),
    Column("video_filename", "text", "As its source calls it.", nullable=True),
    Column("video_sha256", "text", "Of the file's bytes.", nullable=True),
    Column("analysis_id", "text", "Null: people alone spoke.", nullable=True),
    Column("analysed_at", "time", "When the analysis ended.", nullable=True),
    Column("model_name", "text", "With its version, as `hall@2`.", nullable=True),
    Column("model_version", "text", "What follows the @.", nullable=True),
    Column("model_sha256", "text", "Of its weights.", nullable=True),
    Column("software_version", "text", "Of what ran it.", nullable=True),
    Column("engine", "text", "What ran it: openvino, torch.", nullable=True),
    Column("event_id", "text", "As in /events."),
    Column("type", "text", "As in /events: PASS, SHOT, ..."),
    Column("time_s", "float", "From the start of the video, as players show."),
    Column("frame", "int", "0-based in the source."),
    Column("score", "float", "The model's, 0 to 1; null: a person's.", nullable=True),
    Column("team", "text", "The side; null: not told.", nullable=True),
    Column("state", "text", "suggested, accepted, edited or added."),
    Column("event_source", "text", "model or human."),
    Column("is_provisional", "bool", "Of a live stream, and not for good yet."),
    Column("decided_by", "text", "Who decided it last.", nullable=True),
    Column("decided_at", "time", "When.", nullable=True),
    Column("attributes", "text", "Player, note and free keys, as JSON."),
)
NAMES = tuple(one.name for one in COLUMNS)

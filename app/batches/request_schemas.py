"""What is asked of batches."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.batches.items import BatchSourceItem
from app.core.http.json_rules import exactly_one
from app.jobs.kinds import LOWEST_PRIORITY
from app.jobs.schemas import VIDEO_ID
from app.videos.facts_schemas import MAX_TITLE_CHARS

MAX_ITEMS = 1000  # in a request
HIGHEST_BATCH_PRIORITY, USUAL_BATCH_PRIORITY = -1, -5
PRINTABLE = r"^[^\x00-\x1f\x7f]+$"
ADDRESS = r"^(https?|s3|gs|az)://[^\x00-\x1f\x7f]+$"
S3 = "s3://archive/2025/"


class NewItem(BaseModel):
    """A video of a batch: at an address, in the folder of imports or in the library."""

    model_config = ConfigDict(
        extra="forbid",
        title="NewBatchItem",
        json_schema_extra=exactly_one("url", "import", "video"),
    )

    url: str | None = Field(
        default=None,
        min_length=1,
        max_length=2048,
        pattern=ADDRESS,
        description="As in POST /videos: https, or an object in a bucket that the "
        "operator allows.",
        examples=["s3://archive/2025/final.mp4"],
    )
    import_: str | None = Field(
        default=None,
        alias="import",
        min_length=1,
        max_length=1024,
        pattern=PRINTABLE,
        description="A `path` of GET /imports.",
        examples=["cup/final.mp4"],
    )
    video: UUID | None = Field(default=None, examples=[VIDEO_ID])
    title: str | None = Field(default=None, max_length=MAX_TITLE_CHARS)

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        given = [one for one in (self.url, self.import_, self.video) if one is not None]
        if len(given) != 1:
            raise ValueError("give one of 'url', 'import' and 'video'")
        return self

    @property
    def found(self) -> BatchSourceItem:
        """Where it is."""
        if self.url is not None:
            return BatchSourceItem("url", self.url, self.title)
        if self.import_ is not None:
            return BatchSourceItem("import", self.import_, self.title)
        return BatchSourceItem("video", str(self.video), self.title)


Items = Annotated[list[NewItem], Field(max_length=MAX_ITEMS)]


class NewBatch(BaseModel):
    """Videos that one model is to analyse, behind what is uploaded meanwhile."""

    model_config = ConfigDict(
        extra="forbid",
        title="NewBatch",
        json_schema_extra={
            **exactly_one("bucket", "imports", "items"),
            "examples": [
                {"bucket": S3, "model": "arena-rny002", "name": "Season 2025"},
                {"imports": "season/2025"},
                {
                    "items": [
                        {"url": "https://example.org/final.mp4", "title": "Cup final"},
                        {"video": VIDEO_ID},
                    ]
                },
            ],
        },
    )

    bucket: str | None = Field(
        default=None,
        min_length=1,
        max_length=1024,
        pattern=PRINTABLE,
        description="A bucket and the beginning of keys in it: each video file there "
        "is an item. One that the operator allows (`TOUCHLINE_BUCKETS`).",
        examples=[S3],
    )
    imports: str | None = Field(
        default=None,
        max_length=1024,
        pattern=r"^[^\x00-\x1f\x7f]*$",
        description="A folder in the folder of imports; each video file in it is an "
        "item. Empty: all of it.",
        examples=["season/2025"],
    )
    items: Items | None = Field(
        default=None, description="The videos themselves; more can follow, see `open`."
    )
    open: bool = Field(
        default=False,
        description="Of `items`: more will come by POST /batches/{batch_id}/items; "
        "those that are there are worked on meanwhile.",
    )
    model: str | None = Field(
        default=None,
        min_length=1,
        max_length=255,
        description="A name of GET /models; else the default, as it is now.",
    )
    again: bool = Field(
        default=False,
        description="Analyse also what this very model has analysed already.",
    )
    priority: int = Field(
        default=USUAL_BATCH_PRIORITY,
        ge=LOWEST_PRIORITY,
        le=HIGHEST_BATCH_PRIORITY,
        description="Below 0, that of an upload: higher ones run first.",
    )
    name: str | None = Field(default=None, max_length=MAX_TITLE_CHARS)
    callback_url: str | None = Field(
        default=None,
        max_length=2048,
        description="Where to POST the webhooks `batch.completed`, `batch.failed` and "
        "`batch.canceled`.",
    )

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        given = [
            one for one in (self.bucket, self.imports, self.items) if one is not None
        ]
        if len(given) != 1:
            raise ValueError("give one of 'bucket', 'imports' and 'items'")
        if self.open and self.items is None:
            raise ValueError("'open' goes with 'items' alone")
        if self.items == [] and not self.open:
            raise ValueError("'items' is empty, and no more can follow: it is not open")
        return self

    @property
    def source(self) -> dict[str, str]:
        """What is to be listed; empty: nothing."""
        if self.bucket is not None:
            return {"bucket": self.bucket}
        return {} if self.imports is None else {"imports": self.imports}


class MoreItems(BaseModel):
    """More videos of an open batch; those it has already are left out."""

    model_config = ConfigDict(extra="forbid", title="MoreBatchItems")

    items: Items = []
    last: bool = Field(default=False, description="No more will follow.")


class Retry(BaseModel):
    """Which items are to be tried again."""

    model_config = ConfigDict(extra="forbid", title="BatchRetry")

    states: Annotated[
        list[Literal["failed", "canceled"]], Field(min_length=1, max_length=2)
    ] = ["failed"]
    codes: Annotated[
        list[Annotated[str, Field(max_length=64)]], Field(max_length=50)
    ] = Field(
        default=[],
        description="Only items that failed with one of these; none: whatever it was.",
        examples=[["download_failed"]],
    )

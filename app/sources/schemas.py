"""What is asked for and sent of videos whose bytes come from elsewhere."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.core.http.json_rules import exactly_one
from app.core.http.schemas import Page
from app.jobs.schemas import VIDEO_ID
from app.videos.new_video_fields import NewVideoFields
from app.videos.parts import JoinKind
from model.video.join_rules import MAX_PARTS

OTHER_ID = "01980c1e-8b11-7d02-b3a4-5f0e6c2d9a77"


class NewVideo(NewVideoFields):
    """A video to be fetched from an address or a folder, or joined of other videos."""

    model_config = ConfigDict(
        extra="forbid",
        title="NewVideo",
        json_schema_extra={
            **exactly_one("url", "import", "videos"),
            "examples": [
                {"url": "https://example.org/final.mp4", "title": "Cup final"},
                {"import": "cup/final.mp4"},
                {"videos": [VIDEO_ID, OTHER_ID], "parts": "halves"},
            ],
        },
    )

    url: str | None = Field(
        default=None,
        max_length=2048,
        description="Where it is: https, at a public address.",
        examples=["https://example.org/final.mp4"],
    )
    import_: str | None = Field(
        default=None,
        alias="import",
        max_length=1024,
        description="A `path` of GET /imports.",
        examples=["cup/final.mp4"],
    )
    videos: Annotated[list[UUID], Field(min_length=2, max_length=MAX_PARTS)] | None = (
        Field(
            default=None,
            description="Videos of the project that become one, in the order of play.",
            json_schema_extra={"uniqueItems": True},
        )
    )
    parts: JoinKind = Field(
        default="consecutive",
        description="Of `videos`: each is a half of the match, which its `halves` then "
        "say; or they follow each other, as the files of a camera do.",
    )
    encode: bool | None = Field(
        default=None,
        description="Of `videos` that differ in size, codec or its settings: whether "
        "they are encoded anew, which takes about as long as they last. Null: if they "
        "last no longer than 10 minutes together; otherwise the job fails and says "
        "what differs.",
    )
    keep_originals: bool = Field(
        default=True,
        description="Of `videos`: they stay as they are, with their events; false: "
        "they are deleted once they are joined.",
    )

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        given = [
            one for one in (self.url, self.import_, self.videos) if one is not None
        ]
        if len(given) != 1:
            raise ValueError("give one of 'url', 'import' and 'videos'")
        if len(set(self.videos or ())) < len(self.videos or ()):
            raise ValueError("'videos' names a video twice")
        return self

    @property
    def said(self) -> dict[str, str]:
        """All that is said of where the bytes come from, to tell requests apart."""
        if self.videos is None:
            return self.source
        return {
            **self.source,
            "videos": " ".join(map(str, self.videos)),
            "encode": str(self.encode),
            "keep_originals": str(self.keep_originals),
        }

    @property
    def source(self) -> dict[str, str]:
        """Where the bytes come from, as a video's row keeps it."""
        if self.url is not None:
            return {"url": self.url}
        if self.videos is not None:
            return {"join": self.parts}
        return {"import": str(self.import_)}


class ImportFile(BaseModel):
    """A video file in the folder of imports."""

    path: str = Field(
        description="In the folder; what POST /videos takes as `import`.",
        examples=["cup/final.mp4"],
    )
    size_bytes: int
    modified_at: datetime


class ImportPage(Page[ImportFile]):
    """Video files in the folder of imports, by path."""

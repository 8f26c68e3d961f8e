"""What is asked for and sent of uploads whose client sends the parts to the bucket."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.storage.multipart import MOST_PARTS, BucketPart
from app.core.storage.part_uploads import PartPlan
from app.jobs.schemas import VIDEO_ID
from app.uploads.schemas import UPLOAD_ID
from app.uploads.tables import ResumableUpload
from app.videos.new_video_fields import NewVideoFields

MOST_ADDRESSES = 1000  # signed by one request
ETAG = '"9a0364b9e99bb480dd25e1f0284c8555"'

PartNumber = Annotated[int, Field(ge=1, le=MOST_PARTS)]


class NewPresignedUpload(NewVideoFields):
    """A file that its client will send to the bucket."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "filename": "final.mp4",
                    "size_bytes": 734003200,
                    "title": "Cup final",
                }
            ]
        },
    )

    filename: str | None = Field(default=None, max_length=1024)
    size_bytes: int = Field(ge=1, le=2**53, description="Of the whole file.")


class PresignedUpload(BaseModel):
    """An upload whose client sends the parts to the bucket."""

    id: UUID = Field(examples=[UPLOAD_ID])
    filename: str | None = Field(examples=["final.mp4"])
    title: str | None = Field(examples=["Cup final"])
    size_bytes: int = Field(description="Of the whole file.", examples=[734003200])
    part_size_bytes: int = Field(
        description="Of every part but the last, which holds the rest.",
        examples=[16777216],
    )
    part_count: int = Field(description="Parts are numbered from 1.", examples=[44])
    video_id: UUID | None = Field(
        description="The video it became; null until it is completed.",
        examples=[VIDEO_ID],
    )
    expires_at: datetime = Field(
        description="When it is forgotten, unless addresses of parts are asked for "
        "before."
    )
    created_by: str
    created_at: datetime

    @classmethod
    def of(cls, upload: ResumableUpload) -> Self:
        """Read an upload's row."""
        part_bytes = upload.part_bytes or upload.size_bytes
        return cls(
            id=upload.id,
            filename=upload.filename,
            title=upload.fields.get("title"),
            size_bytes=upload.size_bytes,
            part_size_bytes=part_bytes,
            part_count=PartPlan(upload.size_bytes, part_bytes).count,
            video_id=upload.video_id,
            expires_at=upload.expires_at,
            created_by=upload.created_by,
            created_at=upload.created_at,
        )


class PartAddressRequest(BaseModel):
    """Parts whose addresses are asked for."""

    model_config = ConfigDict(extra="forbid")

    numbers: list[PartNumber] = Field(
        min_length=1, max_length=MOST_ADDRESSES, examples=[[1, 2, 3]]
    )


class PartAddress(BaseModel):
    """Where a part is to be sent."""

    number: int
    size_bytes: int = Field(
        description="The part has exactly so many. S3 refuses others with 403; of "
        "Azure completing the upload does, with 409."
    )
    url: str = Field(
        description="PUT the part there, with no header of yours but its length."
    )
    etag: str | None = Field(
        default=None,
        description="What completing the upload takes of this part; null: the `ETag` "
        "that the bucket answers with. Azure answers with none: there it is the name "
        "of the part's block, whatever its bytes are.",
        examples=[None],
    )


class PartAddresses(BaseModel):
    """Where parts are to be sent, and how long that is good."""

    items: list[PartAddress]
    expires_at: datetime = Field(description="When these addresses end; ask anew then.")


class StoredPart(BaseModel):
    """A part that the bucket has."""

    number: int
    size_bytes: int
    etag: str = Field(
        description="Of its bytes; of Azure, the name of its block.", examples=[ETAG]
    )

    @classmethod
    def of(cls, part: BucketPart) -> Self:
        """Read what the bucket tells."""
        return cls(number=part.number, size_bytes=part.size_bytes, etag=part.e_tag)


class StoredParts(BaseModel):
    """The parts that the bucket has, by number; go on with the others."""

    items: list[StoredPart]
    is_whole: bool = Field(
        description="The bucket has made the file of them: complete the upload, and it "
        "is a video."
    )


class SentPart(BaseModel):
    """A part as its client knows it."""

    model_config = ConfigDict(extra="forbid")

    number: PartNumber
    etag: str = Field(
        min_length=1,
        max_length=256,
        description="As the bucket answered, or the part's address tells; with or "
        "without its quotes.",
        examples=[ETAG],
    )


class PartsToComplete(BaseModel):
    """The parts of which the file is to be made."""

    model_config = ConfigDict(extra="forbid")

    parts: list[SentPart] | None = Field(
        default=None,
        max_length=MOST_PARTS,
        description="All of them, with what the bucket answered; null: those that it "
        "has, unseen.",
    )

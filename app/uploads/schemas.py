"""What is sent of an upload that may be resumed."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, Field

from app.jobs.schemas import VIDEO_ID
from app.uploads.service import UploadState

UPLOAD_ID = "0190c0de-0000-7000-8000-00000000000b"


class Upload(BaseModel):
    """An upload that may be resumed, and how far it is."""

    id: UUID = Field(examples=[UPLOAD_ID])
    filename: str | None = Field(examples=["final.mp4"])
    title: str | None = Field(examples=["Cup final"])
    size_bytes: int = Field(description="Of the whole file.", examples=[734003200])
    offset_bytes: int = Field(
        description="How much of it is safe on the server's disk; go on from there."
    )
    video_id: UUID | None = Field(
        description="The video it became; null while bytes are missing.",
        examples=[VIDEO_ID],
    )
    expires_at: datetime = Field(
        description="When it is forgotten, unless bytes come before."
    )
    created_by: str
    created_at: datetime

    @classmethod
    def of(cls, state: UploadState) -> Self:
        """Read an upload's row and what is known of its bytes."""
        upload = state.upload
        return cls(
            id=upload.id,
            filename=upload.filename,
            title=upload.fields.get("title"),
            size_bytes=upload.size_bytes,
            offset_bytes=state.offset_bytes,
            video_id=upload.video_id,
            expires_at=upload.expires_at,
            created_by=upload.created_by,
            created_at=upload.created_at,
        )

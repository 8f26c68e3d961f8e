"""Opaque cursors: where the next page of a list begins."""

import base64
import binascii
from typing import Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.core.errors import InvalidCursor

MAX_CURSOR_CHARS = 512


class Cursor(BaseModel):
    """What a cursor says inside; each list has a class and so a kind of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def encode(self) -> str:
        """Write the cursor as it travels."""
        return base64.urlsafe_b64encode(self.model_dump_json().encode()).decode()

    @classmethod
    def decode(cls, text: str) -> Self:
        """Read a cursor this list made.

        Raises:
            InvalidCursor: it was not made by this list.
        """
        try:
            return cls.model_validate_json(base64.urlsafe_b64decode(text))
        except (binascii.Error, ValueError, ValidationError) as exc:
            raise InvalidCursor(
                "The cursor was not made by this list; "
                "take next_cursor of its last answer, or leave it out to start anew."
            ) from exc


class VideosCursor(Cursor):
    """After a video, going back in time."""

    list: Literal["videos"] = "videos"
    before: UUID


class JobsCursor(Cursor):
    """After a job, going back in time."""

    list: Literal["jobs"] = "jobs"
    before: UUID


class DeliveriesCursor(Cursor):
    """After a delivery, going back in time."""

    list: Literal["deliveries"] = "deliveries"
    before: UUID


class EventsCursor(Cursor):
    """After an event of one job, whose timeline is read to its end even if the video
    shows a newer one meanwhile."""

    list: Literal["events"] = "events"
    job: UUID
    order: Literal["asc", "desc"]
    time_ms: int = Field(ge=-(2**53), le=2**53)
    seq: int = Field(ge=0, lt=2**31)

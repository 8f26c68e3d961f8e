"""Opaque cursors: where the next page of a list begins."""

import base64
import binascii
from typing import Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.core.errors import InvalidCursor

MAX_CURSOR_CHARS = 512
FOREIGN = (
    "The cursor was not made by this list; "
    "take next_cursor of its last answer, or leave it out to start anew."
)


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
            raise InvalidCursor(FOREIGN) from exc


class NewestFirstCursor(Cursor):
    """After a row of a list that goes back in time, which the name tells apart."""

    list: str
    before: UUID


class BatchItemsCursor(Cursor):
    """After an item of a batch."""

    list: Literal["batch-items"] = "batch-items"
    after: int = Field(ge=0, le=2**53)


class TrainingLogCursor(Cursor):
    """After a line of a training's log."""

    list: Literal["training-log"] = "training-log"
    after: int = Field(ge=0, le=2**31 - 1)


class MomentsCursor(Cursor):
    """After a moment that compared models got wrong."""

    list: Literal["moments"] = "moments"
    after: int = Field(ge=0, le=2**31 - 1)


class KeysCursor(Cursor):
    """After a key, by id."""

    list: Literal["keys"] = "keys"
    after: str = Field(max_length=64)


class EventsCursor(Cursor):
    """After an event of one analysis, which is read to its end even if the video shows
    a newer one meanwhile.

    It is a place in time, so that corrections made meanwhile neither repeat an event
    that stays where it is nor leave one out.
    """

    list: Literal["events"] = "events"
    analysis: UUID | None  # null: there is none, the events are what people added
    order: Literal["asc", "desc"]
    time_ms: int = Field(ge=-(2**53), le=2**53)
    id: UUID

"""What is sent of reviewed stretches."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from app.annotations.stretches import Stretch

MAX_INTERVALS = 10_000
MAX_SECONDS = 1e7

Seconds = Annotated[float, Field(ge=0, le=MAX_SECONDS, allow_inf_nan=False)]


class Interval(BaseModel):
    """A stretch of a video."""

    from_s: Seconds = Field(description="Included.", examples=[0.0])
    to_s: Seconds = Field(
        description="Not included; cut at the end of the video.", examples=[93.5]
    )

    @model_validator(mode="after")
    def _has_a_length(self) -> "Interval":
        if self.span[0] >= self.span[1]:
            raise ValueError("to_s must be after from_s, by a millisecond at least")
        return self

    @property
    def span(self) -> tuple[int, int]:
        """From and to in ms."""
        return round(self.from_s * 1000), round(self.to_s * 1000)


class MarkedInterval(Interval):
    """A stretch that somebody has looked at, and what was suggested there."""

    analysis_id: UUID | None = Field(
        default=None,
        description="`current_analysis_id` of the video when it was looked at: what a "
        "later analysis suggests is not reviewed. Left out: what is shown now.",
    )


class Intervals(BaseModel):
    """All that is to be reviewed; further members, as GET has them, are ignored."""

    intervals: list[Interval] = Field(max_length=MAX_INTERVALS)


class ReviewedInterval(BaseModel):
    """A stretch, and who reviewed it."""

    from_s: float
    to_s: float
    author: str
    created_at: datetime


class Reviewed(BaseModel):
    """What is reviewed of a video."""

    intervals: list[ReviewedInterval] = Field(
        description="In order of time; they do not overlap, and touch only where the "
        "author changes."
    )
    reviewed_s: float = Field(description="Their length together.")

    @classmethod
    def of(cls, stretches: Sequence[Stretch]) -> "Reviewed":
        """Write stretches in seconds."""
        return cls(
            intervals=[
                ReviewedInterval(
                    from_s=one.from_ms / 1000,
                    to_s=one.to_ms / 1000,
                    author=one.author,
                    created_at=one.created_at,
                )
                for one in stretches
            ],
            reviewed_s=sum(one.to_ms - one.from_ms for one in stretches) / 1000,
        )

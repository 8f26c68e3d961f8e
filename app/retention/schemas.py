"""What is sent of rules, and what a client sends."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.retention.service import Rules

Days = Annotated[int, Field(ge=1, le=36500)]
Bytes = Annotated[int, Field(ge=1, le=10**15)]  # exact as a float, too


class Retention(BaseModel):
    """How long the project keeps what; null: for ever."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"file_days": 90, "video_days": None, "stored_bytes": None}]
        },
    )

    file_days: Days | None = Field(
        None,
        description="After so many days since its upload a video's file goes, and so "
        "do its proxy, pictures, clips and reports. Its events stay.",
    )
    video_days: Days | None = Field(
        None, description="After so many days all of a video goes, its events too."
    )
    stored_bytes: Bytes | None = Field(
        None,
        description="While the project's files take more than that, the file of the "
        "oldest video goes, as with `file_days`.",
    )

    @classmethod
    def of(cls, rules: Rules) -> "Retention":
        """Show rules."""
        return cls(
            file_days=rules.file_days,
            video_days=rules.video_days,
            stored_bytes=rules.stored_bytes,
        )

    def to_rules(self) -> Rules:
        """Read what is asked for."""
        return Rules(self.file_days, self.video_days, self.stored_bytes)

"""What is sent of saved thresholds."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

MAX_TYPES = 1000

Threshold = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, strict=True)]


class TypeThreshold(BaseModel):
    """The lowest score of an event of a type, and where it comes from."""

    type: str = Field(examples=["PASS"])
    threshold: float | None = Field(
        description="In force: the first that is there of `video`, `model` and "
        "`checkpoint`. Null: none is saved, and the checkpoint's is not known."
    )
    video: float | None = Field(description="Saved for the video; null: none.")
    model: float | None = Field(description="Saved for the model; null: none.")
    checkpoint: float | None = Field(description="The checkpoint's own, if known.")


class ThresholdsOfTypes(BaseModel):
    """The thresholds in force, type by type."""

    model: str | None = Field(
        description="The model whose scores they cut.", examples=["arena-rny002"]
    )
    fixed: str | None = Field(
        description="Why this timeline can have no other thresholds than it was made "
        "with; null: it can."
    )
    types: list[TypeThreshold]


class NewThresholds(BaseModel):
    """Thresholds to be saved, in place of all that were."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"thresholds": {"PASS": 0.4}}]}
    )

    thresholds: dict[str, Threshold | None] = Field(
        default={},
        max_length=MAX_TYPES,
        description="By type; left out or null: none is saved.",
    )

    def given(self) -> dict[str, float]:
        """Give those that are there."""
        return {
            label: value
            for label, value in self.thresholds.items()
            if value is not None
        }

"""What is sent of a checkpoint."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from app.core.http.schemas import Page
from model.checkpoint.library import Entry
from model.checkpoint.manifest import Manifest


class ModelInput(BaseModel):
    """The picture a network sees; empty if the checkpoint cannot be read."""

    model_config = ConfigDict(extra="allow")

    width: int | None = Field(default=None, description="Pixels.", examples=[398])
    height: int | None = Field(default=None, description="Pixels.", examples=[224])
    crop: list[int] | None = Field(
        default=None, description="Left, top, width, height inside it; null: all of it."
    )
    fps: float | None = Field(default=None, description="Steps a second.")


class ModelArchitecture(BaseModel):
    """What a network is made of; empty if the checkpoint cannot be read."""

    model_config = ConfigDict(extra="allow")

    feature_arch: str | None = Field(default=None, examples=["rny002_gsm"])
    temporal_arch: str | None = Field(default=None, examples=["gru"])
    clip_len: int | None = Field(default=None, description="Steps it sees at once.")
    num_classes: int | None = Field(default=None, description="Without background.")
    options: dict[str, JsonValue] | None = Field(
        default=None, description="What was chosen of its head."
    )


class ModelProvenance(BaseModel):
    """Where weights come from, as far as it is known."""

    model_config = ConfigDict(extra="allow")

    trained_on: str | None = None
    steps: int | None = Field(default=None, description="Of the optimiser.")
    val: dict[str, JsonValue] | None = Field(
        default=None, description="Measures on validation data, by name."
    )
    version: str | None = Field(default=None, description="Of the software.")
    licence: str | None = None
    notes: str | None = None


class Model(BaseModel):
    """An installed checkpoint."""

    name: str = Field(examples=["arena-rny002"])
    is_default: bool
    is_bundled: bool
    size_bytes: int
    labels: list[str] = Field(examples=[["PASS", "DRIVE", "SHOT"]])
    thresholds: dict[str, float] = Field(description="Lowest score of an event.")
    input: ModelInput = Field(description="Size of the picture and steps a second.")
    architecture: ModelArchitecture
    provenance: ModelProvenance = Field(description="Trained on what, and how well.")
    problem: str | None = Field(description="Why it cannot be used; null: it can.")

    @classmethod
    def of(cls, entry: Entry) -> "Model":
        """Read an entry; of a checkpoint that cannot be read little is known."""
        return cls.model_validate(
            {
                **{name: getattr(entry, name) for name in _SAME_IN_ENTRY},
                **_facts(entry.manifest),
                "problem": entry.problem or None,
            }
        )


class ModelPage(Page[Model]):
    """Every installed model, by name."""


def _facts(manifest: Manifest | None) -> Mapping[str, Any]:
    if manifest is None:
        empty: dict[str, Any] = {"input": {}, "architecture": {}, "provenance": {}}
        return {"labels": [], "thresholds": {}, **empty}
    options = manifest.spotting.labels.items()
    return {
        "labels": manifest.labels,
        "thresholds": {label: one.threshold for label, one in options},
        "input": manifest.frame_spec.to_dict(),
        "architecture": manifest.config.to_dict(),
        "provenance": manifest.provenance.to_dict(),
    }


_SAME_IN_ENTRY = ("name", "is_default", "is_bundled", "size_bytes")

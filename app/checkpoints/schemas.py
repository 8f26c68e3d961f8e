"""What is sent of a checkpoint."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from app.checkpoints.tables import ModelChoice
from app.core.http.schemas import Links, Page
from model.checkpoint.library import Entry
from model.checkpoint.manifest import Manifest
from model.checkpoint.versions import split_version


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
    lineage: dict[str, JsonValue] | None = Field(
        default=None,
        description="What a trained version was made from: `base`, `base_sha256`, "
        "`training`, `minutes`, `events` by type, and of how many `videos`. Which, its "
        "file says: models are of all projects, videos are not.",
    )


class ModelLinks(Links):
    """Addresses that belong to a model."""

    self: str
    file: str


class Model(BaseModel):
    """An installed checkpoint."""

    name: str = Field(examples=["arena-rny002"])
    is_default: bool
    is_bundled: bool
    is_archived: bool = Field(
        description="Not taken where its name without version is asked for."
    )
    version: int | None = Field(
        description="Of `hall@3` it is 3; null: a model without versions."
    )
    size_bytes: int
    labels: list[str] = Field(examples=[["PASS", "DRIVE", "SHOT"]])
    thresholds: dict[str, float] = Field(description="Lowest score of an event.")
    input: ModelInput = Field(description="Size of the picture and steps a second.")
    look_ahead_s: float | None = Field(
        description="Seconds of video after an event that a live model waits for; "
        "null: it cannot run live.",
        examples=[0.5],
    )
    architecture: ModelArchitecture
    provenance: ModelProvenance = Field(description="Trained on what, and how well.")
    problem: str | None = Field(description="Why it cannot be used; null: it can.")
    links: ModelLinks

    @classmethod
    def of(cls, entry: Entry) -> "Model":
        """Read an entry; of a checkpoint that cannot be read little is known."""
        return cls.model_validate(_of_entry(entry))


class ModelPage(Page[Model]):
    """Every installed model, by name."""


class Choice(BaseModel):
    """Somebody made a model the default."""

    name: str
    before: str | None = Field(description="The default until then.")
    is_rollback: bool
    created_by: str | None = Field(description="Null: a key of another project.")
    created_at: datetime

    @classmethod
    def of(cls, row: ModelChoice, *, project_id: UUID) -> Self:
        """Read a row; of other projects' keys nothing is told."""
        is_ours = row.project_id == project_id
        return cls(
            name=row.name,
            before=row.before,
            is_rollback=row.is_rollback,
            created_by=row.created_by if is_ours else None,
            created_at=row.created_at,
        )


class ModelDetails(Model):
    """All that is known of a checkpoint."""

    sha256: str | None = Field(description="Of its weights.")
    ancestors: list[str] = Field(
        description="Its base, the base of that, and so on, as far as they are told."
    )
    chosen: list[Choice] = Field(description="When it became the default, newest first")


class DefaultModel(BaseModel):
    """The model that is taken where none is named."""

    name: str | None = Field(description="Null: there is none.")
    is_fixed: bool = Field(
        description="The operator has set TOUCHLINE_MODEL, and nobody else can choose."
    )
    rollback_to: str | None = Field(description="What a roll back leads to.")
    history: list[Choice] = Field(description="The last 100 choices, newest first.")


class NewDefault(BaseModel):
    """Which model is to be the default."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "hall@2"}]}
    )

    name: str = Field(
        min_length=1,
        max_length=200,
        description="Without a version: the newest that is not archived, as of now.",
    )


def details_of(
    entry: Entry,
    ancestors: Sequence[str],
    choices: Sequence[ModelChoice],
    *,
    project_id: UUID,
) -> ModelDetails:
    """Tell all that is known of an entry."""
    weights = entry.manifest and entry.manifest.files.get("weights.safetensors")
    mine = [one for one in choices if one.name == entry.name]
    return ModelDetails.model_validate(
        {
            **_of_entry(entry),
            "sha256": weights.sha256 if weights else None,
            "ancestors": list(ancestors),
            "chosen": [Choice.of(one, project_id=project_id) for one in mine],
        }
    )


def _of_entry(entry: Entry) -> dict[str, Any]:
    own = f"/models/{entry.name}"
    return {
        **{name: getattr(entry, name) for name in _SAME_IN_ENTRY},
        **_facts(entry.manifest),
        "version": split_version(entry.name)[1],
        "problem": entry.problem or None,
        "links": {"self": own, "file": f"{own}/file"},
    }


def _provenance(manifest: Manifest) -> dict[str, Any]:
    """Tell where weights come from, but for the project and its videos."""
    told = manifest.provenance.to_dict()
    lineage = told.get("lineage")
    if lineage is not None:
        own = ("stretches", "files", "project")
        kept = {key: value for key, value in lineage.items() if key not in own}
        if "stretches" in lineage:
            kept["videos"] = len(lineage["stretches"] or {})
        told["lineage"] = kept
    return told


def _facts(manifest: Manifest | None) -> Mapping[str, Any]:
    if manifest is None:
        empty: dict[str, Any] = {"input": {}, "architecture": {}, "provenance": {}}
        return {"labels": [], "thresholds": {}, "look_ahead_s": None, **empty}
    options = manifest.spotting.labels.items()
    return {
        "labels": manifest.labels,
        "thresholds": {label: one.threshold for label, one in options},
        "look_ahead_s": manifest.look_ahead_s,
        "input": manifest.frame_spec.to_dict(),
        "architecture": manifest.config.to_dict(),
        "provenance": _provenance(manifest),
    }


_SAME_IN_ENTRY = ("name", "is_default", "is_bundled", "is_archived", "size_bytes")

"""What is sent of a checkpoint."""

from typing import Any

from pydantic import BaseModel, Field

from app.checkpoints.catalogue import CatalogueEntry
from app.core.http.schemas import Page


class Model(BaseModel):
    """An installed checkpoint."""

    name: str = Field(examples=["arena-rny002"])
    is_default: bool
    is_bundled: bool
    size_bytes: int
    labels: list[str] = Field(examples=[["PASS", "DRIVE", "SHOT"]])
    thresholds: dict[str, float] = Field(description="Lowest score of an event.")
    input: dict[str, Any] = Field(description="Size of the picture and steps a second.")
    architecture: dict[str, Any]
    provenance: dict[str, Any] = Field(description="Trained on what, and how well.")
    problem: str | None = Field(description="Why it cannot be used; null: it can.")

    @classmethod
    def of(cls, entry: CatalogueEntry) -> "Model":
        """Read a manifest; what it lacks is left empty."""
        manifest = entry.manifest
        options = manifest.get("spotting", {}).get("labels", {})
        return cls(
            name=entry.name,
            is_default=entry.is_default,
            is_bundled=entry.is_bundled,
            size_bytes=entry.size_bytes,
            labels=list(entry.labels),
            thresholds={label: one["threshold"] for label, one in options.items()},
            input=manifest.get("input", {}),
            architecture=manifest.get("config", {}),
            provenance=manifest.get("provenance", {}),
            problem=entry.problem or None,
        )


class ModelPage(Page[Model]):
    """Every installed model, by name."""

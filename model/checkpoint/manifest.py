"""What a checkpoint says about itself, as the JSON object it travels as.

Keeps away from torch: the service lists checkpoints without it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, StrictInt, StrictStr, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from model.checkpoint.spotting_options import SpottingOptions
from model.errors import BadCheckpoint, UnsupportedCheckpoint
from model.network.config import ModelConfig
from model.network.problems import problems_of
from model.video.frame_spec import FrameSpec

FORMAT = "touchline-checkpoint"
VERSION = 1

_Object = dict[str, Any]


@checked_dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class Provenance:
    """Where weights come from, as far as it is known.

    Attributes:
        trained_on: the data, in words, rendered or real.
        steps: optimiser steps taken; 0 if unknown.
        val: measures on validation data, by name.
        version: of the software that made the file.
        licence: under which the weights may be used.
        notes: anything a user ought to know.
        lineage: what a trained version was made from; None of all others. `base` (a
            name) and `base_sha256` (of its weights), `training` (an id), `minutes` of
            truth, `events` (a count by label) and `stretches` that were learned from
            (by video id, as `[from_s, to_s]`); what is not known is left out.
    """

    trained_on: StrictStr = ""
    steps: StrictInt = 0
    val: Mapping[str, Any] = field(default_factory=dict)
    version: StrictStr = ""
    licence: StrictStr = ""
    notes: StrictStr = ""
    lineage: Mapping[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Give the JSON object that `from_dict` reads."""
        # Earlier releases refuse a key that they do not know.
        lineage = {} if self.lineage is None else {"lineage": dict(self.lineage)}
        return {
            "trained_on": self.trained_on,
            "steps": self.steps,
            "val": dict(self.val),
            "version": self.version,
            "licence": self.licence,
            "notes": self.notes,
            **lineage,
        }


@checked_dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class FileFacts:
    """By what a member of the archive is known to be whole."""

    sha256: StrictStr
    size_bytes: StrictInt


class _Wire(BaseModel):
    """A manifest as the JSON object says it; its parts are read by their own."""

    model_config = ConfigDict(extra="forbid")

    format: str
    version: int
    name: StrictStr
    config: _Object
    labels: list[StrictStr]
    input: _Object
    spotting: _Object
    provenance: Provenance
    files: dict[str, FileFacts]
    engines: _Object = {}


@dataclass(frozen=True, slots=True)
class Manifest:
    """All that a checkpoint says about itself.

    Attributes:
        name: what users call it; `touchline models` lists it so.
        config: what the network is made of.
        labels: names of the classes, in the order of logits 1, 2, ...
        frame_spec: the picture and rate the network was trained at ("input").
        spotting: thresholds, windows and NMS, chosen on validation data.
        provenance: where the weights come from.
        files: every other member of the archive.
        engines: what is known of each exported form, by its kind (for example
            the largest difference of its scores from torch's).

    Raises:
        BadCheckpoint: the parts contradict each other.
    """

    name: str
    config: ModelConfig
    labels: tuple[str, ...]
    frame_spec: FrameSpec
    spotting: SpottingOptions
    provenance: Provenance = field(default_factory=Provenance)
    files: Mapping[str, FileFacts] = field(default_factory=dict)
    engines: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a manifest that contradicts itself."""
        if not self.name or self.name != self.name.strip() or "/" in self.name:
            raise BadCheckpoint(f"a checkpoint cannot be called {self.name!r}")
        check_labels(self.labels, self.config)
        unmatched = sorted(set(self.spotting.labels) ^ set(self.labels))
        if unmatched:
            raise BadCheckpoint(
                f"labels and spotting options do not agree about {unmatched}"
            )

    @property
    def sides(self) -> tuple[str, ...]:
        """Name the teams that the network tells apart; none if it does not."""
        return tuple(self.config.outputs.get("team", {}).get("sides", ()))

    @property
    def look_ahead_s(self) -> float | None:
        """Say how much video after an event the network waits for, in seconds.

        None of a network that cannot run live.
        """
        steps = self.config.look_ahead
        return None if steps is None else steps / self.frame_spec.fps

    def to_dict(self) -> dict[str, Any]:
        """Give the JSON object that `from_dict` reads."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "name": self.name,
            "config": self.config.to_dict(),
            "labels": list(self.labels),
            "input": self.frame_spec.to_dict(),
            "spotting": self.spotting.to_dict(),
            "provenance": self.provenance.to_dict(),
            "engines": dict(self.engines),
            "files": {
                name: {"sha256": facts.sha256, "size_bytes": facts.size_bytes}
                for name, facts in self.files.items()
            },
        }

    @classmethod
    def from_dict(cls, raw: object) -> Self:
        """Read a manifest, strictly, its version first.

        Raises:
            UnsupportedCheckpoint: another format or a version we do not read.
            BadCheckpoint: anything missing, unknown or contradictory.
        """
        if not isinstance(raw, Mapping):
            raise BadCheckpoint(f"manifest must be a JSON object, got {raw!r:.80}")
        fields = {str(key): value for key, value in raw.items()}
        _check_version(fields)
        try:
            wire = _Wire.model_validate(fields)
        except ValidationError as exc:
            raise BadCheckpoint(problems_of(exc, "manifest")) from exc
        return cls(
            name=wire.name,
            config=ModelConfig.from_dict(wire.config),
            labels=tuple(wire.labels),
            frame_spec=FrameSpec.from_dict(wire.input),
            spotting=SpottingOptions.from_dict(wire.spotting),
            provenance=wire.provenance,
            files=wire.files,
            engines=wire.engines,
        )


def check_labels(labels: tuple[str, ...], config: ModelConfig) -> None:
    """Refuse labels that do not fit the network.

    Raises:
        BadCheckpoint: too many, too few, repeated or empty; the message says which.
    """
    if len(labels) != config.num_classes:
        raise BadCheckpoint(
            f"{len(labels)} labels for a network of {config.num_classes} classes: "
            f"{', '.join(labels)}"
        )
    if len(set(labels)) != len(labels) or not all(name.strip() for name in labels):
        raise BadCheckpoint(f"labels must be named and different: {list(labels)}")


def _check_version(fields: Mapping[str, Any]) -> None:
    if fields.get("format") != FORMAT:
        raise BadCheckpoint(
            f"this is not a Touchline checkpoint: its format is "
            f"{fields.get('format')!r}, not {FORMAT!r}"
        )
    version = fields.get("version")
    if isinstance(version, bool) or not isinstance(version, int):
        raise BadCheckpoint(f"the checkpoint's version is {version!r}, not a number")
    if version != VERSION:
        raise UnsupportedCheckpoint(
            f"the checkpoint is of version {version}; this Touchline reads version "
            f"{VERSION}: update Touchline, or export the checkpoint again with this one"
        )

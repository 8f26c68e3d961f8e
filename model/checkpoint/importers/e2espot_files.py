"""The files beside E2E-Spot's weights: what the network is, and what its labels are."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from model.errors import BadCheckpoint, UnsupportedCheckpoint
from model.network.config import ModelConfig

_NEEDED = ("feature_arch", "temporal_arch", "clip_len")


def config_of(raw: Mapping[str, Any], path: Path) -> ModelConfig:
    """Read what a network is made of; `num_classes` must be in it.

    Raises:
        BadCheckpoint: a key is missing, or a value of the wrong kind.
        UnsupportedCheckpoint: an architecture that we do not build.
    """
    missing = [key for key in _NEEDED if key not in raw]
    if missing:
        raise BadCheckpoint(f"{path.name} lacks {', '.join(missing)}")
    if raw.get("modality", "rgb") != "rgb":
        raise UnsupportedCheckpoint(
            f"{path.name}: modality {raw['modality']!r} is not supported, only rgb is"
        )
    return ModelConfig(**{key: raw[key] for key in (*_NEEDED, "num_classes")})


def crop_dim_of(raw: Mapping[str, Any], path: Path) -> int | None:
    """Read the side of the square cut out of each frame; None: the whole frame.

    Raises:
        BadCheckpoint: it is not a whole number.
    """
    crop_dim = raw.get("crop_dim")
    if crop_dim is None:
        return None
    if not isinstance(crop_dim, int):
        raise BadCheckpoint(f"{path.name}: crop_dim cannot be {crop_dim!r}")
    return crop_dim if crop_dim > 0 else None  # as E2E-Spot reads it


def read_classes(path: Path) -> tuple[str, ...]:
    """Read a `class.txt`: a label a line, blank lines skipped.

    Raises:
        BadCheckpoint: no such text file, no labels in it, or one twice.
    """
    labels = tuple(line.strip() for line in _text(path).splitlines() if line.strip())
    if not labels:
        raise BadCheckpoint(f"{path.name} names no classes")
    repeated = sorted({label for label in labels if labels.count(label) > 1})
    if repeated:
        raise BadCheckpoint(f"{path.name} names {', '.join(repeated)} more than once")
    return labels


def read_json(path: Path) -> Mapping[str, Any]:
    """Read a JSON object.

    Raises:
        BadCheckpoint: it is none.
    """
    try:
        raw = json.loads(_text(path))
    except (ValueError, RecursionError) as exc:
        raise BadCheckpoint(f"{path.name} is not JSON: {exc}") from exc
    if not isinstance(raw, Mapping):
        raise BadCheckpoint(f"{path.name} must hold a JSON object")
    return raw


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        raise BadCheckpoint(f"{path} cannot be read: {exc}") from exc

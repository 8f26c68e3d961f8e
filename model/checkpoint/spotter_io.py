"""Between a network in memory and a checkpoint on disk; strict both ways."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from model.checkpoint.archive import Checkpoint, check_finite, write_checkpoint
from model.checkpoint.manifest import Manifest
from model.errors import BadCheckpoint
from model.network.config import ModelConfig
from model.network.spotter import Spotter

Precision = Literal["fp16", "fp32"]

_DTYPES: Mapping[str, Any] = {"fp16": np.float16, "fp32": np.float32}

# What layers of the heads were called in checkpoints of earlier releases.
_EARLIER_LAYERS = {
    "_enter": "_in_proj",
    "_weigh": "_gate",
    "think": "mlp",
    "mix": "pointwise",
}


def load_spotter(checkpoint: Checkpoint | Path) -> Spotter:
    """Build the network of a checkpoint and fill it: float32, ready to spot.

    Raises:
        BadCheckpoint: a weight is missing, extra, of the wrong shape, NaN or
            infinite; the message names it.
        UnsupportedCheckpoint: see `Checkpoint.open`.
    """
    if isinstance(checkpoint, Path):
        checkpoint = Checkpoint.open(checkpoint)
    return fill_spotter(checkpoint.manifest.config, checkpoint.read_weights())


def save_spotter(
    path: Path,
    spotter: Spotter,
    manifest: Manifest,
    *,
    precision: Precision = "fp16",
    engines: Mapping[str, bytes] | None = None,
) -> Checkpoint:
    """Write a network's weights and its manifest as one checkpoint.

    Raises:
        BadCheckpoint: the manifest is another network's, a weight is NaN or
            infinite, or does not fit half precision.
        OSError: the disk is full or the folder cannot be written to.
    """
    if manifest.config != spotter.config:
        raise BadCheckpoint(
            f"the manifest describes {manifest.config}, the network is {spotter.config}"
        )
    weights = {
        key: value.detach().cpu().numpy() for key, value in spotter.state_dict().items()
    }
    check_finite(weights)
    return write_checkpoint(
        path,
        manifest,
        weights={key: _cast(key, w, precision) for key, w in weights.items()},
        engines=engines,
    )


def fill_spotter(config: ModelConfig, weights: Mapping[str, Any]) -> Spotter:
    """Build a network and give it exactly these weights (arrays or tensors).

    Raises:
        BadCheckpoint: see `load_spotter`.
    """
    spotter = Spotter(config)
    tensors = {
        _current_key(key): torch.as_tensor(value) for key, value in weights.items()
    }
    _check_keys(spotter.state_dict(), tensors)
    # NumPy has no bfloat16, in which some runs save.
    plain = {k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}
    check_finite({key: value.cpu().numpy() for key, value in plain.items()})
    spotter.load_state_dict(tensors)
    return spotter.eval()


def _current_key(key: str) -> str:
    if not key.startswith("_pred_fine."):
        return key
    return ".".join(_EARLIER_LAYERS.get(part, part) for part in key.split("."))


def _check_keys(
    wanted: Mapping[str, torch.Tensor], found: Mapping[str, torch.Tensor]
) -> None:
    missing = sorted(set(wanted) - set(found))
    extra = sorted(set(found) - set(wanted))
    misshapen = [
        f"{key} {tuple(found[key].shape)} instead of {tuple(wanted[key].shape)}"
        for key in wanted
        if key in found and found[key].shape != wanted[key].shape
    ]
    faults = {"missing": missing, "extra": extra, "of another shape": misshapen}
    found_faults = [
        f"{len(keys)} {name}: {_some(keys)}" for name, keys in faults.items() if keys
    ]
    if found_faults:
        raise BadCheckpoint(
            "the weights do not fit the network: " + "; ".join(found_faults)
        )


def _some(keys: list[str], limit: int = 20) -> str:
    more = f" and {len(keys) - limit} more" if len(keys) > limit else ""
    return ", ".join(keys[:limit]) + more


def _cast(
    key: str, weight: np.ndarray[Any, Any], precision: Precision
) -> np.ndarray[Any, Any]:
    if weight.dtype.kind != "f":
        return weight  # a counter
    if precision == "fp16" and np.abs(weight).max(initial=0) > np.finfo("f2").max:
        raise BadCheckpoint(f"{key} does not fit half precision: save it as fp32")
    return weight.astype(_DTYPES[precision])

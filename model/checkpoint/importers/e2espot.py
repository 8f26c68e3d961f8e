"""Read what E2E-Spot and opensportslib have trained.

Their checkpoints are pickles: only tensors are read from them.
"""

import pickle
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from model.checkpoint.archive import Checkpoint
from model.checkpoint.importers.e2espot_files import (
    config_of,
    crop_dim_of,
    read_classes,
    read_json,
)
from model.checkpoint.importers.tdeed import refuse_tdeed, refuse_tdeed_weights
from model.checkpoint.manifest import Manifest, Provenance
from model.checkpoint.spotter_io import Precision, fill_spotter, save_spotter
from model.checkpoint.spotting_options import SpottingOptions
from model.errors import BadCheckpoint
from model.network.config import ModelConfig
from model.network.spotter import Spotter
from model.video.frame_spec import FrameSpec

# Where other trainers put the network; each is a prefix of all of its keys.
_WRAPPERS = ("module.", "_model.", "model.")
_PARTS = {"backbone._features.": "_features.", "head._pred_fine.": "_pred_fine."}
_NESTED = ("state_dict", "model_state_dict", "model")
_OPTIMISER_KEYS = ({"optimizer_state_dict"}, {"state", "param_groups"})
# opensportslib keeps its best mAP beside the weights, as a number of NumPy's: plain
# data, allowed under the names of NumPy 2 and 1. Nothing else is.
_NUMBER = np.float64().__reduce__()[0]
_NUMBERS: list[Any] = [
    (_NUMBER, "numpy._core.multiarray.scalar"),
    (_NUMBER, "numpy.core.multiarray.scalar"),
    np.dtype,
    *(type(np.dtype(kind)) for kind in ("f8", "f4", "i8", "?")),
]


def import_e2espot(weights: Path, config: Path, classes: Path) -> Spotter:
    """Read a network that E2E-Spot or opensportslib has trained.

    Args:
        weights: `checkpoint_NNN.pt`, a plain state_dict.
        config: `config.json` with feature_arch, temporal_arch, clip_len and
            num_classes (the background not counted; else as many as there are
            classes, as T-DEED has it); the rest is not looked at.
        classes: `class.txt`, a label a line, in the order of logits 1, 2, ...

    Returns:
        The network, filled and in evaluation mode.

    Raises:
        BadCheckpoint: a file is not what it should be; the message says which,
            and names the keys that are missing, extra or NaN.
        UnsupportedCheckpoint: an architecture that we do not build.

    Source: E2E-Spot (Hong et al., ECCV 2022), train_e2e.py; opensportslib.
    """
    return read_run(weights, config, classes).spotter


@dataclass(frozen=True, slots=True)
class Run:
    """What a training run of E2E-Spot has left.

    Attributes:
        spotter: the network, filled and in evaluation mode.
        labels: in the order of logits 1, 2, ...
        crop_dim: side of the square cut out of each frame's middle; None if whole.
        trained_on: name of the data; empty if the config does not say.
        origin: where it comes from, in words.
    """

    spotter: Spotter
    labels: tuple[str, ...]
    crop_dim: int | None
    trained_on: str
    origin: str

    @property
    def config(self) -> ModelConfig:
        """What the network is made of."""
        return self.spotter.config

    def save(
        self, path: Path, *, name: str, frame_spec: FrameSpec, precision: Precision
    ) -> Checkpoint:
        """Write it as a checkpoint of ours, with thresholds of 0.5."""
        manifest = Manifest(
            name=name,
            config=self.config,
            labels=self.labels,
            frame_spec=frame_spec,
            spotting=SpottingOptions.default(self.labels),
            provenance=Provenance(
                trained_on=self.trained_on,
                version=version("touchline"),
                notes=self.origin,
            ),
        )
        return save_spotter(path, self.spotter, manifest, precision=precision)


def read_run(weights: Path, config: Path, classes: Path) -> Run:
    """Read a network and what is known of it; see `import_e2espot`."""
    state = read_state(weights)  # They tell T-DEED's without its config.
    refuse_tdeed_weights(state, weights)
    raw = read_json(config)
    refuse_tdeed(raw, config)
    labels = read_classes(classes)
    # T-DEED's training takes the number from the list of classes.
    model_config = config_of({"num_classes": len(labels), **raw}, config)
    if len(labels) != model_config.num_classes:
        raise BadCheckpoint(
            f"{classes.name} names {len(labels)} classes, {config.name} says "
            f"num_classes is {model_config.num_classes} (the background not counted)"
        )
    _check_classes(state, model_config, weights)
    dataset = raw.get("dataset")
    return Run(
        spotter=fill_spotter(model_config, state),
        labels=labels,
        crop_dim=crop_dim_of(raw, config),
        trained_on=dataset if isinstance(dataset, str) else "",
        origin=f"imported from {weights.name}",
    )


def read_state(path: Path) -> dict[str, Tensor]:
    """Read a pickled state_dict, its keys brought to E2E-Spot's.

    Raises:
        BadCheckpoint: not such a file, holds more than tensors, or is the
            optimiser's file.
    """
    raw = _unpickle(path)
    if not isinstance(raw, Mapping):
        raise BadCheckpoint(f"{path.name} holds {type(raw).__name__}, not weights")
    _refuse_optimiser(raw, path)
    for key in _NESTED:
        if isinstance(raw.get(key), Mapping):
            raw = raw[key]
    others = [key for key, value in raw.items() if not isinstance(value, Tensor)]
    if others or not raw:
        raise BadCheckpoint(
            f"{path.name} is not a state_dict: its values are to be tensors, but "
            f"{', '.join(map(repr, others[:5])) or 'there are none'}"
        )
    return _rename({str(key): value for key, value in raw.items()})


def _unpickle(path: Path) -> Any:
    if not path.is_file():
        raise BadCheckpoint(f"there is no file {path}")
    try:
        _check_sums(path)
        with torch.serialization.safe_globals(_NUMBERS):
            return torch.load(path, map_location="cpu", weights_only=True)
    except BadCheckpoint:
        raise
    except pickle.UnpicklingError as exc:
        raise BadCheckpoint(
            f"{path.name} is not a file of weights, or it holds objects besides "
            f"tensors, which are never unpickled ({_refused_object(exc)})"
        ) from exc
    except Exception as exc:  # damaged bytes raise anything in there
        raise BadCheckpoint(
            f"{path.name} is damaged or cut off: {_first_line(exc)}"
        ) from exc


def _check_sums(path: Path) -> None:
    """Hold every part of the file against its checksum, which torch does not.

    Before torch 1.6 files had none: there only what cannot be read is noticed.
    """
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        part = archive.testzip()
    if part is not None:
        raise BadCheckpoint(
            f"{path.name} is damaged: the checksum of {part} is not its contents'; "
            "copy or download the file again"
        )


def _refuse_optimiser(raw: Mapping[Any, Any], path: Path) -> None:
    if any(keys <= set(raw) for keys in _OPTIMISER_KEYS) and not any(
        isinstance(raw.get(key), Mapping) for key in _NESTED
    ):
        sibling = path.name.replace("optim_", "checkpoint_")
        hint = f"take {sibling}" if sibling != path.name else "take checkpoint_NNN.pt"
        raise BadCheckpoint(
            f"{path.name} is the optimiser's state, not the network's weights; {hint} "
            "beside it"
        )


def _rename(state: dict[str, Tensor]) -> dict[str, Tensor]:
    peeled = True
    while peeled:
        peeled = False
        for wrapper in _WRAPPERS:
            if all(key.startswith(wrapper) for key in state):
                state = {key[len(wrapper) :]: value for key, value in state.items()}
                peeled = True
    return {_ours(key): value for key, value in state.items()}


def _ours(key: str) -> str:
    for theirs, ours in _PARTS.items():
        if key.startswith(theirs):
            return ours + key.removeprefix(theirs)
    return key


def _check_classes(
    state: Mapping[str, Tensor], config: ModelConfig, weights: Path
) -> None:
    for key in ("_pred_fine._fc_out._fc_out.weight", "_pred_fine._fc_out.weight"):
        if key in state and len(state[key]) != config.num_classes + 1:
            raise BadCheckpoint(
                f"{weights.name} was trained with {len(state[key]) - 1} classes and "
                f"the background, the config names {config.num_classes}"
            )


def _refused_object(exc: Exception) -> str:
    """Name the refused object; torch's own message advises to allow everything."""
    found = re.search(r"GLOBAL (\S+)", str(exc))
    return found[1] if found else "it is no such pickle"


def _first_line(exc: Exception) -> str:
    return str(exc).strip().split("\n", 1)[0][:200]

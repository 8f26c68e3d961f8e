"""The network against the logits of the reference E2E-Spot network."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from model.network.config import ModelConfig
from model.network.spotter import Spotter

NAME = "rny002_gsm+gru"
CASES = {
    "b2_t16_112": (2, 16, 112, 112, 16112),
    "short_t10_of_16_112": (1, 10, 112, 112, 10112),
    "b1_t16_112x200": (1, 16, 112, 200, 16200),
}


@pytest.fixture(scope="module")
def vectors(shared: Path) -> ModuleType:
    """The module that makes weights and clips from names and seeds."""
    spec = importlib.util.spec_from_file_location(
        "parity_vectors", shared / "parity" / "vectors.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def spotter(shared: Path, vectors: ModuleType) -> Spotter:
    """The reference's network, its weights loaded strictly."""
    facts = json.loads((shared / "parity" / "shapes.json").read_text())[NAME]
    config = ModelConfig(
        feature_arch=facts["feature_arch"],
        temporal_arch=facts["temporal_arch"],
        clip_len=facts["clip_len"],
        num_classes=facts["num_classes"],
    )
    spotter = Spotter(config).eval()
    weights = vectors.weights(facts["shapes"])
    spotter.load_state_dict({k: torch.from_numpy(v) for k, v in weights.items()})
    return spotter


@pytest.mark.parametrize("case", CASES)
def test_logits_are_those_of_the_reference(
    shared: Path, vectors: ModuleType, spotter: Spotter, case: str
) -> None:
    b, t, h, w, seed = CASES[case]
    frames = torch.from_numpy(vectors.clip(b, t, h, w, seed=seed))

    with torch.no_grad():
        logits = spotter(frames)["scores"].numpy()

    with np.load(shared / "parity" / "vectors.npz") as file:
        expected = file[f"{NAME}/{case}"]
    assert np.abs(logits - expected).max() < 1e-4

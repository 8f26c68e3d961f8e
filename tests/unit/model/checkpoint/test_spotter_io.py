"""A network goes to disk and comes back the same, or not at all."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from model.checkpoint.archive import write_checkpoint
from model.checkpoint.spotter_io import (
    Precision,
    fill_spotter,
    load_spotter,
    save_spotter,
)
from model.errors import BadCheckpoint
from model.network.config import ModelConfig
from model.network.spotter import Spotter
from tests.unit.model.checkpoint.checkpoints import tiny_manifest


@pytest.fixture
def spotter() -> Spotter:
    """The network of the tiny manifest."""
    torch.manual_seed(0)
    return Spotter(tiny_manifest().config).eval()


@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 0.0), ("fp16", 1e-3)])
def test_scores_survive_the_trip(
    spotter: Spotter, tmp_path: Path, precision: Precision, tolerance: float
) -> None:
    path = tmp_path / "tiny.touchline"
    clip = torch.randint(0, 256, (1, 16, 3, 48, 64), dtype=torch.uint8)

    save_spotter(path, spotter, tiny_manifest(), precision=precision)
    again = load_spotter(path)

    with torch.no_grad():
        scores = [net(clip)["scores"].softmax(-1) for net in (again, spotter)]
        moved = (scores[0] - scores[1]).abs().max()
    assert moved <= tolerance
    assert not again.training
    assert {p.dtype for p in again.parameters()} == {torch.float32}


def test_half_precision_halves_the_file(spotter: Spotter, tmp_path: Path) -> None:
    sizes = {}
    for precision in ("fp32", "fp16"):
        path = tmp_path / f"{precision}.touchline"
        save_spotter(path, spotter, tiny_manifest(), precision=precision)
        sizes[precision] = path.stat().st_size

    assert sizes["fp16"] == pytest.approx(sizes["fp32"] / 2, rel=0.02)


def test_a_head_of_another_network_is_never_a_random_one(
    spotter: Spotter, tmp_path: Path
) -> None:
    weights = {
        key: value.numpy()
        for key, value in spotter.state_dict().items()
        if not key.startswith("_pred_fine")
    }
    path = tmp_path / "headless.touchline"
    write_checkpoint(path, tiny_manifest(), weights=weights)

    with pytest.raises(BadCheckpoint, match=r"10 missing: _pred_fine\._fc_out"):
        load_spotter(path)


def test_a_manifest_of_another_network_is_refused(
    spotter: Spotter, tmp_path: Path
) -> None:
    other = replace(tiny_manifest(), config=ModelConfig("rny002_gsm", "", 16, 2))

    with pytest.raises(BadCheckpoint, match="the manifest describes"):
        save_spotter(tmp_path / "x.touchline", spotter, other)

    assert list(tmp_path.iterdir()) == []


def test_a_weight_too_large_for_half_precision_is_named(
    spotter: Spotter, tmp_path: Path
) -> None:
    key = "_features.stem.bn.running_var"
    spotter.state_dict()[key][0] = 1e6

    with pytest.raises(
        BadCheckpoint, match=r"stem\.bn\.running_var .* save it as fp32"
    ):
        save_spotter(tmp_path / "x.touchline", spotter, tiny_manifest())

    assert list(tmp_path.iterdir()) == []


def test_a_network_that_diverged_is_not_saved(spotter: Spotter, tmp_path: Path) -> None:
    spotter.state_dict()["_pred_fine._fc_out._fc_out.bias"][1] = float("nan")

    with pytest.raises(BadCheckpoint, match=r"infinite: _pred_fine\._fc_out\._fc_out"):
        save_spotter(tmp_path / "x.touchline", spotter, tiny_manifest())


@pytest.mark.costly
@pytest.mark.parametrize(
    ("head", "earlier"),
    [
        ("transformer", {"_in_proj": "_enter", "mlp": "think"}),
        ("multiscale", {"_in_proj": "_enter", "_gate": "_weigh", "pointwise": "mix"}),
    ],
)
@pytest.mark.slow
def test_layers_of_heads_are_found_under_their_earlier_names(
    head: str, earlier: dict[str, str]
) -> None:
    spotter = Spotter(ModelConfig("convnextt", head, 16, 2))
    weights = {
        key
        if key.startswith("_features.")
        else ".".join(earlier.get(part, part) for part in key.split(".")): value
        for key, value in spotter.state_dict().items()
    }
    assert set(weights) != set(spotter.state_dict())

    again = fill_spotter(spotter.config, weights)

    for key, value in spotter.state_dict().items():
        assert torch.equal(again.state_dict()[key], value), key

"""What a network keeps of its base."""

import json
import zipfile
from pathlib import Path

import pytest
import torch

from model.checkpoint.spotter_io import load_spotter
from model.data.labels import Event, Match, MatchLabels
from model.errors import UnsupportedCheckpoint
from model.network.spotter import Spotter
from model.teaching.network import TRUNK, build_network, config_for, open_base
from model.teaching.options import TeachOptions
from model.teaching.types import plan_types
from tests.unit.model.teaching.toys import toy_base

pytestmark = pytest.mark.slow

ROWS = "_pred_fine._fc_out._fc_out"
OUTPUTS: dict[str, dict[str, object]] = {"displacement": {}, "team": {}}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base of three types with both further outputs."""
    path = tmp_path_factory.mktemp("base") / "base.touchline"
    return toy_base(path, labels=("PASS", "DRIVE", "SHOT"), outputs=OUTPUTS)


def built(options: TeachOptions, *labels: str, team: str | None = None) -> Spotter:
    """Build the network for a match with an event of each of these types."""
    events = tuple(Event(label, 1.0, team) for label in labels)
    match = Match("m", Path("m.mp4"), MatchLabels("m", events, Path("m.json")))
    found = open_base(options)
    plan = plan_types(options, found.labels, [match])
    config, _ = config_for(found, plan, options, [match])
    network, _ = build_network(found, plan, config, options, report=print)
    return network


def test_old_rows_are_kept_to_the_bit_beside_a_new_one(base: Path) -> None:
    old = load_spotter(base).state_dict()

    new = built(TeachOptions("hall", base), "CORNER", "PASS", "SHOT").state_dict()

    for key, value in old.items():
        if key.startswith(ROWS):
            assert torch.equal(new[key][:4], value)
            assert len(new[key]) == 5
        else:
            assert torch.equal(new[key], value), key
    assert new[f"{ROWS}.bias"][4] == old[f"{ROWS}.bias"][1:].min()


@pytest.mark.costly
def test_merged_rows_are_the_mean_and_removed_ones_are_gone(base: Path) -> None:
    mapping = {"PASS": "MOVE", "DRIVE": "MOVE"}
    old = load_spotter(base).state_dict()[f"{ROWS}.weight"]

    merged = built(TeachOptions("h", base, mapping=mapping), "MOVE", "SHOT")
    left = built(TeachOptions("h", base, mapping={"DRIVE": None}), "PASS")

    rows = merged.state_dict()[f"{ROWS}.weight"]
    assert torch.equal(rows, torch.stack([old[0], (old[1] + old[2]) / 2, old[3]]))
    assert torch.equal(left.state_dict()[f"{ROWS}.weight"], old[[0, 1, 3]])


def test_a_trunk_is_kept_without_its_head(base: Path) -> None:
    old = load_spotter(base).state_dict()

    new = built(TeachOptions("hall", base, start="trunk"), "THROW").state_dict()

    for key, value in old.items():
        if key.startswith(TRUNK):
            assert torch.equal(new[key], value)
    assert len(new[f"{ROWS}.weight"]) == 2
    assert not torch.equal(
        new["_pred_fine._gru.weight_ih_l0"], old["_pred_fine._gru.weight_ih_l0"]
    )


@pytest.mark.costly
def test_teams_that_no_label_names_are_kept_from_the_base_alone(base: Path) -> None:
    whole, trunk = (TeachOptions("hall", base, start=s) for s in ("base", "trunk"))

    assert set(built(whole, "PASS").config.outputs) == {"displacement", "team"}
    assert set(built(trunk, "PASS").config.outputs) == {"displacement"}
    assert set(built(trunk, "PASS", team="left").config.outputs) == set(OUTPUTS)


def test_without_a_base_the_network_is_our_own(base: Path) -> None:
    network = built(TeachOptions("hall", None, start="noise"), "THROW")

    assert network.config.feature_arch == "rny002_gsm"
    assert network.config.num_classes == 1


def test_a_base_of_a_newer_version_is_refused_by_its_own_error(
    base: Path, tmp_path: Path
) -> None:
    newer = tmp_path / "newer.touchline"
    with zipfile.ZipFile(base) as old, zipfile.ZipFile(newer, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "manifest.json":
                content = json.dumps({**json.loads(content), "version": 2}).encode()
            new.writestr(name, content)

    with pytest.raises(UnsupportedCheckpoint, match=r"version 2.*update Touchline"):
        open_base(TeachOptions("hall", newer))

"""E2E-Spot's files: read to the letter, or refused with what to do."""

import json
import pickle
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from model.checkpoint.importers.e2espot import import_e2espot, read_state
from model.errors import BadCheckpoint, UnsupportedCheckpoint
from model.network.config import ModelConfig
from model.network.spotter import Spotter

pytestmark = pytest.mark.slow

CONFIG = {
    "dataset": "soccernet_ball",
    "num_classes": 2,
    "modality": "rgb",
    "feature_arch": "rny002_gsm",
    "temporal_arch": "gru",
    "clip_len": 4,
    "crop_dim": 224,
    "learning_rate": 0.001,
}


@dataclass
class Run:
    """What E2E-Spot leaves in its folder."""

    folder: Path
    state: dict[str, Tensor]

    @property
    def weights(self) -> Path:
        return self.folder / "checkpoint_049.pt"

    @property
    def config(self) -> Path:
        return self.folder / "config.json"

    @property
    def classes(self) -> Path:
        return self.folder / "class.txt"

    def save(self, content: Any, **changes: Any) -> None:
        """Write the three files, some keys of the config changed."""
        torch.save(content, self.weights)
        self.config.write_text(json.dumps(CONFIG | changes))
        self.classes.write_text("PASS\nDRIVE\n")

    def load(self) -> Spotter:
        return import_e2espot(self.weights, self.config, self.classes)


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    """A network's weights under E2E-Spot's keys."""
    torch.manual_seed(0)
    return Spotter(ModelConfig("rny002_gsm", "gru", 4, 2)).state_dict()


@pytest.fixture
def run(tmp_path: Path, state: dict[str, Tensor]) -> Run:
    """A run whose files are as they should be."""
    run = Run(tmp_path, dict(state))
    run.save(run.state)
    return run


def equal(a: Spotter, b: dict[str, Tensor]) -> bool:
    """Say whether a network has exactly these weights."""
    mine = a.state_dict()
    return set(mine) == set(b) and all(torch.equal(mine[key], b[key]) for key in b)


def test_a_plain_checkpoint_comes_in_whole(run: Run) -> None:
    spotter = run.load()

    assert equal(spotter, run.state)
    assert not spotter.training
    assert spotter.config == ModelConfig("rny002_gsm", "gru", 4, 2)


def test_only_three_keys_of_the_config_are_needed(run: Run) -> None:
    needed = ("feature_arch", "temporal_arch", "clip_len")
    run.config.write_text(json.dumps({key: CONFIG[key] for key in needed}))

    assert equal(run.load(), run.state)


@pytest.mark.parametrize(
    ("shift", "told"), [("gsf", "feature_arch 'rny008_gsf'"), ("gsm", "ed_sgp_mixer")]
)
def test_a_network_of_tdeed_is_refused_by_the_name_of_what_it_has(
    run: Run, shift: str, told: str
) -> None:
    # The keys that T-DEED's configs have; the number of classes is not among them.
    tdeed = {
        "feature_arch": f"rny008_{shift}",
        "temporal_arch": "ed_sgp_mixer",
        "clip_len": 100,
        "n_layers": 2,
        "sgp_ks": 9,
        "sgp_r": 4,
        "radi_displacement": 4,
        "modality": "rgb",
    }
    run.config.write_text(json.dumps(tdeed))
    run.classes.unlink()  # T-DEED keeps it elsewhere.

    with pytest.raises(UnsupportedCheckpoint, match=told) as caught:
        run.load()

    assert "T-DEED" in str(caught.value)


@pytest.mark.parametrize("prefix", ["", "module."])
def test_weights_of_tdeed_are_told_without_their_config(run: Run, prefix: str) -> None:
    """Under T-DEED's own keys, as its training saves them."""
    tdeed = {
        key: value
        for key, value in run.state.items()
        if key.startswith("_features.") and ".gsm." not in key
    }
    tdeed |= {
        "temp_enc": torch.zeros(100, 368),
        "_features.s3.b1.conv1.gs.channel_conv1.weight": torch.zeros(1, 2, 3, 3),
        "_temp_fine._sgp.0.psi.weight": torch.zeros(368, 1, 7),
        "_temp_fine._sgpMixer.0.psi1.weight": torch.zeros(368, 1, 7),
        "_pred_fine._fc_out.weight": torch.zeros(3, 368),
        "_pred_displ._fc_out.weight": torch.zeros(1, 368),
    }
    torch.save({prefix + key: value for key, value in tdeed.items()}, run.weights)
    run.config.unlink()  # T-DEED keeps it in another folder.

    with pytest.raises(UnsupportedCheckpoint) as caught:
        run.load()

    told = str(caught.value)
    for part in ("checkpoint_049.pt", "T-DEED", "temp_enc", "SGP", "gsf"):
        assert part in told


def test_a_network_of_ours_that_tdeeds_files_describe_comes_in(run: Run) -> None:
    """Its configs name no number of classes, and more that is not looked at."""
    names = ("feature_arch", "temporal_arch", "clip_len", "modality", "crop_dim")
    tdeed = {key: CONFIG[key] for key in names}
    tdeed |= {"radi_displacement": 0, "n_layers": 2, "sgp_ks": 9, "sgp_r": 4}
    run.config.write_text(json.dumps(tdeed))

    assert equal(run.load(), run.state)


@pytest.mark.parametrize("key", ["feature_arch", "temporal_arch", "clip_len"])
def test_a_config_that_lacks_one_of_them_says_which(run: Run, key: str) -> None:
    run.config.write_text(json.dumps({k: v for k, v in CONFIG.items() if k != key}))

    with pytest.raises(BadCheckpoint, match=rf"config\.json lacks {key}"):
        run.load()


@pytest.mark.parametrize("prefix", ["module.", "_model.", "module._model."])
def test_a_prefix_of_all_keys_is_peeled_off(run: Run, prefix: str) -> None:
    run.save({prefix + key: value for key, value in run.state.items()})

    assert equal(run.load(), run.state)


@pytest.mark.parametrize("prefix", ["", "module."])
def test_the_layout_of_opensportslib_is_read(run: Run, prefix: str) -> None:
    parts = {"_features": "backbone._features", "_pred_fine": "head._pred_fine"}
    renamed = {}
    for key, value in run.state.items():
        part, rest = key.split(".", 1)
        renamed[f"{prefix}{parts[part]}.{rest}"] = value
    run.save({"epoch": 3, "state_dict": renamed})

    assert equal(run.load(), run.state)


@pytest.mark.costly
def test_what_opensportslib_keeps_beside_the_weights_is_no_hindrance(run: Run) -> None:
    # Its trainer keeps all of the training's state in one file, and the best mAP as
    # the number that NumPy's mean has given.
    best = {"best_criterion_valid": np.mean([0.25, 0.5]), "best_epoch": np.int64(3)}
    run.save({"model_state_dict": run.state, "optimizer_state_dict": {}, **best})
    assert equal(run.load(), run.state)

    with zipfile.ZipFile(run.weights) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(run.weights, "w") as archive:
        for name, content in members.items():  # as NumPy 1 names its numbers
            archive.writestr(name, content.replace(b"numpy._core", b"numpy.core"))
    assert equal(run.load(), run.state)


def test_half_precision_weights_come_in_as_float32(run: Run) -> None:
    run.save(
        {k: v.half() if v.is_floating_point() else v for k, v in run.state.items()}
    )

    spotter = run.load()

    assert {p.dtype for p in spotter.parameters()} == {torch.float32}


def test_missing_and_extra_keys_are_named(run: Run) -> None:
    gone = "_features.s1.b1.conv1.gsm.bn.weight"
    del run.state[gone]
    run.save(run.state | {"_features.head.fc.weight": torch.zeros(3)})

    with pytest.raises(BadCheckpoint) as refusal:
        run.load()

    assert f"1 missing: {gone}" in str(refusal.value)
    assert "1 extra: _features.head.fc.weight" in str(refusal.value)


def test_another_backbone_is_no_random_network(run: Run) -> None:
    run.save(run.state, feature_arch="rny002")

    with pytest.raises(BadCheckpoint, match=r"missing.*extra"):
        run.load()


def test_a_tensor_of_another_shape_is_named(run: Run) -> None:
    key = "_features.stem.conv.weight"
    run.save(run.state | {key: torch.zeros(32, 1, 3, 3)})

    with pytest.raises(
        BadCheckpoint, match=r"stem\.conv\.weight \(32, 1, 3, 3\) instead of \(32, 3,"
    ):
        run.load()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_named(run: Run, value: float) -> None:
    key = "_features.s2.b1.conv2.conv.weight"
    broken = run.state[key].clone()
    broken[0, 0, 0, 0] = value
    run.save(run.state | {key: broken})

    with pytest.raises(BadCheckpoint, match=r"infinite: _features\.s2\.b1\.conv2"):
        run.load()


def test_the_optimisers_file_is_recognised(run: Run) -> None:
    spotter = Spotter(ModelConfig("rny002_gsm", "gru", 4, 2))
    optimiser = torch.optim.AdamW(spotter.parameters()).state_dict()
    path = run.folder / "optim_049.pt"

    for content in (
        {"optimizer_state_dict": optimiser, "scaler_state_dict": {}},
        optimiser,
    ):
        torch.save(content, path)
        with pytest.raises(BadCheckpoint, match=r"optimiser.*take checkpoint_049\.pt"):
            import_e2espot(path, run.config, run.classes)


def test_an_unknown_head_lists_the_known(run: Run) -> None:
    run.save(run.state, temporal_arch="tcn")

    with pytest.raises(UnsupportedCheckpoint, match="known are '', 'gru'"):
        run.load()


@pytest.mark.parametrize("head", [None, [], {}, 3])
def test_a_head_that_is_no_name_is_refused(run: Run, head: Any) -> None:
    run.save(run.state, temporal_arch=head)

    with pytest.raises(BadCheckpoint, match=r"temporal_arch.*valid string, got"):
        run.load()


@pytest.mark.parametrize("head", ["mstcn", "asformer"])
def test_heads_that_we_do_not_build_are_refused_by_name(run: Run, head: str) -> None:
    run.save(run.state, temporal_arch=head)

    with pytest.raises(UnsupportedCheckpoint, match=head):
        run.load()


@pytest.mark.parametrize("arch", ["rny016_gsm", "rny002_", "rny002_gsf", ""])
def test_backbones_that_we_do_not_build_are_refused(run: Run, arch: str) -> None:
    run.save(run.state, feature_arch=arch)

    with pytest.raises(UnsupportedCheckpoint, match="known are rny002"):
        run.load()


def test_optical_flow_is_refused(run: Run) -> None:
    run.save(run.state, modality="flow")

    with pytest.raises(UnsupportedCheckpoint, match="only rgb"):
        run.load()


@pytest.mark.parametrize("clip_len", [0, -3, "100", 4.5, True, None])
def test_a_clip_len_that_is_no_length_is_refused(run: Run, clip_len: Any) -> None:
    run.save(run.state, clip_len=clip_len)

    with pytest.raises(BadCheckpoint, match="clip_len: input should be"):
        run.load()


def test_classes_that_differ_from_the_config_are_refused(run: Run) -> None:
    run.classes.write_text("PASS\n\nDRIVE\nSHOT\n")

    with pytest.raises(BadCheckpoint, match=r"class\.txt names 3 classes.* is 2"):
        run.load()


def test_classes_that_differ_from_the_weights_are_refused(run: Run) -> None:
    run.save(run.state, num_classes=3)
    run.classes.write_text("PASS\nDRIVE\nSHOT\n")

    with pytest.raises(BadCheckpoint, match="trained with 2 classes"):
        run.load()


def test_classes_named_twice_are_refused(run: Run) -> None:
    run.classes.write_text("PASS\nPASS\n")

    with pytest.raises(BadCheckpoint, match="PASS more than once"):
        run.load()


def test_a_linear_head_has_its_one_layer(run: Run) -> None:
    linear = Spotter(ModelConfig("rny002_gsm", "", 4, 2)).state_dict()
    run.save(linear, temporal_arch="")

    assert equal(run.load(), linear)
    assert "_pred_fine._fc_out.weight" in linear


class Bomb:
    """What a hostile pickle does: run code while it is read."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> Any:
        return (Path.touch, (self.witness,))


def test_a_pickle_with_code_in_it_is_not_run(run: Run) -> None:
    witness = run.folder / "witness"
    run.save(run.state | {"bomb": Bomb(witness)})

    with pytest.raises(BadCheckpoint, match=r"never unpickled \(getattr\)"):
        run.load()

    assert not witness.exists()


def test_a_bare_pickle_with_code_in_it_is_not_run(run: Run) -> None:
    witness = run.folder / "witness"
    run.weights.write_bytes(pickle.dumps({"bomb": Bomb(witness)}, protocol=2))

    with pytest.raises(BadCheckpoint):
        run.load()

    assert not witness.exists()


@pytest.mark.costly
def test_any_flipped_byte_of_a_checkpoint_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint_001.pt"
    state = {"_features.a": torch.randn(9, 3), "_pred_fine.n": torch.tensor(100)}
    torch.save(state, path)
    content = path.read_bytes()
    refused = 0

    for position in range(len(content)):
        path.write_bytes(
            content[:position]
            + bytes([content[position] ^ 0x40])
            + content[position + 1 :]
        )
        try:
            found = read_state(path)
        except BadCheckpoint:
            refused += 1
        else:  # A byte that carries nothing: padding, a date.
            assert found.keys() == state.keys()
            assert all(torch.equal(found[key], state[key]) for key in state)

    assert refused > len(content) / 2


def test_one_flipped_byte_among_the_weights_names_the_remedy(run: Run) -> None:
    content = bytearray(run.weights.read_bytes())
    key = "_features.s1.b1.conv2.conv.weight"
    content[content.index(run.state[key].numpy().tobytes()) + 1000] ^= 0x01
    run.weights.write_bytes(content)

    with pytest.raises(BadCheckpoint, match=r"damaged: the checksum of .*copy or"):
        run.load()


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_truncated_file_is_an_error(run: Run, share: float) -> None:
    content = run.weights.read_bytes()
    run.weights.write_bytes(content[: int(len(content) * share)])

    with pytest.raises(BadCheckpoint, match="checkpoint_049"):
        run.load()


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"\x80\x02]q\x01(", b"(dp0\n.", b"\0" * 100, b"c" * 40]
)
def test_bytes_that_are_no_weights_are_an_error(run: Run, content: bytes) -> None:
    run.weights.write_bytes(content)

    with pytest.raises(BadCheckpoint, match="checkpoint_049"):
        run.load()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (torch.zeros(3), "holds Tensor, not weights"),
        ({}, "not a state_dict"),
        ({"epoch": 3, "loss": 0.5}, "'epoch', 'loss'"),
    ],
)
def test_something_else_than_weights_is_named(
    run: Run, content: Any, message: str
) -> None:
    run.save(content)

    with pytest.raises(BadCheckpoint, match=message):
        run.load()


@pytest.mark.parametrize("text", ["", "[]", "{broken", '{"a":' * 100_000])
def test_a_config_that_is_not_one_is_refused(run: Run, text: str) -> None:
    run.config.write_text(text)

    with pytest.raises(BadCheckpoint, match=r"config\.json"):
        run.load()


def test_files_that_are_not_there_are_named(run: Run) -> None:
    gone = run.folder / "gone"

    for files in (
        (gone, run.config, run.classes),
        (run.weights, gone, run.classes),
        (run.weights, run.config, gone),
    ):
        with pytest.raises(BadCheckpoint, match="gone"):
            import_e2espot(*files)

"""Checkpoints on disk: written whole, read strictly, refused when damaged."""

import json
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.checkpoint.archive import (
    MANIFEST,
    WEIGHTS,
    Checkpoint,
    with_changes,
    write_checkpoint,
)
from model.checkpoint.manifest import Manifest
from model.checkpoint.spotting_options import LabelOptions, SpottingOptions
from model.errors import (
    BadCheckpoint,
    CheckpointError,
    EngineUnavailable,
    UnsupportedCheckpoint,
)
from tests.unit.model.checkpoint.checkpoints import LABELS, tiny_manifest

WEIGHT: dict[str, np.ndarray[Any, Any]] = {
    "_features.a": np.arange(6, dtype=np.float16).reshape(2, 3),
    "_features.n": np.array(100, dtype=np.int64),
    "_pred_fine.b": np.linspace(0, 1, 5, dtype=np.float32),
}
ENGINE = {"openvino/network.xml": b"<net/>", "openvino/network.bin": b"\0" * 100}


@pytest.fixture
def manifest() -> Manifest:
    """A manifest that agrees with itself."""
    return tiny_manifest()


@pytest.fixture
def checkpoint(tmp_path: Path, manifest: Manifest) -> Checkpoint:
    """A checkpoint on disk with an engine's files."""
    path = tmp_path / "tiny.touchline"
    return write_checkpoint(path, manifest, weights=WEIGHT, engines=ENGINE)


def rewrite(path: Path, change: dict[str, Any]) -> None:
    """Change keys of a manifest (None removes one), leaving the rest as it is."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    raw = json.loads(members[MANIFEST]) | change
    members[MANIFEST] = json.dumps(
        {key: value for key, value in raw.items() if value is not None}
    ).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def test_what_was_written_is_read_back(
    checkpoint: Checkpoint, manifest: Manifest
) -> None:
    again = Checkpoint.open(checkpoint.path)

    weights = again.read_weights()

    assert replace(again.manifest, files={}) == manifest
    assert set(weights) == set(WEIGHT)
    for key, value in WEIGHT.items():
        assert weights[key].dtype == value.dtype
        assert np.array_equal(weights[key], value)


def test_equal_contents_make_equal_files(tmp_path: Path, manifest: Manifest) -> None:
    paths = [tmp_path / "a.touchline", tmp_path / "b.touchline"]

    for path in paths:
        write_checkpoint(path, manifest, weights=WEIGHT, engines=ENGINE)

    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_engine_files_come_out_as_they_went_in(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()

    written = checkpoint.extract_engine("openvino", out)

    assert {path.name: path.read_bytes() for path in written} == {
        "network.xml": b"<net/>",
        "network.bin": b"\0" * 100,
    }


def test_a_form_that_was_not_exported_says_how_to_make_it(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    with pytest.raises(EngineUnavailable, match=r"touchline export .* --format onnx"):
        checkpoint.extract_engine("onnx", tmp_path)


def test_other_options_leave_the_weights_bit_for_bit(checkpoint: Checkpoint) -> None:
    before = checkpoint.read_member(WEIGHTS)
    options = SpottingOptions({label: LabelOptions(0.3, 0.4) for label in LABELS})

    changed = with_changes(
        checkpoint,
        checkpoint.path,
        spotting=options,
        engines={"onnx/network.onnx": b"onnx"},
        engine_facts={"onnx": {"max_score_difference": 1e-6}},
    )

    assert changed.manifest.spotting == options
    assert changed.read_member(WEIGHTS) == before
    assert changed.engine_files("onnx") == ("engines/onnx/network.onnx",)
    assert changed.engine_files("openvino") == checkpoint.engine_files("openvino")
    assert changed.manifest.engines == {"onnx": {"max_score_difference": 1e-6}}


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(checkpoint: Checkpoint, share: float) -> None:
    size = checkpoint.path.stat().st_size
    os.truncate(checkpoint.path, int(size * share))

    with pytest.raises(BadCheckpoint, match="damaged or cut off"):
        Checkpoint.open(checkpoint.path)


def test_any_flipped_byte_of_the_weights_is_noticed(checkpoint: Checkpoint) -> None:
    content = bytearray(checkpoint.path.read_bytes())
    start = content.index(checkpoint.read_member(WEIGHTS))
    end = start + checkpoint.manifest.files[WEIGHTS].size_bytes

    for position in range(start, end, 37):
        damaged = bytearray(content)
        damaged[position] ^= 0x10
        checkpoint.path.write_bytes(damaged)
        with pytest.raises(BadCheckpoint):
            checkpoint.read_weights()


@pytest.mark.costly
@pytest.mark.slow
def test_any_flipped_bit_of_the_file_is_an_error_or_changes_nothing(
    checkpoint: Checkpoint,
) -> None:
    content = checkpoint.path.read_bytes()
    refused = 0

    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 1 << position % 8
        checkpoint.path.write_bytes(damaged)
        try:
            again = Checkpoint.open(checkpoint.path)
            members = {name: again.read_member(name) for name in again.manifest.files}
            weights = again.read_weights()
        except CheckpointError:
            refused += 1
        else:  # A byte that carries nothing, such as a date.
            assert again.manifest == checkpoint.manifest
            assert all(np.array_equal(weights[key], WEIGHT[key]) for key in WEIGHT)
            assert set(members) == set(checkpoint.manifest.files)

    assert refused > len(content) / 2


def test_a_member_that_says_it_is_encrypted_is_refused(checkpoint: Checkpoint) -> None:
    content = bytearray(checkpoint.path.read_bytes())
    entry = content.index(b"PK\x01\x02")  # The first of the zip's directory.
    content[entry + 8] |= 1
    checkpoint.path.write_bytes(content)

    with pytest.raises(BadCheckpoint, match="not a whole checkpoint"):
        Checkpoint.open(checkpoint.path)


def test_a_member_swapped_for_one_of_equal_size_is_noticed(
    checkpoint: Checkpoint,
) -> None:
    with zipfile.ZipFile(checkpoint.path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members[WEIGHTS] = members[WEIGHTS][:-1] + b"?"
    with zipfile.ZipFile(checkpoint.path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)

    with pytest.raises(BadCheckpoint, match=r"weights\.safetensors is damaged"):
        Checkpoint.open(checkpoint.path).read_weights()


@pytest.mark.parametrize("version", [0, 2, 10**6])
def test_an_unknown_version_is_refused_with_the_remedy(
    checkpoint: Checkpoint, version: int
) -> None:
    rewrite(checkpoint.path, {"version": version, "something": "new"})

    with pytest.raises(
        UnsupportedCheckpoint, match=rf"version {version};.*update Touchline"
    ):
        Checkpoint.open(checkpoint.path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "safetensors"}, "not a Touchline checkpoint"),
        ({"version": "1"}, "version is '1'"),
        ({"labels": None}, r"manifest\.labels: field required"),
        ({"colour": "red"}, r"manifest\.colour: extra inputs"),
        ({"labels": ["PASS"]}, "1 labels for a network of 2 classes"),
        ({"labels": ["PASS", "PASS"]}, "different"),
        ({"labels": ["PASS", "SHOT"]}, "do not agree"),
        ({"config": {"feature_arch": "rny002"}}, r"config\.clip_len: field required"),
        ({"files": {}}, "missing members"),
        (
            {"provenance": {"steps": "many"}},
            r"manifest\.provenance\.steps: .*valid integer, got 'many'",
        ),
        ({"input": {"width": 160, "height": -3}}, "height"),
        ({"input": {"width": 160, "height": 90, "fps": 10**400}}, "out of range"),
        ({"config": {"options": {"a": [[0] * 9]}}}, "field required"),
    ],
)
def test_a_manifest_that_is_wrong_says_where(
    checkpoint: Checkpoint, change: dict[str, Any], message: str
) -> None:
    rewrite(checkpoint.path, change)

    with pytest.raises(BadCheckpoint, match=message):
        Checkpoint.open(checkpoint.path)


def test_members_that_the_manifest_does_not_know_are_refused(
    checkpoint: Checkpoint,
) -> None:
    with zipfile.ZipFile(checkpoint.path, "a") as archive:
        archive.writestr("more.txt", "hello")

    with pytest.raises(BadCheckpoint, match=r"extra members \['more.txt'\]"):
        Checkpoint.open(checkpoint.path)


@pytest.mark.parametrize("name", ["../out.txt", "/out.txt", "engines/../../out.txt"])
def test_members_that_point_outside_are_refused(
    checkpoint: Checkpoint, name: str
) -> None:
    with zipfile.ZipFile(checkpoint.path, "a") as archive:
        archive.writestr(name, "hello")

    with pytest.raises(BadCheckpoint, match="unexpected member"):
        Checkpoint.open(checkpoint.path)


def test_a_compressed_member_is_refused(checkpoint: Checkpoint) -> None:
    with zipfile.ZipFile(checkpoint.path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.bin", b"\0" * 10000)

    with pytest.raises(BadCheckpoint, match="unexpected member"):
        Checkpoint.open(checkpoint.path)


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 almost"])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.touchline"
    path.write_bytes(content)

    with pytest.raises(BadCheckpoint, match="not a whole checkpoint"):
        Checkpoint.open(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint, match=r"no checkpoint at .*gone\.touchline"):
        Checkpoint.open(tmp_path / "gone.touchline")


def test_weights_that_are_no_numbers_are_named(
    tmp_path: Path, manifest: Manifest
) -> None:
    broken = WEIGHT | {"_features.a": np.array([1.0, np.nan])}

    with pytest.raises(BadCheckpoint, match=r"infinite: _features\.a;"):
        write_checkpoint(tmp_path / "x.touchline", manifest, weights=broken)

    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_leaves_the_old_file(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = checkpoint.path.read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        with_changes(checkpoint, checkpoint.path, name="other")

    assert checkpoint.path.read_bytes() == before
    assert list(checkpoint.path.parent.iterdir()) == [checkpoint.path]


def test_reading_a_checkpoint_leaves_torch_alone() -> None:
    code = "import sys, model.checkpoint.archive as c; sys.exit('torch' in sys.modules)"

    result = subprocess.run([sys.executable, "-c", code], check=False)

    assert result.returncode == 0

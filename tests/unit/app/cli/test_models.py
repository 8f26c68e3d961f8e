"""The verbs for checkpoints, as a user types them."""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
import typer
from typer.testing import CliRunner, Result

from app.cli.exchange import export, import_checkpoint
from app.cli.models import models
from model.checkpoint import library
from model.checkpoint.archive import Checkpoint
from model.checkpoint.publish import publish_checkpoint
from model.checkpoint.spotter_io import load_spotter
from model.errors import BadCheckpoint, CheckpointExists
from model.network.config import ModelConfig
from model.network.spotter import Spotter
from tests.unit.model.checkpoint.checkpoints import tiny_checkpoint

pytestmark = pytest.mark.slow

CONFIG = {
    "dataset": "soccernet_ball",
    "num_classes": 2,
    "feature_arch": "rny002_gsm",
    "temporal_arch": "gru",
    "clip_len": 4,
    "crop_dim": 64,
}

touchline = typer.Typer()
touchline.command()(import_checkpoint)
touchline.command()(export)
touchline.add_typer(models, name="models")


def run(*words: str | Path) -> Result:
    """Type a command; errors of ours come through as they are."""
    result = CliRunner().invoke(touchline, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(autouse=True)
def user_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory of the test's own, and nothing bundled."""
    monkeypatch.setenv("TOUCHLINE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(library, "BUNDLED_DIR", tmp_path / "bundled")
    return tmp_path / "data" / "models"


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """What a run of E2E-Spot leaves: weights, config.json and class.txt."""
    folder = tmp_path / "run"
    folder.mkdir()
    torch.manual_seed(0)
    spotter = Spotter(ModelConfig("rny002_gsm", "gru", 4, 2))
    torch.save(spotter.state_dict(), folder / "checkpoint_049.pt")
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "class.txt").write_text("PASS\nDRIVE\n")
    return folder / "checkpoint_049.pt"


def test_an_imported_checkpoint_is_found_by_name(weights: Path, user_dir: Path) -> None:
    result = run(
        "import-checkpoint", weights, "--name", "mine", "--fps", "25", "--no-export"
    )

    assert result.exit_code == 0
    path = library.find_checkpoint("mine", user_dir=user_dir)
    manifest = Checkpoint.open(path).manifest
    assert manifest.labels == ("PASS", "DRIVE")
    assert manifest.frame_spec.to_dict() == {
        "width": 398,
        "height": 224,
        "crop": [167, 80, 64, 64],
        "fps": 25.0,
    }
    assert manifest.provenance.trained_on == "soccernet_ball"
    assert manifest.provenance.version == version("touchline")
    assert "imported from checkpoint_049.pt" in manifest.provenance.notes
    expected = torch.load(weights, weights_only=True)
    found = load_spotter(path).state_dict()
    assert all(torch.equal(found[key], expected[key]) for key in expected)


def test_what_was_assumed_is_said(weights: Path) -> None:
    result = run("import-checkpoint", weights, "--no-export")

    assert "--fps was not given: 25" in result.stderr
    assert "--height was not given: 224" in result.stderr


@pytest.mark.nightly
def test_an_imported_checkpoint_runs_on_the_cpu_engine(
    weights: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.touchline"

    result = run(
        *("import-checkpoint", weights, "--out", out),
        *("--fps", "25", "--height", "64", "--width", "64"),
    )

    checkpoint = Checkpoint.open(out)
    found = checkpoint.manifest.engines["openvino"]["precisions"]["float32"]
    assert found["max_score_difference"] < 1e-3
    assert f"{found['max_score_difference']:.1e}" in result.stdout
    assert checkpoint.engine_files("openvino")


@pytest.mark.costly
def test_a_file_is_not_replaced_unasked(weights: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.touchline"
    out.write_bytes(b"precious")

    refused = run("import-checkpoint", weights, "--out", out, "--no-export")
    assert refused.exit_code == 2
    assert "--force" in refused.stderr
    assert out.read_bytes() == b"precious"

    run("import-checkpoint", weights, "--out", out, "--no-export", "--force")
    assert Checkpoint.open(out).manifest.config.clip_len == 4


def test_a_crop_larger_than_the_frames_is_refused(weights: Path) -> None:
    result = run("import-checkpoint", weights, "--height", "48", "--no-export")

    assert result.exit_code == 2
    assert "crops of 64 pixels" in result.stderr


def test_a_missing_class_file_is_named(weights: Path) -> None:
    (weights.parent / "class.txt").unlink()

    with pytest.raises(BadCheckpoint, match=r"class\.txt"):
        run("import-checkpoint", weights, "--no-export")


def test_the_list_marks_the_default_and_the_damaged(user_dir: Path) -> None:
    tiny_checkpoint(user_dir, "brisk")
    tiny_checkpoint(user_dir, "calm")
    (user_dir / "torn.touchline").write_bytes(b"PK")
    run("models", "set-default", "calm")

    lines = run("models", "list").stdout.splitlines()
    listed = json.loads(run("models", "list", "--json").stdout)

    assert lines[0].startswith("  brisk")
    assert "rny002_gsm + gru" in lines[0]
    assert lines[1].startswith("* calm")
    assert "damaged" in lines[2]
    assert [entry["is_default"] for entry in listed] == [False, True, False]


@pytest.mark.costly
def test_a_default_that_is_set_is_taken_without_a_restart(user_dir: Path) -> None:
    tiny_checkpoint(user_dir, "brisk")
    tiny_checkpoint(user_dir, "calm")

    said = run("models", "set-default", "calm").stdout
    shown = json.loads(run("models", "show", "--json").stdout)

    assert "calm is the default now" in said
    assert "restart" not in said
    assert shown["name"] == "calm"


@pytest.mark.costly
def test_the_environment_comes_before_a_default_that_was_set(
    user_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_checkpoint(user_dir, "brisk")
    tiny_checkpoint(user_dir, "calm")
    monkeypatch.setenv("TOUCHLINE_MODEL", "brisk")

    said = run("models", "set-default", "calm").stdout
    shown = json.loads(run("models", "show", "--json").stdout)
    named = json.loads(run("models", "show", "calm", "--json").stdout)
    listed = json.loads(run("models", "list", "--json").stdout)

    assert "TOUCHLINE_MODEL=brisk comes before it" in said
    assert (shown["name"], named["name"]) == ("brisk", "calm")
    assert [entry["name"] for entry in listed if entry["is_default"]] == ["brisk"]


def test_a_model_set_by_its_path_is_shown_and_exported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tiny_checkpoint(tmp_path / "elsewhere", "mine").path
    monkeypatch.setenv("TOUCHLINE_MODEL", str(path.with_name("gone.touchline")))
    with pytest.raises(BadCheckpoint, match="no checkpoint at"):
        run("export")
    monkeypatch.setenv("TOUCHLINE_MODEL", str(path))

    listed = json.loads(run("models", "list", "--json").stdout)

    assert json.loads(run("models", "show", "--json").stdout)["file"] == str(path)
    assert [(one["name"], one["is_default"]) for one in listed] == [("mine", True)]


def imported(weights: Path, path: Path) -> Path:
    """Bring the weights in as a checkpoint without any other form."""
    run("import-checkpoint", weights, "--fps", "25", "--no-export", "--out", path)
    return path


@pytest.mark.costly
def test_an_export_leaves_what_came_with_touchline_as_it_is(
    weights: Path, tmp_path: Path, user_dir: Path
) -> None:
    bundled = imported(weights, tmp_path / "bundled" / "ours.touchline")
    before = bundled.read_bytes()

    said = run("export", "ours").stdout

    assert bundled.read_bytes() == before
    mine = Checkpoint.open(user_dir / "ours.touchline")
    assert mine.manifest.engines["openvino"]["cost"]["gmac_per_step"] > 0
    assert "steps of the sample video" in said
    assert json.loads(run("models", "show", "ours", "--json").stdout)["file"] == str(
        mine.path
    )


@pytest.mark.nightly
def test_an_onnx_network_can_be_had_alone(weights: Path, tmp_path: Path) -> None:
    source = imported(weights, tmp_path / "here" / "mine.touchline")
    before, plain = source.read_bytes(), tmp_path / "out" / "net.onnx"
    plain.parent.mkdir()

    said = run("export", source, "--format", "onnx", "--out", plain).stdout

    graph = onnx.load(plain)
    onnx.checker.check_model(graph)
    assert [port.name for port in graph.graph.output] == ["scores"]
    assert "max score difference" in said
    assert source.read_bytes() == before
    assert list(plain.parent.iterdir()) == [plain]


def test_an_export_to_a_file_of_another_kind_says_what_there_is(tmp_path: Path) -> None:
    source = tiny_checkpoint(tmp_path, "mine").path

    refused = run("export", source, "--out", tmp_path / "net.xml")

    assert refused.exit_code == 2
    assert ".touchline" in refused.stderr


def test_int8_without_matches_to_judge_it_on_is_refused(tmp_path: Path) -> None:
    source = tiny_checkpoint(tmp_path, "mine").path

    refused = run("export", source, "--precision", "int8")

    assert refused.exit_code == 2
    assert "--data" in refused.stderr


def test_an_empty_list_says_what_to_do() -> None:
    assert "touchline import-checkpoint" in run("models", "list").stdout


@pytest.mark.costly
def test_a_checkpoint_is_shown_with_what_it_costs(weights: Path) -> None:
    run("import-checkpoint", weights, "--name", "mine", "--fps", "25", "--no-export")

    shown = json.loads(run("models", "show", "mine", "--batch", "8", "--json").stdout)
    text = run("models", "show", "mine", "--batch", "8").stdout

    assert shown["parameters"] == 4_447_313
    assert shown["architecture"] == "rny002_gsm + gru"
    assert shown["input"] == "64x64 at 25 a second"
    # 0.206 GMAC at 224x224, 12.25 times the pixels; the head's share stays.
    assert shown["gmac_per_frame"] == pytest.approx(0.0185, abs=0.002)
    assert shown["fp16_batch"] == 8
    assert 8 < shown["fp16_weights_mib"] < 9
    assert shown["fp16_activations_mib"] > 1
    assert "4,447,313" in text


def test_an_unknown_checkpoint_lists_the_known(user_dir: Path) -> None:
    tiny_checkpoint(user_dir, "brisk")

    commands: list[tuple[Any, ...]] = [
        ("models", "show", "wild"),
        ("models", "set-default", "wild"),
        ("export", "wild"),
    ]
    for words in commands:
        with pytest.raises(BadCheckpoint, match="known are brisk"):
            run(*words)


def test_a_checkpoint_is_exported_and_imported_under_another_name(
    tmp_path: Path, user_dir: Path
) -> None:
    tiny_checkpoint(user_dir, "mine")
    out = tmp_path / "out.touchline"

    exported = run("models", "export", "mine", "--out", out)
    imported = run("models", "import", out, "--name", "guest")

    assert exported.exit_code == imported.exit_code == 0
    guest = Checkpoint.open(user_dir / "guest.touchline")
    mine = Checkpoint.open(user_dir / "mine.touchline")
    assert guest.manifest.name == "guest"
    assert guest.manifest.files == mine.manifest.files
    with pytest.raises(BadCheckpoint, match="no checkpoint called 'gone'"):
        run("models", "export", "gone")


def test_neither_export_nor_import_replaces_a_file(
    tmp_path: Path, user_dir: Path
) -> None:
    mine = tiny_checkpoint(user_dir, "mine").path
    out = tmp_path / "out.touchline"
    out.write_text("precious")

    refused = run("models", "export", "mine", "--out", out)

    assert refused.exit_code == 2
    assert out.read_text() == "precious"
    with pytest.raises(CheckpointExists, match="another name"):
        run("models", "import", mine)


def test_versions_are_archived_restored_and_chosen(
    tmp_path: Path, user_dir: Path
) -> None:
    trained = tiny_checkpoint(tmp_path / "scratch", "last").path
    for _ in range(2):
        publish_checkpoint(trained, "hall", user_dir)

    chosen = run("models", "set-default", "hall")
    archived = run("models", "archive", "hall@1")

    assert "hall@2 is the default now" in chosen.stdout
    assert "jobs that name it still run with it" in archived.stdout
    listed = json.loads(run("models", "list", "--json").stdout)
    marks = {one["name"]: (one["is_default"], one["is_archived"]) for one in listed}
    assert marks == {"hall@1": (False, True), "hall@2": (True, False)}
    with pytest.raises(BadCheckpoint, match="choose another default first"):
        run("models", "archive", "hall@2")
    run("models", "restore", "hall@1")
    assert "archived" not in run("models", "list").stdout

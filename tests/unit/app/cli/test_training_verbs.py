"""The verbs of training: what they print, write and refuse."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import typer
from typer.testing import CliRunner

from app.cli.data import data
from app.cli.evaluate import evaluate
from app.cli.train import train
from model.checkpoint.archive import Checkpoint
from model.errors import BadAnnotations
from tests.unit.model.training.toys import toy_data, toy_match, toy_values
from tests.videos import cut_off

pytestmark = pytest.mark.slow

RUNNER = CliRunner()


@pytest.fixture
def toys(tmp_path: Path) -> Path:
    """Drawn matches, and the config of a tiny run on them."""
    root = toy_data(tmp_path, seconds=4)
    values = toy_values(root, optimiser={"steps": 2, "warmup_steps": 0})
    (root / "run.yaml").write_text(json.dumps(values))  # JSON is YAML
    return root


def test_check_prints_a_table_and_finds_nothing_in_clean_data(toys: Path) -> None:
    result = RUNNER.invoke(data, ["check", str(toys / "train")])

    assert result.exit_code == 0, result.output
    assert "match_1" in result.output
    assert "no errors found" in result.output


@pytest.mark.costly
def test_check_names_the_fault_and_fails(toys: Path) -> None:
    labels = toys / "train" / "match_1" / "Labels-ball.json"
    raw = json.loads(labels.read_text())
    raw["annotations"][0]["position"] = "999000"
    labels.write_text(json.dumps(raw))

    result = RUNNER.invoke(data, ["check", str(toys / "train")])

    assert result.exit_code == 1
    assert "[beyond_video]" in result.output


@pytest.mark.costly
def test_check_finds_one_match_in_two_splits(tmp_path: Path) -> None:
    toy_match(tmp_path / "train" / "a", seed=1)
    toy_match(tmp_path / "val" / "b", seed=1)

    folders = [str(tmp_path / "train"), "--against", str(tmp_path / "val")]
    result = RUNNER.invoke(data, ["check", *folders])

    assert result.exit_code == 1
    assert "[same_match]" in result.output


def test_check_names_a_video_without_labels_and_cuts_no_name_short(
    tmp_path: Path,
) -> None:
    name = "a-match-with-" + "a-very-" * 12 + "long-name"
    toy_match(tmp_path / name, seed=1, seconds=4)
    video = tmp_path / name / "video.mp4"
    (tmp_path / "extra.mp4").write_bytes(video.read_bytes())

    result = RUNNER.invoke(data, ["check", str(tmp_path)])

    assert result.exit_code == 0, result.output
    assert name in result.output
    assert "warning: extra.mp4: has no labels" in result.output


@pytest.mark.costly
def test_check_finds_a_video_that_is_cut_off(toys: Path) -> None:
    video = toys / "train" / "match_1" / "video.mp4"
    cut_off(video, toys / "cut.mp4", keep=0.8)
    (toys / "cut.mp4").replace(video)

    result = RUNNER.invoke(data, ["check", str(toys / "train")])

    assert result.exit_code == 1
    assert "[truncated]" in result.output or "[unreadable_video]" in result.output


@pytest.mark.costly
def test_check_holds_the_parts_of_a_split_against_each_other(toys: Path) -> None:
    labels = toys / "val" / "match_3" / "Labels-ball.json"
    labels.write_text(labels.read_text().replace("DRIBBLE", "FOUL"))
    names = {"train": ["train/match_1", "train/match_2"], "val": ["val/match_3"]}
    split = toys / "split.json"
    split.write_text(json.dumps({"parts": {**names, "test": []}}))

    result = RUNNER.invoke(data, ["check", str(toys), "--split", str(split)])

    assert result.exit_code == 1
    assert "has FOUL, which no training match has" in result.output


def test_a_match_that_is_there_twice_is_not_split(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        toy_match(tmp_path / name, seed=seed)

    result = RUNNER.invoke(data, ["split", str(tmp_path)])

    assert isinstance(result.exception, BadAnnotations)
    assert "b is the same match as a" in str(result.exception)


def test_split_writes_whole_matches(tmp_path: Path) -> None:
    for seed in range(4):
        toy_match(tmp_path / "all" / f"m{seed}", seed=seed, seconds=8)
    out = tmp_path / "split.json"

    result = RUNNER.invoke(data, ["split", str(tmp_path / "all"), "--out", str(out)])

    assert result.exit_code == 0, result.output
    parts = json.loads(out.read_text())["parts"]
    assert sorted(name for part in parts.values() for name in part) == [
        "m0",
        "m1",
        "m2",
        "m3",
    ]


@pytest.mark.costly
def test_a_split_is_extended_and_never_replaced_unasked(tmp_path: Path) -> None:
    root, out = tmp_path / "all", tmp_path / "split.json"
    for seed in range(4):
        toy_match(root / f"m{seed}", seed=seed, seconds=8)
    words = ["split", str(root), "--out", str(out)]
    assert RUNNER.invoke(data, words).exit_code == 0
    before = json.loads(out.read_text())["parts"]
    for seed in (4, 5):
        toy_match(root / f"m{seed}", seed=seed, seconds=8)

    again = RUNNER.invoke(data, words, env={"COLUMNS": "400"})
    assert again.exit_code == 2
    assert "or --extend, which adds new matches" in again.output
    assert json.loads(out.read_text())["parts"] == before

    extended = RUNNER.invoke(data, [*words, "--extend"])
    assert extended.exit_code == 0, extended.output
    after = json.loads(out.read_text())["parts"]
    assert all(set(before[part]) <= set(after[part]) for part in before)
    assert sum(map(len, after.values())) == 6


@pytest.mark.costly
def test_prepare_tells_bytes_a_minute_and_clips_a_second(toys: Path) -> None:
    result = RUNNER.invoke(data, ["prepare", str(toys / "run.yaml"), "--clips", "5"])

    assert result.exit_code == 0, result.output
    assert "MiB a minute" in result.output
    assert "clips/s" in result.output
    assert (toys / "store" / "val" / "match_3" / "frames.npy").is_file()


@pytest.mark.nightly
def test_train_prints_the_best_checkpoint(toys: Path) -> None:
    app = typer.Typer()
    app.command()(train)

    result = RUNNER.invoke(app, [str(toys / "run.yaml"), "--out", str(toys / "run")])

    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == str(toys / "run" / "best.touchline")
    assert "training starts from noise" in result.stderr


@pytest.mark.costly
def test_one_folder_and_its_split_are_trained_on_and_measured(tmp_path: Path) -> None:
    for seed in range(4):
        toy_match(tmp_path / "all" / f"m{seed}", seed=seed, seconds=8)
    values = toy_values(tmp_path, optimiser={"steps": 1, "warmup_steps": 0})
    (tmp_path / "run.yaml").write_text(json.dumps(values))
    app = typer.Typer()
    app.command()(train)
    app.command()(evaluate)
    matches, split = str(tmp_path / "all"), str(tmp_path / "split.json")
    RUNNER.invoke(data, ["split", matches, "--out", split], catch_exceptions=False)
    (tested,) = json.loads(Path(split).read_text())["parts"]["test"]

    words = ["prepare", str(tmp_path / "run.yaml"), "--data", matches]
    prepared = RUNNER.invoke(data, [*words, "--split", split, "--clips", "1"])
    alone = RUNNER.invoke(data, words)
    words = ["train", str(tmp_path / "run.yaml"), "--out", str(tmp_path / "run")]
    trained = RUNNER.invoke(app, [*words, "--data", matches, "--split", split])
    best = trained.stdout.strip()
    words = ["evaluate", best, matches, "--split", split, "--part", "test"]
    measured = RUNNER.invoke(app, words)
    (tmp_path / "all" / tested / "video.mp4").write_bytes(b"damaged" * 99)
    stopped = RUNNER.invoke(app, words)

    assert "3 matches, " in prepared.stdout
    assert alone.exit_code == 2
    assert "go together" in alone.stderr
    assert trained.exit_code == 0, trained.output
    assert "decoding" not in trained.stderr
    provenance = Checkpoint.open(Path(best)).manifest.provenance
    assert provenance.trained_on == "all"
    assert measured.exit_code == 0, measured.output
    assert "1 matches" in measured.stdout
    assert "on openvino/float32" in measured.stdout
    assert f"1/1  {tested}" in measured.stderr
    assert isinstance(stopped.exception, BadAnnotations)
    assert f"{tested}/video.mp4 cannot be decoded" in str(stopped.exception)


@pytest.mark.costly
def test_a_corrupt_video_is_skipped_while_preparing(toys: Path) -> None:
    values = json.loads((toys / "run.yaml").read_text())
    values["data"]["on_corrupt"] = "skip"
    (toys / "run.yaml").write_text(json.dumps(values))
    (toys / "train" / "match_2" / "video.mp4").write_bytes(b"damaged" * 99)

    result = RUNNER.invoke(data, ["prepare", str(toys / "run.yaml"), "--clips", "5"])

    assert result.exit_code == 0, result.output
    assert "skipped match_2" in result.stderr
    assert "clips/s" in result.stdout


def test_measuring_without_a_folder_says_what_is_wanted() -> None:
    app = typer.Typer()
    app.command()(evaluate)

    result = RUNNER.invoke(app, ["arena-rny002"])

    assert result.exit_code == 2
    assert "a folder of labelled matches" in result.stderr


@pytest.mark.nightly
def test_two_processes_train_one_network_and_speak_once(toys: Path) -> None:
    values = json.loads((toys / "run.yaml").read_text())
    values["run"] |= {"devices": 2, "validate_steps": 2}
    (toys / "run.yaml").write_text(json.dumps(values))
    touchline = str(Path(sys.executable).with_name("touchline"))

    command = [touchline, "train", str(toys / "run.yaml"), "--out", str(toys / "run")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(toys / "run" / "best.touchline")
    assert done.stderr.count("training starts from noise") == 1


@pytest.mark.nightly
def test_two_processes_train_fold_after_fold(toys: Path) -> None:
    values = json.loads((toys / "run.yaml").read_text())
    values["run"] |= {"devices": 2, "validate_steps": 2}
    (toys / "run.yaml").write_text(json.dumps(values))
    touchline = str(Path(sys.executable).with_name("touchline"))

    command = [touchline, "train", str(toys / "run.yaml"), "--folds", "2"]
    out = toys / "folds"
    done = subprocess.run(
        [*command, "--out", str(out)], capture_output=True, text=True, timeout=280
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(out / "scores.json")
    assert json.loads((out / "scores.json").read_text())["folds"] == 2
    assert (out / "false_alarms.json").is_file()


@pytest.mark.nightly
def test_two_processes_that_cannot_go_on_say_so_without_a_traceback(toys: Path) -> None:
    values = json.loads((toys / "run.yaml").read_text())
    values["optimiser"] = {"lr": 1e30, "warmup_steps": 0, "steps": 9}
    values["run"] |= {"devices": 2, "validate_steps": 9}
    (toys / "run.yaml").write_text(json.dumps(values))
    touchline = str(Path(sys.executable).with_name("touchline"))

    command = [touchline, "train", str(toys / "run.yaml"), "--out", str(toys / "run")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)

    assert done.returncode == 1
    assert "clips: match_" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("number", "devices"),
    [(signal.SIGTERM, 1), (signal.SIGINT, 2)],
)
@pytest.mark.nightly
def test_processes_that_are_asked_to_stop_keep_what_they_have(
    toys: Path, number: signal.Signals, devices: int
) -> None:
    values = json.loads((toys / "run.yaml").read_text())
    values["optimiser"] = {"lr": 1e-3, "warmup_steps": 0, "steps": 100_000}
    values["run"] |= {"validate_steps": 100_000, "checkpoint_minutes": 60}
    values["run"]["devices"] = devices
    (toys / "run.yaml").write_text(json.dumps(values))
    touchline = str(Path(sys.executable).with_name("touchline"))
    command = [touchline, "train", str(toys / "run.yaml"), "--out", str(toys / "run")]

    child = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert child.stderr is not None
    lines = iter(child.stderr.readline, "")
    output = [next(line for line in lines if line.startswith("step "))]
    os.killpg(child.pid, number)  # As a terminal or a service manager does.
    output += [child.communicate(timeout=120)[1]]

    assert child.returncode == 1, output
    assert "Traceback" not in output[1]
    (step,) = re.findall(r"Stopped as asked after step (\d+)\.", output[1])
    state = torch.load(toys / "run" / "last.ckpt", weights_only=True)
    assert state["global_step"] == int(step) > 1


def test_a_config_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = RUNNER.invoke(data, ["prepare", str(tmp_path / "none.yaml")])

    assert isinstance(result.exception, BadAnnotations)
    assert "none.yaml" in str(result.exception)

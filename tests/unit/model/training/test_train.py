"""Runs that are killed, poisoned or badly fed; and one that learns and serves."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import pytest
import torch

from model.checkpoint.archive import Checkpoint
from model.errors import BadAnnotations, TrainingFailed
from model.evaluation.timed import TimedMatch
from model.training import module
from model.training.files import RESUME
from model.training.train import train
from model.training.validation import timed_match
from tests.unit.model.training.killed_run import STEPS, run
from tests.unit.model.training.toys import FPS, toy_config, toy_data

pytestmark = [pytest.mark.slow, pytest.mark.costly]

REPO = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Toy matches, drawn once."""
    return toy_data(tmp_path_factory.mktemp("toys"), seconds=8)


def curve(path: Path) -> dict[int, float]:
    """Losses by step; a step done again after a resume overwrites the first."""
    rows = [line.split() for line in path.read_text().splitlines()]
    return {int(step): float.fromhex(loss) for step, loss in rows}


def test_a_run_that_is_killed_and_resumed_gives_the_same_curve(toys: Path) -> None:
    unbroken = run(toys, "unbroken", is_resumed=False)
    command = [sys.executable, "-m", "tests.unit.model.training.killed_run", str(toys)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    child = subprocess.Popen(command, cwd=REPO, env=environment)
    lines, state = toys / "killed.txt", toys / "killed" / RESUME
    try:
        while child.poll() is None:
            if state.is_file() and lines.is_file() and len(curve(lines)) >= 5:
                break
            time.sleep(0.2)
    finally:
        child.send_signal(signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL

    resumed = run(toys, "killed", is_resumed=True)

    expected, got = curve(toys / "unbroken.txt"), curve(lines)
    assert sorted(expected) == sorted(got) == list(range(STEPS + 1))
    assert [got[k] for k in got] == pytest.approx([expected[k] for k in got], rel=1e-4)
    ours, theirs = (Checkpoint.open(p).read_weights() for p in (resumed, unbroken))
    for key, weight in theirs.items():
        assert np.allclose(ours[key], weight, rtol=0.02, atol=2e-3), key


class Scores(lightning.Callback):
    """Notes what each validation gave, and by which weights."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, float]] = []

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Note it."""
        self.seen.append((trainer.global_step, pl_module.scores["mAP"]))


def test_the_best_weights_are_those_of_the_best_validation(
    toys: Path, tmp_path: Path
) -> None:
    config = toy_config(toys, optimiser={"lr": 2e-2, "warmup_steps": 0, "steps": 6})
    config = replace(config, run=replace(config.run, validate_steps=2))
    scores = Scores()

    best = train(config, tmp_path / "run", report=print, callbacks=[scores])

    assert [step for step, _ in scores.seen] == [2, 4, 6]
    step, value = max(scores.seen, key=lambda seen: (seen[1], -seen[0]))
    kept = Checkpoint.open(best).manifest.provenance
    assert (kept.steps, kept.val["mAP within +-0.5 s"]) == (step, round(value, 4))
    last = Checkpoint.open(best.with_name("last.touchline")).manifest.provenance
    assert last.val["mAP within +-0.5 s"] == round(scores.seen[-1][1], 4)


def test_validation_looks_through_windows_that_overlap_as_configured(
    toys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = toy_config(toys, optimiser={"steps": 1, "warmup_steps": 0})
    config = replace(config, run=replace(config.run, overlap=0.75))
    seen: list[float] = []

    def spy(*args: Any, **options: Any) -> TimedMatch:
        seen.append(options["overlap"])
        return timed_match(*args, **options)

    monkeypatch.setattr(module, "timed_match", spy)
    train(config, tmp_path / "run", report=print)

    assert seen == [0.75]


def test_a_run_leaves_the_handlers_of_signals_as_they_were(
    toys: Path, tmp_path: Path
) -> None:
    signals = (signal.SIGTERM, signal.SIGINT)
    before = [signal.getsignal(number) for number in signals]

    config = toy_config(toys, optimiser={"steps": 1, "warmup_steps": 0})
    train(config, tmp_path / "run", report=print)

    assert [signal.getsignal(number) for number in signals] == before


@pytest.mark.nightly
def test_a_round_goes_on_with_longer_clips_that_start_between_steps(
    toys: Path, tmp_path: Path
) -> None:
    short = {"optimiser": {"steps": 1, "warmup_steps": 0}}
    first = train(toy_config(toys, **short), tmp_path / "first", report=print)
    coarse = toy_config(toys, **short)
    frames_per_step = replace(
        coarse,
        network=replace(coarse.network, clip_len=24),
        input=replace(coarse.input, fps=FPS / 2),
        data=replace(coarse.data, store=str(tmp_path / "store"), store_fps=float(FPS)),
        clips=replace(coarse.clips, steps=20, speed_range=(0.9, 1.1)),
    )

    best = train(frames_per_step, tmp_path / "second", report=print, start_from=first)

    manifest = Checkpoint.open(best).manifest
    assert (manifest.config.clip_len, manifest.frame_spec.fps) == (24, FPS / 2)
    stored = {
        path.parents[1].name: json.loads(path.read_text())["input"]["fps"]
        for path in (tmp_path / "store").rglob("match.json")
    }
    assert stored == {"train": FPS, "val": FPS / 2}


def test_frozen_norms_keep_their_statistics_from_the_first_step_on(
    toys: Path, tmp_path: Path
) -> None:
    config = toy_config(toys, optimiser={"steps": 2, "warmup_steps": 0})
    first = train(config, tmp_path / "first", report=print)
    frozen = replace(config, network=replace(config.network, has_frozen_norms=True))

    train(frozen, tmp_path / "second", report=print, start_from=first)

    before = Checkpoint.open(first).read_weights()
    state = torch.load(tmp_path / "second" / RESUME, weights_only=True)["state_dict"]
    figures = [key for key in before if "running" in key]
    assert figures
    for key in figures:
        after = state[f"spotter.{key}"].numpy()
        np.testing.assert_allclose(after, before[key], rtol=2e-3, atol=1e-3)
    weights = [key for key in before if key.endswith("conv.weight")]
    assert any(
        (state[f"spotter.{k}"].numpy() != before[k].astype(np.float32)).any()
        for k in weights
    )


def test_a_round_from_another_network_is_refused(toys: Path, tmp_path: Path) -> None:
    config = toy_config(toys, optimiser={"steps": 1, "warmup_steps": 0})
    first = train(config, tmp_path / "first", report=print)
    other = replace(config, network=replace(config.network, temporal_arch=""))

    with pytest.raises(
        BadAnnotations, match="only start from a checkpoint of the same network"
    ):
        train(other, tmp_path / "second", report=print, start_from=first)


def test_labels_beyond_the_video_are_refused(tmp_path: Path) -> None:
    root = toy_data(tmp_path, seconds=4)
    longer = toy_data(tmp_path / "longer", seconds=16)
    short = root / "train" / "match_1" / "Labels-ball.json"
    short.write_text((longer / "train" / "match_1" / short.name).read_text())

    with pytest.raises(BadAnnotations, match="match_1 ends at"):
        train(toy_config(root), tmp_path / "run", report=print)


class Poison(lightning.Callback):
    """Makes the weights NaN after some steps."""

    def on_train_batch_start(
        self, trainer: Any, module: Any, _batch: Any, _batch_idx: int
    ) -> None:
        """Spoil one weight at the third step."""
        if trainer.global_step == 3:
            with torch.no_grad():
                next(module.spotter.parameters()).fill_(float("nan"))


def test_a_non_finite_loss_stops_names_the_clips_and_keeps_the_last_good(
    toys: Path, tmp_path: Path
) -> None:
    config = toy_config(toys)
    config = replace(config, run=replace(config.run, validate_steps=2))

    with pytest.raises(TrainingFailed, match=r"at step 3, clips: match_\d from step"):
        train(config, tmp_path, report=print, callbacks=[Poison()])

    weights = Checkpoint.open(tmp_path / "best.touchline").read_weights()
    assert all(np.isfinite(weight).all() for weight in weights.values())
    state = torch.load(tmp_path / RESUME, weights_only=True)
    assert all(value.isfinite().all() for value in state["state_dict"].values())


def test_a_corrupt_video_stops_the_run_or_is_skipped_by_name(tmp_path: Path) -> None:
    root = toy_data(tmp_path, seconds=4)
    (root / "train" / "match_2" / "video.mp4").write_bytes(b"damaged" * 100)
    stop = toy_config(root, optimiser={"steps": 1, "warmup_steps": 0})
    skip = replace(stop, data=replace(stop.data, on_corrupt="skip"))
    lines: list[str] = []

    with pytest.raises(BadAnnotations, match=r"match_2/video\.mp4 cannot be decoded"):
        train(stop, tmp_path / "stopped", report=lines.append)
    best = train(skip, tmp_path / "skipped", report=lines.append)

    assert best.is_file()
    assert any(line.startswith("skipped match_2") for line in lines)


def test_a_label_of_val_that_train_lacks_is_refused_unless_left_out(
    toys: Path, tmp_path: Path
) -> None:
    root = toy_data(tmp_path, seconds=4)
    labels = root / "val" / "match_3" / "Labels-ball.json"
    labels.write_text(labels.read_text().replace("DRIBBLE", "FOUL"))
    config = toy_config(root)

    with pytest.raises(
        BadAnnotations, match="match_3 has FOUL, which no training match has"
    ):
        train(config, tmp_path / "run", report=print)
    with pytest.raises(BadAnnotations, match="No training match has an event"):
        train(replace(config, labels=("FOUL",)), tmp_path / "run", report=print)


def test_the_same_match_on_both_sides_is_refused(tmp_path: Path) -> None:
    root = toy_data(tmp_path, seconds=16)
    shown = root / "train" / "match_1" / "video.mp4"
    (root / "val" / "match_3" / "video.mp4").write_bytes(shown.read_bytes())

    with pytest.raises(BadAnnotations, match="is the same match as match_1"):
        train(toy_config(root), tmp_path / "run", report=print)


def test_a_folder_with_a_run_is_not_overwritten(toys: Path, tmp_path: Path) -> None:
    (tmp_path / RESUME).touch()

    with pytest.raises(TrainingFailed, match="--resume"):
        train(toy_config(toys), tmp_path, report=print)


def test_there_must_be_something_to_resume(toys: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingFailed, match="nothing to resume"):
        train(toy_config(toys), tmp_path, report=print, is_resumed=True)

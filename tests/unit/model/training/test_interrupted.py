"""Runs that must stop, or go on, without harm to what was kept."""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import lightning
import pytest
import torch

from model.errors import BadAnnotations, TrainingFailed
from model.training.files import RESUME
from model.training.processes import Launch
from model.training.train import train
from model.training.trainer import make_trainer
from tests.unit.model.training.toys import toy_config, toy_data
from tests.videos import draw_video

pytestmark = [pytest.mark.slow, pytest.mark.costly]


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Toy matches, drawn once."""
    return toy_data(tmp_path_factory.mktemp("toys"), seconds=8)


class BadGradients(lightning.Callback):
    """Spoils the gradients of the third step; the loss is still a number."""

    def on_after_backward(self, trainer: Any, module: Any) -> None:
        """Make one gradient infinite."""
        if trainer.global_step == 2:
            next(module.spotter.parameters()).grad.fill_(float("inf"))


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_gradients_that_are_non_finite_stop_before_they_spoil_the_weights(
    toys: Path, tmp_path: Path, precision: Literal["32-true", "bf16-mixed"]
) -> None:
    config = toy_config(toys)
    config = replace(
        config,
        run=replace(config.run, precision=precision),
        optimiser=replace(config.optimiser, accumulate=2),
    )

    with pytest.raises(
        TrainingFailed, match=r"at step 2, clips: (match_\d from step -?\d+(, )?){4}\."
    ):
        train(config, tmp_path, report=print, callbacks=[BadGradients()])

    state = torch.load(tmp_path / RESUME, weights_only=True)
    assert state["global_step"] == 2
    assert all(value.isfinite().all() for value in state["state_dict"].values())


def test_a_resumed_run_needs_no_other_weights(toys: Path, tmp_path: Path) -> None:
    config = toy_config(toys, optimiser={"steps": 2, "warmup_steps": 0})
    train(config, tmp_path / "run", report=print)
    network = replace(config.network, is_pretrained=True)
    longer = replace(
        config, network=network, optimiser=replace(config.optimiser, steps=3)
    )
    lines: list[str] = []

    train(
        longer,
        tmp_path / "run",
        report=lines.append,
        is_resumed=True,
        start_from=tmp_path / "gone.touchline",
    )

    state = torch.load(tmp_path / "run" / RESUME, weights_only=True)
    assert state["global_step"] == 3
    assert lines == [f"going on from {tmp_path / 'run' / RESUME}"]


def test_a_run_is_not_resumed_with_its_labels_in_another_order(tmp_path: Path) -> None:
    root = toy_data(tmp_path, seconds=8)
    labels = ("DRIBBLE", "BASKET")
    config = toy_config(root, optimiser={"steps": 1, "warmup_steps": 0})
    train(replace(config, labels=labels), tmp_path / "run", report=print)

    with pytest.raises(
        TrainingFailed, match="trained on the labels DRIBBLE, BASKET; the data now"
    ):
        train(
            replace(config, labels=labels[::-1]),
            tmp_path / "run",
            report=print,
            is_resumed=True,
        )


def test_a_video_that_is_cut_off_stops_the_run_or_is_skipped_by_name(
    tmp_path: Path,
) -> None:
    root = toy_data(tmp_path, seconds=8)
    video = root / "train" / "match_2" / "video.mp4"
    # An index at the front, as of a download that broke off.
    draw_video(
        video, frames=80, fps=10, size=(64, 48), options={"movflags": "faststart"}
    )
    video.write_bytes(video.read_bytes()[: int(video.stat().st_size * 0.6)])
    stop = toy_config(root, optimiser={"steps": 1, "warmup_steps": 0})
    skip = replace(stop, data=replace(stop.data, on_corrupt="skip"))
    lines: list[str] = []

    with pytest.raises(BadAnnotations, match="match_2"):
        train(stop, tmp_path / "stopped", report=lines.append)
    best = train(skip, tmp_path / "skipped", report=lines.append)

    assert best.is_file()
    assert any(line.startswith("skipped match_2") for line in lines)


def test_wandb_that_is_not_installed_is_said_before_anything_is_decoded(
    toys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)  # as if it were not there
    config = toy_config(toys, data={"store": str(tmp_path / "store")})
    config = replace(config, run=replace(config.run, logger="wandb"))
    lines: list[str] = []

    with pytest.raises(TrainingFailed, match="pip install wandb"):
        train(config, tmp_path / "run", report=lines.append)

    assert lines == []
    assert not (tmp_path / "store").exists()


@pytest.mark.nightly
def test_tensorboard_gets_the_curves(toys: Path, tmp_path: Path) -> None:
    event_accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator"
    )
    config = toy_config(toys, optimiser={"steps": 10, "warmup_steps": 0})
    config = replace(
        config, run=replace(config.run, logger="tensorboard", validate_steps=10)
    )

    train(config, tmp_path, report=print)

    curves = event_accumulator.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert {"train/loss", "val/mAP"} <= set(curves.Tags()["scalars"])


def test_a_state_is_whole_until_the_next_one_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = Path("/dev/shm")  # another disk, as /tmp may be one
    if not elsewhere.is_dir() or elsewhere.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system")
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))
    config = toy_config(tmp_path)
    trainer = make_trainer(
        config, Launch(processes=1), False, [], resume=tmp_path / RESUME
    )
    trainer.strategy.checkpoint_io.save_checkpoint({"step": 1}, tmp_path / RESUME)
    first = tmp_path / "first"
    first.hardlink_to(tmp_path / RESUME)
    before = first.read_bytes()

    trainer.strategy.checkpoint_io.save_checkpoint({"step": 2}, tmp_path / RESUME)

    assert torch.load(tmp_path / RESUME, weights_only=True) == {"step": 2}
    assert first.read_bytes() == before  # Nothing was written over it.
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", RESUME]

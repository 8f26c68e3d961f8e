"""Configs are read strictly, and all that is wrong with one is said."""

import json
from pathlib import Path

import pytest

from model.errors import BadAnnotations
from model.training.clip_options import ClipOptions
from model.training.config import read_config, with_steps
from tests.unit.model.training.toys import (
    FPS,
    toy_config,
    toy_values,
)

NETWORK = {"feature_arch": "rny002_gsm", "temporal_arch": "gru", "clip_len": 16}
CONFIGS = sorted((Path(__file__).parents[4] / "configs").glob("*.yaml"))


def test_the_users_three_and_the_others_are_shipped() -> None:
    names = {path.stem for path in CONFIGS}

    assert {"rny008_gsm_50", "rn50_16", "rny008_gsm_16"} <= names
    assert {"multiscale_8_16_32", "transformer", "rny002_gsm_64"} <= names
    assert "rny002_gsm_teams" in names


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"clips": {"steps": 99}}, "clips cannot be longer"),
        ({"clips": {"steps": 0}}, "clips.steps: must be greater than or equal to 1"),
        ({"clips": {"steps": 4, "event_bias": 2}}, "clips.event_bias: must be less"),
        ({"clips": 4}, "clips: must be"),
        ({"labels": []}, "labels"),
        ({"batch": "many"}, "batch: must be a valid integer.*got 'many'"),
        ({"augment": {"wobble": 1}}, "augment.wobble is unknown, allowed .* zoom, asp"),
        ({"wobble": 1}, "wobble is unknown, allowed there: name, network, input"),
        ({"augment": {"aspect": [1.2, 0.8]}}, "augment.aspect .*not be above"),
        (
            {"augment": {"zoom": [0, 2]}},
            "augment.zoom.0: must be greater than 0, g",
        ),
        ({"augment": {"zoom": 1.2}}, "augment.zoom: must be a valid tuple"),
        ({"augment": {"zoom": ["a", "b"]}}, "augment.zoom.0: must be a valid number"),
        ({"augment": {"flip": float("nan")}}, "augment.flip: must be a finite number"),
        ({"run": {"overlap": 1}}, "run.overlap: must be less than 1, got 1"),
        ({"run": {"precision": "8"}}, "run.precision: must be '32-true', 'bf16-mixed'"),
        ({"network": {"feature_arch": "rny002"}}, "temporal_arch is missing"),
        ({"network": {**NETWORK, "feature_arch": "rny9"}}, "'rny9' is not supported"),
        ({"network": {**NETWORK, "options": {"heads": 2}}}, "option 'heads' means"),
        ({"optimiser": {"lr": "fast"}}, "optimiser.lr: must be a valid number.*'fast'"),
        ({"input": {"width": 64}}, "input.*lacks"),
        ({"stages": [{"until": 0.5}]}, "must rise and end at 1"),
        (
            {"stages": [{"until": 1, "siz": 1}]},
            "stages.0.siz is unknown, .*: until, s",
        ),
        ({"data": {"store": "s", "store_fps": 15}}, "a whole multiple of input.fps"),
        ({"data": {"store": "s", "store_fps": 5}}, "a whole multiple of input.fps"),
    ],
)
def test_a_wrong_config_says_what_is_wrong(
    changes: dict[str, object], message: str
) -> None:
    with pytest.raises(BadAnnotations, match=message):
        toy_config(Path("nowhere"), **changes)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(BadAnnotations, match=r"clips.stepz is unknown.*batch: must"):
        toy_config(Path("nowhere"), clips={"steps": 4, "stepz": 1}, batch=0)


def test_a_key_of_an_earlier_release_is_read_and_reported(tmp_path: Path) -> None:
    values = toy_values(tmp_path, clips={"steps": 12, "paces": [0.9, 1.1]})
    (tmp_path / "run.yaml").write_text(json.dumps(values))  # JSON is YAML
    lines: list[str] = []

    config = read_config(tmp_path / "run.yaml", report=lines.append)

    assert config.clips.speed_range == (0.9, 1.1)
    assert lines == ["run.yaml: clips.paces is now called clips.speed_range"]


def test_a_file_that_is_no_yaml_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("a: [")

    with pytest.raises(BadAnnotations, match=r"broken\.yaml"):
        read_config(path)


def test_stages_follow_each_other_and_fill_in_what_they_leave_out() -> None:
    config = toy_config(
        Path("nowhere"),
        stages=[{"until": 0.5, "size": [32, 32], "batch": 3}, {"until": 1}],
        optimiser={"steps": 10},
    )

    first, last = config.stage_at(4), config.stage_at(5)

    assert (first.size, first.clip_steps, first.batch) == ((32, 32), 12, 3)
    assert (last.size, last.clip_steps, last.batch) == ((64, 48), 12, 2)
    assert config.stage_at(10) == last


def test_another_length_stretches_the_schedule() -> None:
    config = with_steps(toy_config(Path("nowhere")), 3)

    assert config.optimiser.steps == config.run.validate_steps == 3
    assert config.optimiser.warmup_steps <= 1
    assert config.clips == ClipOptions(steps=12, padding=2)
    assert config.input.fps == FPS

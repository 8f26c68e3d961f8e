"""Every shipped config really trains."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from model.training.config import read_config, with_steps
from model.training.outputs import DISTILLATION
from model.training.train import train
from tests.unit.model.training.toys import FPS, toy_config, toy_data, with_teams

pytestmark = [pytest.mark.slow, pytest.mark.costly]

CONFIGS = sorted((Path(__file__).parents[4] / "configs").glob("*.yaml"))
LARGE = ("multiscale", "rn50", "rny008", "transformer")


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Toy matches, drawn once, whose events have teams."""
    root = toy_data(tmp_path_factory.mktemp("toys"), seconds=6)
    with_teams(root, ("train/match_1", "train/match_2", "val/match_3"))
    return root


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(
            path,
            id=path.stem,
            marks=[pytest.mark.nightly] if path.stem.startswith(LARGE) else [],
        )
        for path in CONFIGS
    ],
)
def test_every_shipped_config_trains_for_real_steps(
    path: Path, toys: Path, tmp_path: Path
) -> None:
    # Sizes and machine are the toy's; network, loss, augmentation, precision and
    # accumulation the file's. Nothing is compiled.
    toy = toy_config(toys)
    shipped = read_config(path)
    clip_len = min(16, shipped.network.clip_len)
    stages = tuple(
        replace(stage, size=None, clip_steps=None, batch=None)
        for stage in shipped.stages
    )
    # A teacher of the toys' labels is a test of its own: test_distillation.
    terms = {k: v for k, v in shipped.loss.terms.items() if k != DISTILLATION}
    config = replace(
        with_steps(shipped, 2),
        network=replace(shipped.network, clip_len=clip_len, is_pretrained=False),
        input=replace(toy.input, fps=FPS / 2),
        data=replace(
            toy.data,
            store=str(tmp_path / "store"),
            store_fps=float(FPS) if shipped.data.store_fps else None,
        ),
        labels=None,
        clips=replace(shipped.clips, steps=6),
        batch=2,
        stages=stages,
        loss=replace(shipped.loss, terms=terms, weights={"background": 1.0}),
        run=replace(toy.run, validate_steps=2, precision=shipped.run.precision),
    )
    lines: list[str] = []

    best = train(config, tmp_path / "run", report=lines.append)

    assert best.is_file()
    if shipped.run.precision == "16-mixed" and not torch.cuda.is_available():
        assert "16-mixed needs a GPU: training in bf16-mixed" in lines

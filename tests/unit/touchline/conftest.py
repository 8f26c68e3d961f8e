"""A loaded checkpoint and a video that it has spotted."""

from pathlib import Path

import pytest

import touchline
from tests.checkpoints import tiny_checkpoint
from tests.videos import draw_video, match_picture


@pytest.fixture(scope="session")
def checkpoint(request: pytest.FixtureRequest) -> Path:
    """A small checkpoint with random weights; it always finds something."""
    cache = request.config.cache
    assert cache is not None
    return tiny_checkpoint(cache.mkdir("checkpoints"))


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of a drawn match."""
    path = tmp_path_factory.mktemp("video") / "match.mp4"
    draw_video(path, frames=120, fps=30, paint=match_picture)
    return path


@pytest.fixture(scope="session")
def model(checkpoint: Path) -> touchline.Model:
    return touchline.load(checkpoint, device="cpu")


@pytest.fixture(scope="session")
def result(model: touchline.Model, video: Path) -> touchline.Result:
    return model.spot(video)

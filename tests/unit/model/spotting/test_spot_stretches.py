"""Stretches of a video get the scores that a run over all of it gives."""

from pathlib import Path

import numpy as np
import pytest

from model.errors import Canceled
from model.spotting.predictor import Predictor, load_predictor
from model.spotting.spot_file import spot_file
from model.spotting.spot_stretches import spot_stretches
from tests.unit.model.engines.networks import (
    exported_noise,
)
from tests.videos import draw_video, match_picture

pytestmark = [pytest.mark.slow, pytest.mark.costly]


@pytest.fixture(scope="module")
def predictor(export_cache: Path) -> Predictor:
    return load_predictor(exported_noise(export_cache), engine="openvino", threads=1)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("video") / "match.mp4"
    draw_video(path, frames=600, fps=30, paint=match_picture)
    return path


def test_stretches_have_the_scores_of_the_whole(
    video: Path, predictor: Predictor
) -> None:
    whole = spot_file(video, predictor=predictor).timeline
    spans = [(15.0, 16.0), (5.0, 6.0), (5.5, 6.5), (90.0, 99.0)]

    parts = spot_stretches(video, spans, predictor=predictor)

    assert len(parts) == 2
    assert sum(len(part) for part in parts) < len(whole)
    for part, (start, end) in zip(parts, [(5.0, 6.5), (15.0, 16.0)], strict=True):
        for timeline in (part, whole):
            assert ((timeline.time_s >= start) & (timeline.time_s < end)).any()
        mine = (part.time_s >= start) & (part.time_s < end)
        theirs = (whole.time_s >= start) & (whole.time_s < end)
        assert part.frame[mine].tolist() == whole.frame[theirs].tolist()
        np.testing.assert_allclose(part.scores[mine], whole.scores[theirs], atol=2e-4)


def test_no_stretch_opens_no_file(predictor: Predictor, tmp_path: Path) -> None:
    assert spot_stretches(tmp_path / "none.mp4", [], predictor=predictor) == []


def test_a_run_over_stretches_tells_how_far_it_is_and_stops_when_asked(
    video: Path, predictor: Predictor
) -> None:
    told: list[float] = []

    def stop(done: float) -> None:
        told.append(done)
        if done > 0.2:
            raise Canceled("enough")

    with pytest.raises(Canceled):
        spot_stretches(video, [(0.0, 20.0)], predictor=predictor, on_progress=stop)

    assert told == sorted(told)
    assert told[-1] <= 1

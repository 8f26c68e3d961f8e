"""A session gives the spots of the whole video, in order, from frames as they come."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from model.checkpoint.manifest import Manifest
from model.checkpoint.spotting_options import LabelOptions, SpottingOptions
from model.engines.torch_engine import TorchRuntime
from model.network.spotter import Spotter
from model.spotting.inference import Mode
from model.spotting.predictor import EnginePredictor
from model.spotting.spots import Spot, find_spots
from model.video.decode import Step
from tests.unit.model.engines.networks import (
    draw_frames,
    noisy_checkpoint,
    noisy_spotter,
)

pytestmark = pytest.mark.slow

COUNT = 60


@pytest.fixture(scope="module")
def spotter() -> Spotter:
    return noisy_spotter(clip_len=12)


@pytest.fixture
def manifest(spotter: Spotter, tmp_path: Path) -> Manifest:
    """Options under which a network from noise finds some spots, not all steps."""
    manifest = noisy_checkpoint(tmp_path, spotter).manifest
    kinds = [LabelOptions(0.3, 0.3, "greedy"), LabelOptions(0.3, 0.4, "soft")]
    labels = dict(zip(manifest.labels, kinds, strict=True))
    return replace(manifest, spotting=SpottingOptions(labels, 0.9, overlap=0.75))


def steps_of(count: int = COUNT) -> list[Step]:
    frames = draw_frames(count, seed=4)
    return [Step(2 * k, 1000 * k, k / 15, image) for k, image in enumerate(frames)]


def one_by_one(steps: list[Step]) -> Iterator[Step]:
    """Give steps that share one picture, as a decoder's ring does."""
    shared = steps[0].image.copy()
    for step in steps:
        shared[:] = step.image
        yield replace(step, image=shared)


@pytest.mark.costly
@pytest.mark.parametrize("mode", ["one-pass", "reference"])
@pytest.mark.parametrize("min_score", [None, 0.0])
def test_frames_in_any_pieces_give_the_spots_of_the_whole_timeline(
    spotter: Spotter, manifest: Manifest, mode: Mode, min_score: float | None
) -> None:
    predictor = EnginePredictor(manifest, TorchRuntime(spotter), mode)
    timeline = predictor.predict(steps_of())
    whole = find_spots(timeline, manifest.spotting, min_score=min_score)
    assert len(whole) > 5

    for seed in range(2):
        rng = np.random.default_rng(seed)
        session = predictor.open_session(min_score=min_score)
        spots: list[Spot] = []
        steps = one_by_one(steps_of())
        while piece := list(islice(steps_of_piece(steps), int(rng.integers(1, 30)))):
            spots += session.push(piece)
        spots += session.close()

        assert spots == whole
        np.testing.assert_array_equal(session.timeline.scores, timeline.scores)
        assert session.timeline.pts.tolist() == [1000 * k for k in range(COUNT)]


def steps_of_piece(steps: Iterator[Step]) -> Iterator[Step]:
    """Copy pictures: those of a piece live together."""
    for step in steps:
        yield replace(step, image=step.image.copy())


def test_spots_come_before_the_video_ends(spotter: Spotter, manifest: Manifest) -> None:
    session = EnginePredictor(manifest, TorchRuntime(spotter)).open_session()

    early = session.push(one_by_one(steps_of(120)))

    late = session.close()
    assert early
    assert early + late == sorted(early + late, key=lambda spot: spot.time_s)


@pytest.mark.costly
def test_without_a_timeline_nothing_grows_with_the_video(
    spotter: Spotter, manifest: Manifest
) -> None:
    predictor = EnginePredictor(manifest, TorchRuntime(spotter))
    session = predictor.open_session(has_timeline=False)
    frames = draw_frames(30, seed=4)
    kept = []
    for k in range(160):
        session.push([Step(2 * k, 1000 * k, k / 15, frames[k % 30])])
        kept.append(len(session._times) + len(session._parts))

    assert max(kept[80:]) <= max(kept[:80])
    with pytest.raises(ValueError, match="has_timeline"):
        _ = session.timeline


@pytest.mark.costly
def test_a_closed_session_takes_no_more(spotter: Spotter, manifest: Manifest) -> None:
    predictor = EnginePredictor(manifest, TorchRuntime(spotter))
    session = predictor.open_session()
    session.push(steps_of(20))
    session.close()

    assert session.close() == []
    with pytest.raises(ValueError, match="open another"):
        session.push(steps_of(1))
    # The predictor is as new.
    assert len(predictor.predict(steps_of(20))) == 20


def test_a_session_without_frames_has_no_spots(
    spotter: Spotter, manifest: Manifest
) -> None:
    session = EnginePredictor(manifest, TorchRuntime(spotter)).open_session()

    assert session.close() == []
    assert len(session.timeline) == 0

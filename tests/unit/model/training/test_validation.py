"""Validation sees a match as serving does."""

from pathlib import Path

import numpy as np
import torch

from model.data.frame_store import StoredMatch
from model.data.labels import MatchLabels
from model.engines.torch_engine import TorchRuntime
from model.spotting.inference import one_pass
from model.spotting.windows import Windows
from model.training.measures import is_better
from model.training.validation import timed_match
from model.video.frame_spec import FrameSpec
from tests.unit.model.engines.networks import draw_frames, noisy_spotter


def test_validation_gives_the_scores_that_serving_gives() -> None:
    spotter = noisy_spotter(clip_len=12)
    frames = draw_frames(40)
    numbers = np.arange(40, dtype=np.int64)
    match = StoredMatch(
        name="m",
        frames=frames,
        time_s=numbers / 15,
        frame=numbers * 2,
        pts=numbers * 1000,
        labels=MatchLabels("m", (), Path("Labels-ball.json")),
    )
    height, width = frames.shape[1:3]
    spec = FrameSpec(width, height, fps=15.0)

    found = timed_match(spotter, match, ("A", "B"), spec, overlap=0.75).timeline

    with torch.inference_mode():
        expected = one_pass(frames, TorchRuntime(spotter), Windows(12, 9))["scores"]
    np.testing.assert_allclose(found.scores, expected, atol=1e-4)
    assert found.pts.tolist() == (numbers * 1000).tolist()


def test_a_validation_in_which_nothing_happens_keeps_the_newest_weights() -> None:
    blind = {"choice": 0.0, "mAP": 0.0}
    nothing_found = {**blind, "AP/PASS": 0.0}
    found = {"choice": 0.3, "mAP": 0.3, "AP/PASS": 0.3}

    assert is_better(blind, 0.0)
    assert not is_better(nothing_found, 0.0)
    assert is_better(found, 0.2)
    assert not is_better(found, 0.3)

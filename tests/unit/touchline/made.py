"""Results made by hand: spikes at known times, no network."""

from collections.abc import Iterable

import numpy as np

from model.checkpoint.manifest import Manifest
from model.checkpoint.spotting_options import LabelOptions, SpottingOptions
from model.network.config import ModelConfig
from model.spotting.timeline import Timeline
from model.video.frame_spec import FrameSpec
from touchline import Result

LABELS = ("PASS", "SHOT")
FPS = 25.0


def make_result(
    spikes: Iterable[tuple[str, float, float]], *, threshold: float = 0.5
) -> Result:
    """Make the result of a minute of video.

    Args:
        spikes: label, time in seconds, score.
        threshold: the checkpoint's own, of every label.
    """
    frames = np.arange(round(60 * FPS))
    scores = np.zeros((len(frames), 3), np.float32)
    for label, time_s, score in spikes:
        scores[round(time_s * FPS), LABELS.index(label) + 1] = score
    scores[:, 0] = 1 - scores[:, 1:].sum(axis=1)
    timeline = Timeline(LABELS, scores, frames / FPS, frames, frames * 512)
    options = {label: LabelOptions(threshold, window_s=0.5) for label in LABELS}
    manifest = Manifest(
        name="made",
        config=ModelConfig("rny002_gsm", "gru", clip_len=16, num_classes=2),
        labels=LABELS,
        frame_spec=FrameSpec(width=96, height=54, fps=FPS),
        spotting=SpottingOptions(options),
    )
    return Result.of(manifest, timeline, "made.mp4", FPS)

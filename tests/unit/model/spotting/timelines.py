"""Timelines made by hand for the tests of spotting."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from model.spotting.timeline import Timeline


def timeline_of(
    curves: Mapping[str, npt.ArrayLike], *, fps: float = 10.0, stride: int = 3
) -> Timeline:
    """Make the timeline with these curves; the background takes the rest."""
    columns = np.array([np.asarray(c) for c in curves.values()], np.float32).T
    columns = columns.reshape(-1, len(curves))
    background = 1 - columns.sum(axis=1, keepdims=True)
    steps = np.arange(len(columns))
    return Timeline(
        labels=tuple(curves),
        scores=np.hstack([background, columns]).astype(np.float32),
        time_s=steps / fps,
        frame=steps * stride,
        pts=steps * 512,
    )

"""Scores of a stored match, as serving would give them.

The trunk sees uncut frames: chunks reach over their ends as far as it looks. The
head sees the windows of serving (`model.spotting.windows`).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from model.data.frame_store import StoredMatch
from model.evaluation.timed import TimedMatch
from model.network.activations import activate
from model.network.gate_shift import GatedShift, TemporalShift
from model.network.spotter import Spotter
from model.spotting.timeline import Timeline, has_multilabel_scores
from model.spotting.windows import Rows, WindowedHead, Windows, join_rows
from model.training.augment import plain_clip
from model.video.frame_spec import FrameSpec

CHUNK_STEPS = 128


@torch.inference_mode()
def timed_match(
    spotter: Spotter,
    match: StoredMatch,
    labels: Sequence[str],
    spec: FrameSpec,
    *,
    size: tuple[int, int] | None = None,
    overlap: float = 0.5,
) -> TimedMatch:
    """Run the network over a match; it must be in eval mode.

    In float32, whatever precision the training around it has: so does serving.
    """
    device = next(spotter.parameters()).device
    with torch.autocast(device.type, enabled=False):
        features = _features(spotter, match, spec, size, device)
        rows = window_rows(spotter, features, overlap=overlap)
    timeline = Timeline(
        labels=tuple(labels),
        scores=rows["scores"],
        time_s=match.time_s,
        frame=match.frame,
        pts=match.pts,
        outputs={name: values for name, values in rows.items() if name != "scores"},
        is_multilabel=has_multilabel_scores(spotter.config),
    )
    return TimedMatch(match.name, timeline, match.labels.events)


def window_rows(spotter: Spotter, features: Tensor, *, overlap: float) -> Rows:
    """Run the head over windows as serving does: (T, D) -> by output, (T, C)."""
    device = features.device

    def head(stacked: npt.NDArray[np.float32]) -> Rows:
        raw = spotter.head(torch.from_numpy(stacked).to(device))
        found = activate(raw, spotter.config)
        return {name: values.cpu().numpy() for name, values in found.items()}

    windows = Windows.with_share(spotter.config.clip_len, overlap)
    windowed = WindowedHead(head, windows)
    rows = [windowed.push(features.float().cpu().numpy()), windowed.close()]
    return join_rows(rows)


def reach(spotter: Spotter) -> int:
    """Say how many steps to each side the trunk looks: two for each shift."""
    sites = sum(isinstance(m, GatedShift | TemporalShift) for m in spotter.modules())
    return 2 * sites


def _features(
    spotter: Spotter,
    match: StoredMatch,
    spec: FrameSpec,
    size: tuple[int, int] | None,
    device: torch.device,
) -> Tensor:
    halo, steps = reach(spotter), len(match)
    parts = []
    for start in range(0, steps, CHUNK_STEPS):
        stop = min(steps, start + CHUNK_STEPS)
        low, high = max(0, start - halo), min(steps, stop + halo)
        frames = torch.from_numpy(np.array(match.frames[low:high])).to(device)
        clip = plain_clip(frames, spec, size=size).unsqueeze(0)
        features = spotter.trunk(spotter.normalise(clip))[0]
        parts.append(features[start - low : stop - low])
    return torch.cat(parts)

"""Scores of a stored match, as serving would give them.

The trunk sees uncut frames: chunks reach over their ends as far as it looks. The
head sees windows of clip_len with the overlap of serving.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from model.data.frame_store import StoredMatch
from model.evaluation.timed import TimedMatch
from model.network.gate_shift import GatedShift, TemporalShift
from model.network.spotter import Spotter
from model.spotting.timeline import Timeline
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
        scores = window_scores(spotter, features, overlap=overlap)
    timeline = Timeline(
        labels=tuple(labels),
        scores=scores.cpu().numpy().astype(np.float32),
        time_s=match.time_s,
        frame=match.frame,
        pts=match.pts,
    )
    return TimedMatch(match.name, timeline, match.labels.events)


def window_scores(spotter: Spotter, features: Tensor, *, overlap: float) -> Tensor:
    """Average the head's scores over windows: (T, D) -> (T, K)."""
    steps, clip_len = len(features), spotter.config.clip_len
    hop = max(1, clip_len - round(clip_len * overlap))
    total = features.new_zeros(steps, spotter.config.num_classes + 1)
    support = features.new_zeros(steps, 1)
    for start in range(hop - clip_len, steps, hop):
        low, high = max(0, start), min(steps, start + clip_len)
        logits = spotter.head(features[None, low:high])["scores"][0]
        total[low:high] += logits.float().softmax(-1)
        support[low:high] += 1
    return total / support


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

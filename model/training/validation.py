"""Scores of a stored match, as serving would give them.

The trunk sees uncut frames: chunks reach over their ends as far as it looks. The
head sees the windows of serving (`model.spotting.windows`).
"""

from collections.abc import Iterator, Sequence

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
        features = torch.cat(list(stream_trunk(spotter, match, spec, size=size)))
        return timed_features(spotter, match, features, labels, overlap=overlap)


@torch.inference_mode()
def timed_features(
    spotter: Spotter,
    match: StoredMatch,
    features: Tensor,
    labels: Sequence[str],
    *,
    overlap: float = 0.5,
) -> TimedMatch:
    """Run the head alone over the trunk's features (T, D) of a match."""
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
    known = match.labels
    return TimedMatch(match.name, timeline, known.events, known.reviewed)


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


@torch.inference_mode()
def stream_trunk(
    spotter: Spotter,
    match: StoredMatch,
    spec: FrameSpec,
    *,
    size: tuple[int, int] | None = None,
    first: int = 0,
) -> Iterator[Tensor]:
    """Run the uncut trunk over a match: features (n, D) of the next steps, in turn.

    Args:
        spotter: the network, in eval mode.
        match: its frames.
        spec: what the network sees of them.
        size: another picture than the spec's.
        first: the step to begin with, a multiple of `CHUNK_STEPS`.
    """
    device = next(spotter.parameters()).device
    halo, steps = reach(spotter), len(match)
    for start in range(first, steps, CHUNK_STEPS):
        stop = min(steps, start + CHUNK_STEPS)
        low, high = max(0, start - halo), min(steps, stop + halo)
        frames = torch.from_numpy(np.array(match.frames[low:high])).to(device)
        clip = plain_clip(frames, spec, size=size).unsqueeze(0)
        features = spotter.trunk(spotter.normalise(clip))[0]
        yield features[start - low : stop - low]

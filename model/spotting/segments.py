"""A video in segments that are scored apart, and joined as if it had been one run.

Segments end between two of the groups of windows that the head is given together, and
the trunk's chunks lie where they lie in a run over the whole. A segment also looks at
what its first rows depend on before it, so that its rows are the whole run's to the bit
on an engine whose answers depend on nothing but what it is given.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from pathlib import Path

import numpy as np

from model.engines.runtime import WINDOWS_AT_ONCE
from model.errors import CannotSplit
from model.spotting.inference import OnePass, ScorerState
from model.spotting.predictor import EnginePredictor, Predictor
from model.spotting.session import timeline_of
from model.spotting.spots import Spot, SpotStream
from model.spotting.timeline import Timeline, join_timelines
from model.spotting.windows import Memory, Rows, count_rows, join_rows
from model.video.arrival import ComingFile
from model.video.decode import decode_in_child
from model.video.limits import DEFAULT_LIMITS, MediaLimits
from model.video.step_index import StepIndex, Stretch

MOST_WORK = 1.5  # times that of one piece


@dataclass(frozen=True, slots=True)
class Segment:
    """Steps of a video that are scored by themselves, and what that takes.

    Attributes:
        first: the first step whose row it gives.
        end: the step behind the last one.
        images_from: the first step that is looked at.
        images_to: the step behind the last one that is looked at.
        window: where its first window starts; None: with the video.
        to_end: what it looks at goes to the end of the video.
    """

    first: int
    end: int
    images_from: int
    images_to: int
    window: int | None
    to_end: bool


def can_be_split(predictor: Predictor) -> bool:
    """Whether a network can be run in segments: one that runs in one pass."""
    return isinstance(predictor, EnginePredictor) and predictor.mode == "one-pass"


def plan_segments(steps: int, predictor: Predictor, *, parts: int) -> list[Segment]:
    """Cut a video of so many steps into at most so many segments of about one size.

    Raises:
        CannotSplit: the network runs as a stream or clip by clip, in one piece only.
        ValueError: `parts` or `steps` is below 1.
    """
    if parts < 1 or steps < 1:
        raise ValueError(f"parts and steps must be 1 or more, got {parts} and {steps}")
    predictor = _one_pass(predictor)
    windows, runtime = predictor.windows, predictor.runtime
    origin = next(start for start in windows.starts() if start >= 0)
    group = WINDOWS_AT_ONCE * windows.hop
    # Only whole groups are cut at: the last ones are smaller than others.
    groups = max(steps - windows.clip_len - origin, 0) // group
    voters = ceil((windows.clip_len - 2 * windows.margin) / windows.hop)
    before = ceil(voters / WINDOWS_AT_ONCE)
    cuts = sorted({round(groups * n / parts) for n in range(1, parts)} - {0})
    cuts = [cut for cut in cuts if cut > before]
    edges = [None, *cuts, None]
    found = []
    for low, high in pairwise(edges):
        first, images_from, window = 0, 0, None
        if low is not None:
            first = origin + low * group + windows.margin
            window = origin + (low - before) * group
            images_from = max(window - runtime.delay - runtime.chunk_len, 0)
            images_from = images_from // runtime.chunk_len * runtime.chunk_len
        end = images_to = steps
        if high is not None:
            end = origin + high * group + windows.margin
            seen = origin + high * group - windows.hop + windows.clip_len
            chunks = ceil((seen + runtime.delay) / runtime.chunk_len)
            images_to = min(chunks * runtime.chunk_len, steps)
        segment = Segment(
            first, end, images_from, images_to, window, images_to == steps
        )
        found.append(segment)
    return found


def plan_worthwhile(
    steps: int, predictor: Predictor, *, parts: int, most_work: float = MOST_WORK
) -> list[Segment]:
    """Cut a video as `plan_segments` does, into fewer if they overlap too much.

    Args:
        steps: of the video.
        predictor: the network.
        parts: so many segments at most.
        most_work: steps that all segments look at, for each of the video.

    Raises:
        CannotSplit, ValueError: see `plan_segments`.
    """
    while True:
        found = plan_segments(steps, predictor, parts=parts)
        looked_at = sum(one.images_to - one.images_from for one in found)
        if len(found) == 1 or looked_at <= most_work * steps:
            return found
        parts = len(found) - 1


def spot_segment(
    path: Path,
    segment: Segment,
    *,
    predictor: Predictor,
    index: StepIndex,
    limits: MediaLimits = DEFAULT_LIMITS,
    on_wait: Callable[[], None] | None = None,
    on_done: Callable[[float], None] = lambda _: None,
    coming: ComingFile | None = None,
) -> Timeline:
    """Score one segment; decoding begins at the key frame before it.

    Args:
        path: the video.
        segment: of `plan_segments`.
        predictor: the network that it was planned for.
        index: of the video's steps (`read_steps_in_child`).
        limits: what a file may ask of us.
        on_wait: called a few times a second; may raise to stop.
        on_done: called with the share of the segment that is done, after each step.
        coming: the file, if its bytes are still coming; it is decoded as they do.

    Returns:
        The curves of the steps from `segment.first` to before `segment.end`.

    Raises:
        CannotSplit: the file or the network needs one piece.
        EngineError: the runtime failed.
        VideoError: the file is at fault.
    """
    predictor = _one_pass(predictor)
    scorer = OnePass(predictor.runtime, predictor.windows, on_wait or (lambda: None))
    given_from = 0
    if segment.window is not None:
        scorer.enter(_state_at(segment, predictor))
        given_from = segment.window + predictor.windows.margin
    rows: list[Rows] = []
    times: list[tuple[float, int, int]] = []
    with decode_in_child(
        path,
        predictor.manifest.frame_spec,
        limits=limits,
        stretch=_stretch_of(segment, index),
        on_wait=on_wait,
        coming=coming,
    ) as steps:
        for number, step in enumerate(steps, segment.images_from):
            rows.append(scorer.push(step.image))
            if segment.first <= number < segment.end:
                times.append((step.time_s, step.frame, step.pts))
            on_done(len(rows) / (segment.images_to - segment.images_from))
    if segment.to_end:
        rows.append(scorer.close())
    low, high = segment.first - given_from, segment.end - given_from
    joined = join_rows(rows)
    if count_rows(joined) < high:
        raise CannotSplit("the segment was cut too short")
    kept = {name: values[low:high] for name, values in joined.items()}
    return timeline_of(predictor.manifest, kept, times)


def join_segments(
    parts: Sequence[Timeline], *, predictor: Predictor, min_score: float | None = None
) -> tuple[Timeline, list[Spot]]:
    """Join the segments' curves, in order, and find the spots of the whole."""
    manifest = predictor.manifest
    timeline = join_timelines(list(parts))
    stream = SpotStream(
        manifest.labels, manifest.spotting, min_score=min_score, sides=manifest.sides
    )
    return timeline, stream.push(timeline) + stream.close()


def _one_pass(predictor: Predictor) -> EnginePredictor:
    if not isinstance(predictor, EnginePredictor) or predictor.mode != "one-pass":
        raise CannotSplit("only a network in one pass can be run in segments")
    return predictor


def _stretch_of(segment: Segment, index: StepIndex) -> Stretch:
    try:
        return index.stretch(segment.images_from, segment.images_to)
    except ValueError as exc:
        raise CannotSplit(f"the video has not the steps planned for: {exc}") from exc


def _state_at(segment: Segment, predictor: EnginePredictor) -> ScorerState:
    """Give the state of a scorer whose next window is the segment's first."""
    start = segment.window or 0
    memory: Memory = {
        "support": np.zeros(0, np.float32),
        "voted": np.array([start + predictor.windows.margin], np.int64),
        "place": np.array([start, start, start], np.int64),
    }
    return ScorerState(start + predictor.runtime.delay, segment.images_from, memory)

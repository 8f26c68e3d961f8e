"""From steps to a timeline on any engine: one pass, or clip by clip.

One pass runs the trunk over each frame once and the head over windows of its
features. Clip by clip is what E2E-Spot does: each window is a clip by itself, so
with 50% overlap every frame is computed twice.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from model.checkpoint.manifest import Manifest
from model.engines.runtime import Floats, Frames, Runtime
from model.errors import EngineError
from model.spotting.timeline import Timeline
from model.spotting.windows import Average, WindowedHead, Windows
from model.video.decode import Step

OnStep = Callable[[Step], None]
OnWait = Callable[[], None]


@dataclass(frozen=True, slots=True)
class EnginePredictor:
    """A checkpoint on an engine (see `model.spotting.predictor.Predictor`).

    Attributes:
        manifest: of the checkpoint.
        runtime: the network on its engine.
        mode: `one-pass` or `reference`.
    """

    manifest: Manifest
    runtime: Runtime
    mode: Literal["one-pass", "reference"] = "one-pass"

    @property
    def engine(self) -> str:
        """Name the engine and its precision."""
        return self.runtime.name

    @property
    def windows(self) -> Windows:
        """Say where the windows lie."""
        clip_len = self.manifest.config.clip_len
        overlap = int(clip_len * self.manifest.spotting.overlap)
        return Windows(clip_len, min(overlap, clip_len - 1))

    def predict(
        self,
        steps: Iterable[Step],
        *,
        on_step: OnStep | None = None,
        on_wait: OnWait | None = None,
    ) -> Timeline:
        """Run the network over a video (see `Predictor.predict`)."""
        record = _Record(on_step)
        run = one_pass if self.mode == "one-pass" else clip_by_clip
        scores = run(record.images(steps), self.runtime, self.windows, on_wait=on_wait)
        return record.timeline(self.manifest.labels, scores)


def one_pass(
    images: Iterable[Frames],
    runtime: Runtime,
    windows: Windows,
    *,
    on_wait: OnWait | None = None,
) -> Floats:
    """Run the trunk once over all frames and the head over windows of features.

    Args:
        images: (H, W, 3) each; may be reused once the next is asked for.
        runtime: the engine.
        windows: where the head's windows lie.
        on_wait: called after each chunk.

    Returns:
        Scores (T, K), one row an image.
    """
    head = WindowedHead(lambda features: runtime.head(features)["scores"], windows)
    for features in stream_features(images, runtime):
        head.push(features)
        if on_wait is not None:
            on_wait()
    return head.finish()


def stream_features(images: Iterable[Frames], runtime: Runtime) -> Iterator[Floats]:
    """Give the uncut trunk's features of all images, some (n, D) at a time."""
    runtime.reset()
    size = runtime.chunk_len
    steps = fed = 0
    for frames, count in _chunks(images, size):
        is_video = _marks(count, size)
        features = runtime.trunk(frames, is_video, is_video)
        steps, fed = steps + count, fed + size
        yield _of_video(features, fed - size - runtime.delay, steps)
    nothing = _marks(0, size)
    while steps and fed - runtime.delay < steps:
        features = runtime.trunk(frames, nothing, nothing)
        fed += size
        yield _of_video(features, fed - size - runtime.delay, steps)


def clip_by_clip(
    images: Iterable[Frames],
    runtime: Runtime,
    windows: Windows,
    *,
    on_wait: OnWait | None = None,
) -> Floats:
    """Run the network over each window as a clip of its own, like E2E-Spot.

    What a clip covers beyond the video is zero after normalisation. Arguments and
    result as in `one_pass`.
    """
    average: Average | None = None
    steps = 0
    for start, frames in _clips(images, windows):
        first = max(-start, 0)
        end = first + len(frames)
        features: list[Floats] = []
        for part in _stream_clip(frames, first, windows.clip_len, runtime):
            features.append(part)
            if on_wait is not None:
                on_wait()
        scores = runtime.head(np.concatenate(features)[None])["scores"][0]
        if average is None:
            average = Average(scores.shape[1])
        average.add(start + first, scores[first:end])
        steps = max(steps, start + end)
    if average is None:
        return np.zeros((0, 0), dtype=np.float32)
    return average.mean(steps)


def _stream_clip(
    frames: list[Frames], first: int, clip_len: int, runtime: Runtime
) -> Iterator[Floats]:
    """Give the features of one clip whose frames begin at its step `first`."""
    size = runtime.chunk_len
    clip = np.zeros((_up(clip_len, size), *frames[0].shape), dtype=np.uint8)
    clip[first : first + len(frames)] = frames
    nothing = np.zeros(_up(clip_len + runtime.delay, size), dtype=np.float32)
    is_video, is_not_padding = nothing.copy(), nothing.copy()
    is_video[:clip_len] = 1
    is_not_padding[first : first + len(frames)] = 1
    runtime.reset()
    for at in range(0, len(nothing), size):
        chunk = slice(at, at + size)
        pictures = clip[chunk] if at < len(clip) else clip[:size]
        features = runtime.trunk(pictures, is_video[chunk], is_not_padding[chunk])
        yield _of_video(features, at - runtime.delay, clip_len)


def _up(steps: int, size: int) -> int:
    return -(-steps // size) * size


def _of_video(features: Floats, first: int, steps: int) -> Floats:
    """Keep the rows of a chunk, beginning with step `first`, that are in the video."""
    return features[max(-first, 0) : max(steps - first, 0)]


def _clips(
    images: Iterable[Frames], windows: Windows
) -> Iterator[tuple[int, list[Frames]]]:
    """Give each window's start and those of its frames that are in the video."""
    source = iter(images)
    buffer: list[Frames] = []
    first = 0  # Step of the first frame in the buffer.
    for start in windows.starts():
        for image in source:
            buffer.append(image.copy())
            if first + len(buffer) == start + windows.clip_len:
                break
        steps = first + len(buffer)
        if not buffer or not windows.is_needed(start, steps):
            return
        yield start, buffer[max(start - first, 0) : start + windows.clip_len - first]
        following = max(start + windows.clip_len - windows.overlap, 0)
        del buffer[: following - first]
        first = following


def _chunks(images: Iterable[Frames], size: int) -> Iterator[tuple[Frames, int]]:
    """Give arrays of `size` frames and how many of them are new; reuses the array."""
    buffer: Frames | None = None
    count = 0
    for image in images:
        if buffer is None:
            buffer = np.zeros((size, *image.shape), dtype=np.uint8)
        buffer[count] = image
        count += 1
        if count == size:
            yield buffer, count
            count = 0
    if buffer is not None and count:
        yield buffer, count


def _marks(count: int, size: int) -> Floats:
    marks = np.zeros(size, dtype=np.float32)
    marks[:count] = 1
    return marks


class _Record:
    """Notes the times of steps as their images pass by."""

    def __init__(self, on_step: OnStep | None) -> None:
        self.on_step = on_step
        self.rows: list[tuple[float, int, int]] = []

    def images(self, steps: Iterable[Step]) -> Iterator[Frames]:
        for step in steps:
            self.rows.append((step.time_s, step.frame, step.pts))
            yield step.image
            if self.on_step is not None:
                self.on_step(step)

    def timeline(self, labels: tuple[str, ...], scores: Floats) -> Timeline:
        if not self.rows:
            scores = np.zeros((0, len(labels) + 1), dtype=np.float32)
        if not np.isfinite(scores).all():
            raise EngineError(
                "the engine gave scores that are NaN or infinite; try another precision"
            )
        return Timeline(
            labels=labels,
            scores=scores,
            time_s=np.array([row[0] for row in self.rows], dtype=np.float64),
            frame=np.array([row[1] for row in self.rows], dtype=np.int64),
            pts=np.array([row[2] for row in self.rows], dtype=np.int64),
        )

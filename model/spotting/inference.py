"""From images to rows of outputs on any engine: one pass, or clip by clip.

One pass runs the trunk over each frame once and the head over windows of its
features. Clip by clip is what E2E-Spot does: each window is a clip by itself, so
with 50% overlap every frame is computed twice. Both take images one by one and give
rows as soon as they are final, in constant memory.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from model.engines.runtime import Floats, Frames, Runtime
from model.spotting.windows import (
    Memory,
    Rows,
    Votes,
    WindowedHead,
    Windows,
    join_rows,
)

Mode = Literal["one-pass", "reference"]
OnWait = Callable[[], None]


@dataclass(frozen=True, slots=True)
class ScorerState:
    """Where a scorer stands in a video, so that another one can go on from there.

    Attributes:
        steps: images that it took.
        images_from: the first step whose image the other one looks at; what it is given
            before may be anything.
        memory: what it remembers.
    """

    steps: int
    images_from: int
    memory: Memory


class ImageScorer(Protocol):
    """Images in, rows of outputs out; for one video."""

    def push(self, image: Frames) -> Rows:
        """Take the next image (H, W, 3); it may be reused once this returns."""
        ...

    def close(self) -> Rows:
        """Give the rows that are left."""
        ...

    def state(self) -> ScorerState | None:
        """Tell where it stands; None where nobody could go on: ask again later."""
        ...

    def restore(self, state: ScorerState) -> None:
        """Go on from there, before the first image: all are given once more.

        The rows to come are those that the other one would have given, to the bit.

        Raises:
            KeyError, ValueError: the state is of another kind of scorer.
        """
        ...


def image_scorer(
    mode: Mode,
    runtime: Runtime,
    windows: Windows,
    *,
    on_wait: OnWait | None = None,
) -> ImageScorer:
    """Begin a video.

    Args:
        mode: one pass, or clip by clip (`reference`).
        runtime: the engine; it is taken until the video ends.
        windows: where the head's windows lie.
        on_wait: called after each piece of work.
    """
    scorer = OnePass if mode == "one-pass" else ClipByClip
    return scorer(runtime, windows, on_wait or (lambda: None))


def one_pass(images: Iterable[Frames], runtime: Runtime, windows: Windows) -> Rows:
    """Run the trunk once over all frames and the head over windows of features.

    Returns:
        By output, (T, C) with a row for each image; no output without an image.
    """
    return _all_rows(OnePass(runtime, windows), images)


def clip_by_clip(images: Iterable[Frames], runtime: Runtime, windows: Windows) -> Rows:
    """Run the network over each window as a clip of its own, like E2E-Spot.

    A window that reaches beyond the video is a shorter clip. Arguments and result as
    in `one_pass`.
    """
    return _all_rows(ClipByClip(runtime, windows), images)


def stream_features(images: Iterable[Frames], runtime: Runtime) -> Iterator[Floats]:
    """Give the uncut trunk's features of all images, some (n, D) at a time."""
    trunk = _TrunkStream(runtime)
    for image in images:
        yield from trunk.push(image)
    yield from trunk.close()


class OnePass:
    """The trunk as one stream, the head over windows (see `one_pass`)."""

    def __init__(
        self, runtime: Runtime, windows: Windows, on_wait: OnWait = lambda: None
    ) -> None:
        self._runtime = runtime
        self._trunk = _TrunkStream(runtime)
        self._head = WindowedHead(runtime.head, windows)
        self._on_wait = on_wait
        self._to_skip = 0

    def push(self, image: Frames) -> Rows:
        """Take the next image."""
        if self._to_skip:
            self._to_skip -= 1
            return {}
        return self._run(self._trunk.push(image))

    def close(self) -> Rows:
        """Give the rows that are left."""
        return join_rows([self._run(self._trunk.close()), self._head.close()])

    def state(self) -> ScorerState | None:
        """Tell where it stands, between two chunks (see `ImageScorer.state`)."""
        steps = self._trunk.whole_steps
        if steps is None:
            return None
        # A feature depends on as many steps before its own as behind it; what the
        # trunk remembers of those is computed once more, in the same chunks.
        chunk, delay = self._runtime.chunk_len, self._runtime.delay
        images_from = max(steps - 2 * delay - chunk, 0) // chunk * chunk
        return ScorerState(steps, images_from, self._head.memory())

    def restore(self, state: ScorerState) -> None:
        """Go on from there (see `ImageScorer.restore`)."""
        self.enter(state)
        self._to_skip = state.images_from

    def enter(self, state: ScorerState) -> None:
        """Go on from there; the first image to come is that of `images_from`."""
        self._head.restore(state.memory)
        given = max(state.steps - self._runtime.delay, 0)
        self._trunk = _TrunkStream(self._runtime, start=state.images_from, given=given)

    def _run(self, parts: Iterable[Floats]) -> Rows:
        given: list[Rows] = []
        for features in parts:
            given.append(self._head.push(features))
            self._on_wait()
        return join_rows(given)


class ClipByClip:
    """Each window as a clip of its own (see `clip_by_clip`)."""

    def __init__(
        self, runtime: Runtime, windows: Windows, on_wait: OnWait = lambda: None
    ) -> None:
        self._runtime, self._windows, self._on_wait = runtime, windows, on_wait
        self._start = next(windows.starts())
        self._buffer: list[Frames] = []
        self._first = 0  # Step of the first image in the buffer.
        self._votes = Votes(windows)
        self._to_skip = 0

    def push(self, image: Frames) -> Rows:
        """Take the next image."""
        if self._to_skip:
            self._to_skip -= 1
            return {}
        self._buffer.append(image.copy())
        given: list[Rows] = []
        while self._start + self._windows.clip_len <= self._end:
            given.append(self._run())
        return join_rows(given)

    def close(self) -> Rows:
        """Give the rows that are left."""
        given: list[Rows] = []
        while self._windows.is_needed(self._start, self._end):
            given.append(self._run())
        if self._end:
            given.append(self._votes.take(self._end))
        return join_rows(given)

    def state(self) -> ScorerState:
        """Tell where it stands (see `ImageScorer.state`)."""
        start = np.array([self._start], np.int64)
        memory = {**self._votes.memory(), "start": start}
        return ScorerState(self._end, self._first, memory)

    def restore(self, state: ScorerState) -> None:
        """Go on from there (see `ImageScorer.restore`)."""
        self._start = int(state.memory["start"][0])
        self._votes.restore(state.memory)
        self._first = self._to_skip = state.images_from

    @property
    def _end(self) -> int:
        return self._first + len(self._buffer)

    def _run(self) -> Rows:
        """Run the next window."""
        start, windows = self._start, self._windows
        first = max(start, 0)
        clip = self._buffer[
            first - self._first : start + windows.clip_len - self._first
        ]
        features: list[Floats] = []
        for part in stream_features(clip, self._runtime):
            features.append(part)
            self._on_wait()
        answers = self._runtime.head(np.concatenate(features)[None])
        rows = {name: values[0] for name, values in answers.items()}
        self._votes.add(start, first, rows)
        self._start += windows.hop
        drop = min(max(self._start, 0) - self._first, len(self._buffer))
        del self._buffer[:drop]
        self._first += drop
        return self._votes.take(min(max(self._start + windows.margin, 0), self._end))


class _TrunkStream:
    """Gives a runtime whole chunks, and its features of the steps of the video."""

    def __init__(self, runtime: Runtime, *, start: int = 0, given: int = 0) -> None:
        """Begin at step `start`; the features of steps before `given` are known."""
        runtime.reset()
        self._runtime = runtime
        self._chunk: Frames | None = None
        self._count = 0  # New images in the chunk.
        self._steps = self._fed = start
        self._given = given

    @property
    def whole_steps(self) -> int | None:
        """How many images went in, if none of them waits for its chunk to be full.

        None, too, while it catches up with what is known.
        """
        is_behind = self._given > max(self._fed - self._runtime.delay, 0)
        return None if self._count or is_behind else self._steps

    def push(self, image: Frames) -> Iterator[Floats]:
        """Take an image; give the features that come of it."""
        size = self._runtime.chunk_len
        if self._chunk is None:
            self._chunk = np.zeros((size, *image.shape), dtype=np.uint8)
        self._chunk[self._count] = image
        self._count += 1
        if self._count == size:
            yield self._run(self._chunk)

    def close(self) -> Iterator[Floats]:
        """Give the features that are left."""
        if self._chunk is None:
            return
        if self._count:
            yield self._run(self._chunk)
        while self._fed - self._runtime.delay < self._steps:
            yield self._run(self._chunk)

    def _run(self, chunk: Frames) -> Floats:
        is_video = np.zeros(len(chunk), dtype=np.float32)
        is_video[: self._count] = 1
        features = self._runtime.trunk(chunk, is_video, is_video)
        first = self._fed - self._runtime.delay
        self._steps += self._count
        self._fed += len(chunk)
        self._count = 0
        known, end = max(self._given - first, 0), max(self._steps - first, 0)
        self._given = max(self._given, min(self._steps, first + len(chunk)))
        return features[known:end]


def _all_rows(scorer: ImageScorer, images: Iterable[Frames]) -> Rows:
    return join_rows([*(scorer.push(image) for image in images), scorer.close()])

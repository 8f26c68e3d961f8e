"""A causal network over a file: the very stream that runs live, not windows."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from model.checkpoint.manifest import Manifest
from model.engines.runtime import Frames, StreamRuntime
from model.spotting.inference import ScorerState
from model.spotting.session import Session
from model.spotting.timeline import Timeline
from model.spotting.windows import Rows, join_rows
from model.video.decode import Step


class StreamScorer:
    """Images in, rows of outputs out (see `model.spotting.inference.ImageScorer`).

    Where it stands lies inside the engine, so that nobody else can go on from there.
    """

    def __init__(
        self, runtime: StreamRuntime, on_wait: Callable[[], None] = lambda: None
    ) -> None:
        runtime.reset()
        self._runtime, self._on_wait = runtime, on_wait
        self._blank: Frames | None = None
        self._pushed = 0

    def push(self, image: Frames) -> Rows:
        """Take the next image."""
        if self._blank is None:
            self._blank = np.zeros_like(image)
        outputs = self._runtime.step(image)
        self._pushed += 1
        self._on_wait()
        if self._pushed <= self._runtime.delay:
            return {}
        return {name: values[None] for name, values in outputs.items()}

    def close(self) -> Rows:
        """Give the rows that are left, and forget the stream."""
        if self._blank is None:
            return {}
        delay = self._runtime.delay
        rows = [self._runtime.step(self._blank, is_video=False) for _ in range(delay)]
        self._runtime.reset()
        self._blank = None
        left = rows[max(0, delay - self._pushed) :]
        return join_rows([{n: v[None] for n, v in row.items()} for row in left])

    def state(self) -> ScorerState | None:
        """Tell nothing: a stream that was broken off is run again."""
        return None

    def restore(self, state: ScorerState) -> None:
        """Refuse a state, which is another scorer's."""
        raise ValueError(f"a stream cannot go on from step {state.steps}")


@dataclass(frozen=True, slots=True)
class StreamPredictor:
    """A causal checkpoint on an engine (see `model.spotting.predictor.Predictor`).

    Attributes:
        manifest: of the checkpoint.
        runtime: the network on its engine.
    """

    manifest: Manifest
    runtime: StreamRuntime

    @property
    def engine(self) -> str:
        """Name the engine and its precision."""
        return self.runtime.name

    def open_session(
        self,
        *,
        min_score: float | None = None,
        has_timeline: bool = True,
        on_wait: Callable[[], None] | None = None,
    ) -> Session:
        """Begin a video (see `Predictor.open_session`)."""
        scorer = StreamScorer(self.runtime, on_wait or (lambda: None))
        return Session(
            self.manifest, scorer, min_score=min_score, has_timeline=has_timeline
        )

    def predict(self, steps: Iterable[Step]) -> Timeline:
        """Run the network over a whole video (see `Predictor.predict`)."""
        session = self.open_session()
        session.push(steps)
        session.close()
        return session.timeline

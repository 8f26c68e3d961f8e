"""A video as it comes: push frames, get the spots that are final.

Files and live sources go through it alike; the spots are those of the whole
timeline, to the bit.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from model.checkpoint.manifest import Manifest
from model.errors import EngineError
from model.spotting.inference import ImageScorer, ScorerState
from model.spotting.spots import Spot, SpotStream
from model.spotting.timeline import Timeline, has_multilabel_scores, join_timelines
from model.spotting.windows import Rows, count_rows
from model.video.decode import Step


class Session:
    """One video on a predictor, in constant memory but for the curves that are kept.

    A session takes its predictor's engine until it is closed or thrown away: one at a
    time.
    """

    def __init__(
        self,
        manifest: Manifest,
        scorer: ImageScorer,
        *,
        min_score: float | None = None,
        has_timeline: bool = True,
    ) -> None:
        """Begin a video; `Predictor.open_session` does it."""
        self._manifest, self._scorer = manifest, scorer
        self._stream = SpotStream(
            manifest.labels,
            manifest.spotting,
            min_score=min_score,
            sides=manifest.sides,
        )
        self._times: list[tuple[float, int, int]] = []  # Of steps without rows yet.
        self._known: Timeline | None = None  # What an earlier session found.
        self._pushed = self._resumed_at = 0
        self._has_timeline = has_timeline
        self._parts: list[Timeline] = []
        self._is_closed = False

    def push(self, steps: Iterable[Step]) -> list[Spot]:
        """Take the next frames, in order of time.

        Args:
            steps: frames of the size that the manifest's `frame_spec` names, at about
                its rate; each image may be reused once the next one is asked for.

        Returns:
            Spots that nothing to come can change, in order of time, none earlier than
            one that was given before. They come some seconds after their frames: as
            soon as every window that sees them, and NMS around them, is done.

        Raises:
            EngineError: the runtime failed, or gave scores that are NaN or infinite.
            ValueError: the session is closed, or the times fall.
            CannotResume: the session goes on for another one, and these steps are not
                of the same video.
        """
        if self._is_closed:
            raise ValueError("the session is closed: open another one")
        spots: list[Spot] = []
        for step in steps:
            if self._known is not None and self._pushed < len(self._known):
                _ensure_same(step, self._known, self._pushed)
            else:
                self._times.append((step.time_s, step.frame, step.pts))
            self._pushed += 1
            spots += self._take(self._scorer.push(step.image))
        return spots

    def state(self) -> ScorerState | None:
        """Tell where the session stands, for `resume`, with the `timeline` so far.

        None where none can go on: ask again after some more steps. It must be opened
        with a timeline for that to be of use.
        """
        return self._scorer.state()

    def resume(self, state: ScorerState, timeline: Timeline) -> list[Spot]:
        """Go on for a session that ended early, to the bit as it would have done.

        Call it first. All steps are pushed once more, from the video's first one on;
        the images of those before `state.images_from` are not looked at.

        Args:
            state: of the other session, of the same checkpoint, engine and windows.
            timeline: of the other session at that moment.

        Returns:
            The spots that were final then.

        Raises:
            ValueError: steps were pushed already.
            CannotResume: the state is of something else.
        """
        if self._pushed:
            raise ValueError("a session resumes before its first step, or not at all")
        if timeline.labels != self._manifest.labels:
            raise CannotResume("the timeline has other labels than the checkpoint")
        try:
            self._scorer.restore(state)
        except (KeyError, IndexError, ValueError) as exc:
            raise CannotResume(f"not a state of this engine's: {exc}") from exc
        self._known, self._resumed_at = timeline, state.steps
        if self._has_timeline:
            self._parts.append(timeline)
        return self._stream.push(timeline) if len(timeline) else []

    def close(self) -> list[Spot]:
        """End the video and give the spots that are left; as `push` otherwise."""
        if self._is_closed:
            return []
        self._is_closed = True
        if self._pushed < self._resumed_at:
            raise CannotResume("the video is shorter than the one that was seen before")
        return self._take(self._scorer.close()) + self._stream.close()

    @property
    def timeline(self) -> Timeline:
        """Return the curves of all steps that are final, for storage.

        After `close`, of all of them; with those that an earlier session found.

        Raises:
            ValueError: the session was opened without a timeline.
        """
        if not self._has_timeline:
            raise ValueError("the session was opened with has_timeline=False")
        if not self._parts:
            return timeline_of(self._manifest, {}, [])
        self._parts = [join_timelines(self._parts)]
        return self._parts[0]

    def _take(self, rows: Rows) -> list[Spot]:
        """Take the outputs of the next steps."""
        count = count_rows(rows)
        if not count:
            return []
        part = timeline_of(self._manifest, rows, self._times[:count])
        del self._times[:count]
        if self._has_timeline:
            self._parts.append(part)
        return self._stream.push(part)


class CannotResume(ValueError):
    """What an earlier session left is not of this video, checkpoint or engine."""


def _ensure_same(step: Step, known: Timeline, row: int) -> None:
    is_same = (step.time_s, step.frame, step.pts) == (
        known.time_s[row],
        known.frame[row],
        known.pts[row],
    )
    if not is_same:
        raise CannotResume(f"step {row} is not the one that was seen before")


def timeline_of(
    manifest: Manifest, rows: Rows, times: Sequence[tuple[float, int, int]]
) -> Timeline:
    """Make a timeline of rows of outputs and their steps' time, frame and PTS.

    Raises:
        EngineError: an output is NaN or infinite.
    """
    if not all(np.isfinite(values).all() for values in rows.values()):
        raise EngineError(
            "the engine gave scores that are NaN or infinite; try another precision"
        )
    empty = np.zeros((0, len(manifest.labels) + 1), dtype=np.float32)
    return Timeline(
        labels=manifest.labels,
        scores=rows.get("scores", empty),
        time_s=np.array([row[0] for row in times], dtype=np.float64),
        frame=np.array([row[1] for row in times], dtype=np.int64),
        pts=np.array([row[2] for row in times], dtype=np.int64),
        outputs={name: values for name, values in rows.items() if name != "scores"},
        is_multilabel=has_multilabel_scores(manifest.config),
    )

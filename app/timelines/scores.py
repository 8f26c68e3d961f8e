"""The stored score curves of a job: a timeline, cut and thinned for display."""

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import structlog

from app.core.storage.interface import Storage
from app.timelines.problems import NoTimeline, ScoresNotFound
from app.timelines.tables import Analysis
from model.spotting.timeline import Timeline

log = structlog.get_logger(__name__)


class DamagedScores(Exception):
    """The stored file is not what a worker wrote."""


@dataclass(frozen=True, slots=True, eq=False)
class ScoreCurves:
    """A stretch of a timeline, one curve a label. With T steps and C labels:

    Attributes:
        labels: the C labels.
        scores: (T, C) in [0, 1]; the background is left out.
        time_s: (T,) what a player shows.
        frame: (T,) index in the source, 0-based.
    """

    labels: tuple[str, ...]
    scores: npt.NDArray[np.float32]
    time_s: npt.NDArray[np.float64]
    frame: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.time_s)

    def between(self, from_s: float | None, to_s: float | None) -> "ScoreCurves":
        """Keep the steps from `from_s` to `to_s`, both ends included."""
        start = 0 if from_s is None else np.searchsorted(self.time_s, from_s, "left")
        end = None if to_s is None else np.searchsorted(self.time_s, to_s, "right")
        return self._take(slice(start, end))

    def thinned(self, points: int) -> "ScoreCurves":
        """Keep at most `points` steps: of each run of steps, every label's maximum.

        A run stands where its highest score stood, so that a peak keeps its time and
        frame; fewer steps than `points` stay as they are.
        """
        steps = len(self)
        if steps <= points:
            return self
        starts = np.arange(points) * steps // points
        runs = np.split(self.scores.max(axis=1, initial=0.0), starts[1:])
        peaks = starts + [int(np.argmax(run)) for run in runs]
        return ScoreCurves(
            labels=self.labels,
            scores=np.maximum.reduceat(self.scores, starts, axis=0),
            time_s=self.time_s[peaks],
            frame=self.frame[peaks],
        )

    def _take(self, which: slice) -> "ScoreCurves":
        return ScoreCurves(
            self.labels, self.scores[which], self.time_s[which], self.frame[which]
        )


def stored_curves(analysis: Analysis, storage: Storage) -> ScoreCurves:
    """Read the curves of an analysis for display; errors as of `stored_timeline`."""
    return _curves_of(stored_timeline(analysis, storage))


def stored_timeline(analysis: Analysis, storage: Storage) -> Timeline:
    """Read all that is stored, and make sure that it is what was stored.

    Scores are at the checkpoint's temperature already.

    Raises:
        NoTimeline, ScoresNotFound: there are none, or no more, or they are damaged.
    """
    if analysis.scores_key is None:
        raise NoTimeline("The analysis stored no score curves.")
    try:
        data = storage.get(analysis.scores_key)
    except FileNotFoundError as exc:
        raise scores_not_found() from exc
    try:
        if hashlib.sha256(data).hexdigest() != analysis.scores_sha256:
            raise DamagedScores("it has changed since it was stored")
        return _read_timeline(data)
    except DamagedScores as exc:
        log.error("scores_damaged", key=analysis.scores_key, reason=str(exc))
        raise ScoresNotFound(
            "The score curves of this timeline are damaged on the server's disk; run "
            "the video again to have new ones."
        ) from exc


def scores_not_found() -> ScoresNotFound:
    """Say that stored curves are lost."""
    return ScoresNotFound(
        "The score curves of this timeline are gone from the server's disk; run "
        "the video again to have new ones."
    )


def read_scores(data: bytes) -> ScoreCurves:
    """Read the curves of a stored timeline.

    Raises:
        DamagedScores: the bytes are no timeline.
    """
    return _curves_of(_read_timeline(data))


def _read_timeline(data: bytes) -> Timeline:
    try:
        return Timeline.from_bytes(data)
    except ValueError as exc:
        raise DamagedScores(str(exc)) from exc


def _curves_of(timeline: Timeline) -> ScoreCurves:
    return ScoreCurves(
        labels=timeline.labels,
        scores=timeline.scores[:, 1:],
        time_s=timeline.time_s,
        frame=timeline.frame,
    )

"""How good a taught model is: AP and F1 by type, at the thresholds it brings along."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from model.checkpoint.spotting_options import SpottingOptions
from model.data.labels import Match
from model.evaluation.metrics import average_precision, counts_at
from model.evaluation.timed import TimedMatch, spotted
from model.spotting.predictor import Predictor, load_predictor
from model.spotting.spot_file import spot_file

TOLERANCE_S = 0.5  # of AP
F1_TOLERANCE_S = 1.0

Kept = Mapping[str, NDArray[Any]]
"""What is kept of a match: `features` (T, D), `time_s`, `frame` and `pts` (T,)."""


class Model(Protocol):
    """What was taught."""

    @property
    def options(self) -> SpottingOptions:
        """Say what turns its scores into spots."""
        ...

    def score(self, match: Match, kept: Kept | None) -> TimedMatch:
        """Score a match; `kept` are the base's features of it, where they are known."""
        ...


@dataclass(frozen=True, slots=True)
class Served:
    """A finished checkpoint, as the service runs it.

    Attributes:
        predictor: that runs it.
    """

    predictor: Predictor

    @classmethod
    def load(cls, checkpoint: Path) -> "Served":
        """Load a checkpoint on the CPU's engine."""
        return cls(load_predictor(checkpoint, engine="openvino", threads=1))

    @property
    def options(self) -> SpottingOptions:
        """Say what turns its scores into spots."""
        return self.predictor.manifest.spotting

    def score(self, match: Match, kept: Kept | None) -> TimedMatch:  # noqa: ARG002 # its trunk may be another
        """Spot the video."""
        timeline = spot_file(match.video, predictor=self.predictor).timeline
        return TimedMatch(match.name, timeline, match.labels.events)


@dataclass(frozen=True, slots=True)
class Figures:
    """How good a model is, by type.

    Attributes:
        ap: E2E-Spot's within half a second.
        f1: within a second, at the thresholds that the model brings along.
        events: how many there are.
    """

    ap: Mapping[str, float]
    f1: Mapping[str, float]
    events: Mapping[str, int]


def figures_of(
    timed: Sequence[TimedMatch], options: SpottingOptions, types: Sequence[str]
) -> Figures:
    """Measure a model on matches with its scores; a type it does not know has 0."""
    curves = spotted(timed, options)
    shown = spotted(timed, options, min_score=None)
    ap, f1, events = {}, {}, {}
    for name in types:
        events[name] = sum(len(match.events.get(name, ())) for match in curves)
        ap[name] = f1[name] = 0.0
        if name in options.labels:
            ap[name] = average_precision(curves, name, tolerance_s=TOLERANCE_S)
            counts = counts_at(shown, name, tolerance_s=F1_TOLERANCE_S, threshold=0.0)
            f1[name] = counts.f1
    return Figures(ap, f1, events)

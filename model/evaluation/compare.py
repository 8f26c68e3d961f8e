"""Hold models against each other on the same stretches: figures, differences, verdicts.

Differences are bootstrapped in pairs: each draw takes the same pieces of time for all
models, so that what is hard for all of them cancels out. Keeps away from torch.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from model.data.formats.provenance import Span
from model.evaluation.intervals import Interval, Ints, Placed, Units, middle
from model.evaluation.matching import Scored
from model.evaluation.metrics import (
    LabelledMatch,
    counts_of,
    exact_ap,
)
from model.spotting.spots import Spot

AP_TOLERANCE_S = 0.5
F1_TOLERANCE_S = 1.0

# With fewer events nothing is said of a type: one more hit would turn it round. Nor
# where they lie in fewer pieces of time, of which no spread can be told.
ENOUGH_EVENTS = ENOUGH_PIECES = 5

Outcome = Literal["better", "worse", "no_difference", "too_few"]


@dataclass(frozen=True, slots=True)
class TrueEvent:
    """Something that happened, as a person has seen it."""

    label: str
    time_s: float
    frame: int


@dataclass(frozen=True, slots=True)
class ComparedMatch:
    """One match on which models are compared.

    Attributes:
        name: of the match.
        spans: what of it is measured, in seconds.
        events: what happened there.
    """

    name: str
    spans: Sequence[Span]
    events: Sequence[TrueEvent]


@dataclass(frozen=True, slots=True)
class Contender:
    """A model and what it spotted.

    Attributes:
        name: of the model.
        thresholds: by label, of all labels that it knows.
        spots: of each match, of any score, inside the spans.
    """

    name: str
    thresholds: Mapping[str, float]
    spots: Sequence[Sequence[Spot]]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure and how far it may be off; NaN where it is not known."""

    value: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class ModelFigures:
    """How good a model is for a type."""

    model: str
    ap: Figure
    f1: Figure
    precision: float
    recall: float


@dataclass(frozen=True, slots=True)
class Difference:
    """What the first model has more than another one: negative is less.

    `both` is the mean of AP and F1, by which the verdict is given.
    """

    model: str
    against: str
    ap: Figure
    f1: Figure
    both: Figure
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class TypeComparison:
    """What is known of one type.

    Attributes:
        events: how many there are.
        models: figures of those that know the type, in their order.
        differences: of the first model from each other, if both know the type.
    """

    label: str
    events: int
    models: Sequence[ModelFigures]
    differences: Sequence[Difference]


@dataclass(frozen=True, slots=True)
class ModelComparison:
    """What comes out.

    Attributes:
        types: those that a model knows and that happened, or that all models know.
        left_out: by model, the types among these that it does not know.
        unknown: types that happened and no model knows, with how often.
        units: how many pieces of time were drawn from; `are_matches`: matches.
    """

    types: Sequence[TypeComparison]
    left_out: Mapping[str, Sequence[str]]
    unknown: Mapping[str, int]
    units: int
    are_matches: bool


def compare_models(
    matches: Sequence[ComparedMatch],
    contenders: Sequence[Contender],
    *,
    seed: int = 0,
    on_wait: Callable[[], None] = lambda: None,
) -> ModelComparison:
    """Compare models, the first with each of the others.

    Args:
        seed: of the draws.
        on_wait: called now and then, for those who watch or want to stop the run by
            raising.

    Raises:
        ValueError: fewer than two models.
    """
    if len(contenders) < 2:
        raise ValueError("two models at least are compared")
    units = Units.of_spans([match.spans for match in matches])
    happened: dict[str, int] = {}
    for event in (event for match in matches for event in match.events):
        happened[event.label] = happened.get(event.label, 0) + 1
    placed = judged_labels(happened, contenders)
    return ModelComparison(
        types=[
            _compare(label, matches, contenders, units, seed, on_wait)
            for label in placed
        ],
        left_out={
            one.name: [label for label in placed if label not in one.thresholds]
            for one in contenders
        },
        unknown={
            label: count for label, count in happened.items() if label not in placed
        },
        units=units.count,
        are_matches=units.are_matches,
    )


def judged_labels(
    happened: Mapping[str, int], contenders: Sequence[Contender]
) -> list[str]:
    """Name the types to look at: known to a model, and happened or known to all."""
    known = [set(one.thresholds) for one in contenders]
    wanted = set.union(*known) & set(happened) | set.intersection(*known)
    ordered = [label for one in contenders for label in one.thresholds]
    return [label for label in dict.fromkeys(ordered) if label in wanted]


@dataclass(frozen=True, slots=True)
class _PlacedSpots:
    """A model's spots of one type, placed for both measures."""

    model: str
    for_ap: Placed
    for_f1: Placed
    threshold: float

    def figures(self, times: Ints | None = None) -> tuple[float, float]:
        ap = exact_ap(self.for_ap.drawn(times))
        return ap, counts_of(self.for_f1.drawn(times), self.threshold).f1


def _compare(
    label: str,
    matches: Sequence[ComparedMatch],
    contenders: Sequence[Contender],
    units: Units,
    seed: int,
    on_wait: Callable[[], None],
) -> TypeComparison:
    placed = [
        _place(one, label, matches, units)
        for one in contenders
        if label in one.thresholds
    ]
    events = len(placed[0].for_ap.event_at)
    drawn: list[list[tuple[float, float]]] = [[] for _ in placed]
    if events and units.count > 1:
        for times in units.draws(seed=seed):
            on_wait()
            if not times[placed[0].for_ap.event_at].any():
                continue
            for values, one in zip(drawn, placed, strict=True):
                values.append(one.figures(times))
    has_first = label in contenders[0].thresholds
    return TypeComparison(
        label,
        events,
        [_figures(one, values) for one, values in zip(placed, drawn, strict=True)],
        [
            _difference(placed[0], drawn[0], one, values)
            for one, values in zip(placed[1:], drawn[1:], strict=True)
            if has_first
        ],
    )


def _place(
    contender: Contender, label: str, matches: Sequence[ComparedMatch], units: Units
) -> _PlacedSpots:
    labelled = [
        LabelledMatch(
            match.name,
            {label: [Scored(s.time_s, s.score) for s in spots if s.label == label]},
            {label: [one.time_s for one in match.events if one.label == label]},
        )
        for match, spots in zip(matches, contender.spots, strict=True)
    ]
    return _PlacedSpots(
        contender.name,
        Placed.of(labelled, label, units, tolerance_s=AP_TOLERANCE_S),
        Placed.of(labelled, label, units, tolerance_s=F1_TOLERANCE_S),
        contender.thresholds[label],
    )


def _figures(one: _PlacedSpots, drawn: Sequence[tuple[float, float]]) -> ModelFigures:
    ap, f1 = one.figures()
    counts = counts_of(one.for_f1.drawn(), one.threshold)
    return ModelFigures(
        one.model,
        Figure(ap, middle([value for value, _ in drawn])),
        Figure(f1, middle([value for _, value in drawn])),
        counts.precision,
        counts.recall,
    )


def _difference(
    first: _PlacedSpots,
    drawn_first: Sequence[tuple[float, float]],
    other: _PlacedSpots,
    drawn_other: Sequence[tuple[float, float]],
) -> Difference:
    pairs = list(zip(drawn_first, drawn_other, strict=True))
    now = first.figures(), other.figures()

    def figure(of: Callable[[tuple[float, float]], float]) -> Figure:
        value = of(now[0]) - of(now[1])
        return Figure(value, middle([of(one) - of(two) for one, two in pairs]))

    both = figure(lambda values: (values[0] + values[1]) / 2)
    return Difference(
        first.model,
        other.model,
        figure(lambda values: values[0]),
        figure(lambda values: values[1]),
        both,
        _outcome(both.interval, first.for_ap.event_at),
    )


def _outcome(interval: Interval, event_at: Ints) -> Outcome:
    pieces = len(set(event_at.tolist()))
    if len(event_at) < ENOUGH_EVENTS or pieces < ENOUGH_PIECES:
        return "too_few"
    if interval.low > 0:
        return "better"
    return "worse" if interval.high < 0 else "no_difference"

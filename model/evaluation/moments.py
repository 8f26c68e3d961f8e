"""The moments that models got wrong, side by side. Keeps away from torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from model.evaluation.breakdown import NEAR
from model.evaluation.compare import (
    F1_TOLERANCE_S,
    ComparedMatch,
    Contender,
    TrueEvent,
)
from model.evaluation.matching import EDGE_S, Scored, pair_by_score
from model.spotting.spots import Spot

# `hit` and `quiet` are right: an event was found, or nothing was seen where nothing is.
Kind = Literal[
    "hit", "quiet", "missed", "wrong_type", "mistimed", "false_alarm", "unknown_type"
]
WRONG: tuple[Kind, ...] = ("missed", "false_alarm", "wrong_type", "mistimed")


@dataclass(frozen=True, slots=True)
class MomentOutcome:
    """What a model said of a moment.

    Attributes:
        kind: what became of it; `unknown_type` where the model does not know the type.
        score: of its spot; of a missed event, the best one below the threshold.
        label: of its spot, where that is another type's.
        time_s: of its spot.
    """

    kind: Kind
    score: float | None = None
    label: str | None = None
    time_s: float | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment that one model at least got wrong.

    Attributes:
        match: index of the match.
        label: of the event, or of what a model saw that did not happen.
        is_event: it happened.
        said: by the model's name.
    """

    match: int
    time_s: float
    frame: int
    label: str
    is_event: bool
    said: Mapping[str, MomentOutcome]


@dataclass(slots=True)
class _Looked:
    """A model's spots of one match, and those of them that are still unexplained."""

    contender: Contender
    faint: list[Spot]
    free: list[Spot]
    said: dict[int, MomentOutcome] = field(default_factory=dict)


def wrong_moments(
    matches: Sequence[ComparedMatch],
    contenders: Sequence[Contender],
    labels: Sequence[str],
    *,
    tolerance_s: float = F1_TOLERANCE_S,
) -> list[Moment]:
    """List what models got wrong at their own thresholds, match by match in time.

    Args:
        labels: the types to look at; of others nothing is said.
    """
    found: list[Moment] = []
    for index, match in enumerate(matches):
        events = [one for one in match.events if one.label in labels]
        looked = [
            _look(one, one.spots[index], events, labels, tolerance_s)
            for one in contenders
        ]
        moments = [
            _of_event(index, number, event, looked)
            for number, event in enumerate(events)
        ]
        moments += _false_alarms(index, looked, tolerance_s)
        wrong = [
            one
            for one in moments
            if any(said.kind in WRONG for said in one.said.values())
        ]
        found += sorted(wrong, key=lambda one: (one.time_s, one.label))
    return found


def _look(
    contender: Contender,
    spots: Sequence[Spot],
    events: Sequence[TrueEvent],
    labels: Sequence[str],
    tolerance_s: float,
) -> _Looked:
    """Explain a model's spots by events: hits first, then the near misses."""
    mine = [spot for spot in spots if spot.label in labels]
    lowest = contender.thresholds
    kept = [spot for spot in mine if spot.score >= lowest[spot.label]]
    looked = _Looked(
        contender,
        [spot for spot in mine if spot.score < lowest[spot.label]],
        kept,
    )
    for label in labels:
        if label in lowest:
            _note_hits(looked, label, events, tolerance_s)
    for number, event in enumerate(events):
        if event.label in lowest and number not in looked.said:
            looked.said[number] = _explain(looked, event, tolerance_s)
    return looked


def _note_hits(
    looked: _Looked, label: str, events: Sequence[TrueEvent], tolerance_s: float
) -> None:
    numbers = [n for n, event in enumerate(events) if event.label == label]
    spots = [spot for spot in looked.free if spot.label == label]
    pairing = pair_by_score(
        [Scored(spot.time_s, spot.score) for spot in spots],
        [events[number].time_s for number in numbers],
        tolerance_s=tolerance_s,
    )
    met = set()
    for place, number in enumerate(numbers):
        if (index := int(pairing.spot_of[place])) >= 0:
            spot = spots[index]
            looked.said[number] = MomentOutcome("hit", spot.score, None, spot.time_s)
            met.add(id(spot))
    looked.free = [spot for spot in looked.free if id(spot) not in met]


def _explain(looked: _Looked, event: TrueEvent, tolerance_s: float) -> MomentOutcome:
    """Say why an event was not hit; a spot explains one event."""
    other = [spot for spot in looked.free if spot.label != event.label]
    same = [spot for spot in looked.free if spot.label == event.label]
    if (spot := _nearest(other, event, tolerance_s)) is not None:
        looked.free = [one for one in looked.free if one is not spot]
        return MomentOutcome("wrong_type", spot.score, spot.label, spot.time_s)
    if (spot := _nearest(same, event, NEAR * tolerance_s)) is not None:
        looked.free = [one for one in looked.free if one is not spot]
        return MomentOutcome("mistimed", spot.score, None, spot.time_s)
    faint = [
        spot.score
        for spot in looked.faint
        if spot.label == event.label
        and abs(spot.time_s - event.time_s) <= tolerance_s + EDGE_S
    ]
    return MomentOutcome("missed", max(faint, default=None))


def _nearest(spots: Sequence[Spot], event: TrueEvent, within_s: float) -> Spot | None:
    def distance(spot: Spot) -> float:
        return abs(spot.time_s - event.time_s)

    best = min(spots, key=distance, default=None)
    return best if best is not None and distance(best) <= within_s + EDGE_S else None


def _of_event(
    match: int, number: int, event: TrueEvent, looked: Sequence[_Looked]
) -> Moment:
    said = {
        one.contender.name: one.said.get(number, MomentOutcome("unknown_type"))
        for one in looked
    }
    return Moment(match, event.time_s, event.frame, event.label, True, said)


def _false_alarms(
    match: int, looked: Sequence[_Looked], tolerance_s: float
) -> list[Moment]:
    """Make moments of what models saw that did not happen; near ones are one."""
    alarms = sorted(
        ((spot, one.contender.name) for one in looked for spot in one.free),
        key=lambda alarm: (alarm[0].label, alarm[0].time_s),
    )
    moments: list[Moment] = []
    silent = {one.contender.name: set(one.contender.thresholds) for one in looked}
    said: dict[str, MomentOutcome] = {}
    for spot, name in alarms:
        last = moments[-1] if moments else None
        is_new = (
            last is None
            or last.label != spot.label
            or spot.time_s - last.time_s > tolerance_s + EDGE_S
            or said[name].kind == "false_alarm"
        )
        if is_new:
            said = {
                model: MomentOutcome("quiet" if spot.label in known else "unknown_type")
                for model, known in silent.items()
            }
            moments.append(
                Moment(match, spot.time_s, spot.frame, spot.label, False, said)
            )
        said[name] = MomentOutcome("false_alarm", spot.score, None, spot.time_s)
    return moments

"""Soft targets on footage that nobody has reviewed: does distillation help a teaching?

What a teacher believes of that footage is learned beside what was reviewed: every
second clip is drawn there, about the teacher's spots as often as others are about
events. Two teachers are tried:

* `self`: the model that the same reviewed minutes have made;
* `base`: the base, which knows the types before they were split by team. How likely a
  type is, is the base's belief; which team, the other teacher's.

Source: distillation, Hinton et al. 2015; self-training, Xie et al., CVPR 2020.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.teaching.experiments import Lab, Point
from benchmarks.teaching.footage import Footage
from benchmarks.teaching.head_stage import OVERLAP, Enlarge, stored
from benchmarks.teaching.stretches import Stretch, first_minutes, shuffled
from model.checkpoint.archive import Checkpoint
from model.checkpoint.spotter_io import load_spotter
from model.checkpoint.spotting_options import SpottingOptions
from model.data.frame_store import StoredMatch
from model.data.labels import Event
from model.evaluation.timed import TimedMatch
from model.network.outputs import SCORES
from model.spotting.spots import find_spots
from model.teaching.head import timed_matches
from model.training.dataset import Clip, RandomClips
from model.training.targets import StepTargets, TargetMaker

Floats = NDArray[np.float32]

SELF, BASE = "self", "base"
LIKELY = 0.3  # a spot of a teacher from this score on is drawn like an event
EVERY = 2  # the how many-th clip is one of a teacher's


@dataclass(frozen=True, slots=True)
class Curves:
    """The scores of a teacher as targets, (T, C + 1) by the name of the match."""

    of: Mapping[str, Floats]
    is_blended: bool = True

    def of_match(self, match: StoredMatch, labels: Sequence[str]) -> StepTargets:  # noqa: ARG002 # its own
        """Give them to every step, with weight 1."""
        values = self.of[match.name]
        return StepTargets(values, np.ones(len(values), np.float32))

    def of_clip(self, targets: StepTargets, *, speed: float) -> StepTargets:  # noqa: ARG002 # the same at any speed
        """Give them as they are."""
        return targets

    def mirrored(self, values: Floats) -> Floats:
        """Give them as they are."""
        return values


@dataclass(frozen=True, slots=True)
class Unknown:
    """Targets of an output that the teacher says nothing of: they have no weight."""

    made: TargetMaker
    is_blended: bool = True

    def of_match(self, match: StoredMatch, labels: Sequence[str]) -> StepTargets:
        """Give the shape that the output has, and weight 0."""
        values = self.made.of_match(match, labels).values
        return StepTargets(np.zeros_like(values), np.zeros(len(values), np.float32))

    def of_clip(self, targets: StepTargets, *, speed: float) -> StepTargets:  # noqa: ARG002 # the same at any speed
        """Give them as they are."""
        return targets

    def mirrored(self, values: Floats) -> Floats:
        """Give them as they are."""
        return values


class DistilledClips(RandomClips):
    """Clips of what was reviewed, and in turn those of a teacher."""

    def __init__(self, reviewed: RandomClips, taught: RandomClips) -> None:
        """Take both."""
        self.reviewed, self.taught = reviewed, taught

    def draw(self, number: int, *, steps: int | None = None) -> Clip:
        """Draw clip `number` of the one or the other."""
        clips = self.taught if number % EVERY else self.reviewed
        return clips.draw(number, steps=steps)


def clips_of(lab: Lab, teacher: str, point: Point) -> Enlarge:
    """Give what adds a teacher's clips to those of a point of the learning curve.

    Args:
        lab: its plain points are the teachers; the point's own must have been made.
        teacher: `self` or `base`.
        point: that is taught.
    """
    footage = lab.footage
    order = shuffled(footage.stretches, seed=point.seed)
    reviewed = first_minutes(order, point.minutes)
    scores, _ = lab.scores_of(point)
    curves = {one.name: one for one in scores}
    pool = []
    for match in footage.pool:
        kept = stored(match, footage.kept[f"pool/{match.name}"])
        if (rest := unreviewed(kept, reviewed, order)) is not None:
            pool.append(rest)
    if teacher == BASE:
        curves |= {
            one.name: by_the_base(one, curves[one.name])
            for one in _scores_of_base(footage, pool)
        }

    def enlarge(clips: RandomClips, labels: tuple[str, ...]) -> RandomClips:
        return with_teacher(clips, pool, labels, curves)

    return enlarge


def _scores_of_base(footage: Footage, pool: Sequence[StoredMatch]) -> list[TimedMatch]:
    checkpoint = Checkpoint.open(footage.base)
    network = load_spotter(checkpoint).eval()
    return timed_matches(network, pool, checkpoint.manifest.labels, overlap=OVERLAP)


def with_teacher(
    reviewed: RandomClips,
    pool: Sequence[StoredMatch],
    labels: Sequence[str],
    curves: Mapping[str, TimedMatch],
) -> DistilledClips:
    """Add clips of the footage that nobody has reviewed.

    Args:
        reviewed: the clips of a teaching.
        pool: all footage, with the stretches that nobody has reviewed as its
            `reviewed` ones.
        labels: of the student.
        curves: the teacher's scores, by name of the match.
    """
    likely = SpottingOptions.default(labels)
    shown = []
    for match in pool:
        spots = find_spots(curves[match.name].timeline, likely, min_score=LIKELY)
        events = tuple(Event(spot.label, spot.time_s) for spot in spots)
        shown.append(replace(match, labels=replace(match.labels, events=events)))
    makers: dict[str, TargetMaker] = {
        name: Unknown(maker) for name, maker in reviewed.makers.items()
    }
    makers[SCORES] = Curves({name: one.timeline.scores for name, one in curves.items()})
    taught = RandomClips(
        shown, labels, reviewed.options, seed=reviewed.seed, makers=makers
    )
    return DistilledClips(reviewed, taught)


def by_the_base(base: TimedMatch, split: TimedMatch) -> TimedMatch:
    """Let a base say how likely a type is, and a model of split types which team.

    Args:
        base: knows `PASS`.
        split: knows `PASS left` and `PASS right`, of the same match.
    """
    theirs, ours = base.timeline, split.timeline
    scores = np.zeros_like(ours.scores)
    for name in theirs.labels:
        columns = [
            number
            for number, label in enumerate(ours.labels, start=1)
            if label.rpartition(" ")[0] == name
        ]
        share = ours.scores[:, columns].clip(1e-6)
        share = share / share.sum(axis=1, keepdims=True)
        scores[:, columns] = theirs.of(name)[:, None] * share
    scores[:, 0] = 1 - scores[:, 1:].sum(axis=1)
    return replace(split, timeline=replace(ours, scores=scores.clip(0, 1)))


def unreviewed(
    match: StoredMatch, reviewed: Sequence[Stretch], stretches: Sequence[Stretch]
) -> StoredMatch | None:
    """Give a match whose known stretches are those that nobody has reviewed.

    Returns:
        None: all of it was reviewed.
    """
    spans = tuple(
        one.span for one in stretches if one.match == match.name and one not in reviewed
    )
    if not spans:
        return None
    return replace(match, labels=replace(match.labels, events=(), reviewed=spans))

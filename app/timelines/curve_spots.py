"""Spots from the stored score curves, at any thresholds, by the code that serves.

What was computed lately is kept, within bounds: a page that moves a threshold asks for
the same curves again and again. Curves never change, since their bytes are checked.
"""

from collections.abc import Hashable, Mapping
from dataclasses import replace

from app.core.lru import WeightedLru
from app.core.storage.interface import Storage
from app.timelines.scores import stored_timeline
from app.timelines.tables import Analysis
from model.checkpoint.spotting_options import LabelOptions, SpottingOptions
from model.spotting.spots import Spot, find_spots
from model.spotting.timeline import Timeline

MAX_CURVES_BYTES = 96 * 2**20  # of a process; a match of 90 minutes has about 4 MiB
MAX_SPOTS = 200_000  # of a process

# Below it all is noise, and there is so much of it that NMS would take minutes.
LOWEST_SCORE = 0.01

Spots = tuple[Spot, ...]


def spots_from_curves(
    storage: Storage,
    analysis: Analysis,
    options: SpottingOptions,
    *,
    thresholds: Mapping[str, float],
    floor: float | None = None,
) -> tuple[Spots, Spots]:
    """Find the spots of an analysis as its run did, and those below the thresholds.

    Args:
        storage: where the curves lie.
        analysis: the run.
        options: it had.
        thresholds: by label, in place of the options'.
        floor: lowest score of a spot below its threshold; None asks for none.

    Returns:
        The spots that reach their thresholds; and the others, which survive NMS
        together with all. Greedy NMS leaves the first as they are without the second,
        and so does soft: what is lower silences nothing that is higher.

    Raises:
        NoTimeline, ScoresNotFound: there are no curves, or they are lost or damaged.
    """
    wanted = with_thresholds(options, thresholds)
    at = _spots(storage, analysis, wanted)
    if floor is None:
        return at, ()
    lowered = {label: min(one.threshold, floor) for label, one in wanted.labels.items()}
    places = {(spot.label, spot.frame) for spot in at}
    all_spots = _spots(storage, analysis, with_thresholds(wanted, lowered))
    below = (spot for spot in all_spots if (spot.label, spot.frame) not in places)
    return at, tuple(below)


def with_thresholds(
    options: SpottingOptions, thresholds: Mapping[str, float]
) -> SpottingOptions:
    """Change some labels' thresholds; labels that are not known are passed over.

    One below `LOWEST_SCORE` is taken as that, unless the checkpoint's is lower.
    """

    def changed(label: str, own: LabelOptions) -> LabelOptions:
        wanted = thresholds.get(label, own.threshold)
        lowest = min(own.threshold, LOWEST_SCORE)
        return replace(own, threshold=max(wanted, lowest))

    labels = {label: changed(label, own) for label, own in options.labels.items()}
    return replace(options, labels=labels)


def _spots(storage: Storage, analysis: Analysis, options: SpottingOptions) -> Spots:
    place = (analysis.scores_key, analysis.scores_sha256)
    key = (*place, analysis.teams, _hashable(options))

    spots = _SPOTS.get(key)
    if spots is None:
        # Stored curves are at the temperature already.
        as_stored = replace(options, temperature=1.0)
        timeline = _timeline(storage, analysis)
        spots = tuple(find_spots(timeline, as_stored, sides=analysis.teams))
        _SPOTS.put(key, spots, weight=len(spots))
    return spots


def _hashable(options: SpottingOptions) -> Hashable:
    return tuple(
        (label, one.threshold, one.window_s, one.nms)
        for label, one in sorted(options.labels.items())
    )


def _timeline(storage: Storage, analysis: Analysis) -> Timeline:
    place = (analysis.scores_key, analysis.scores_sha256)
    timeline = _CURVES.get(place)
    if timeline is None:
        timeline = stored_timeline(analysis, storage)
        _CURVES.put(place, timeline, weight=_bytes_of(timeline))
    return timeline


def _bytes_of(timeline: Timeline) -> int:
    times = timeline.time_s.nbytes + timeline.frame.nbytes + timeline.pts.nbytes
    outputs = sum(values.nbytes for values in timeline.outputs.values())
    return timeline.scores.nbytes + times + outputs


# Curves by their key and hash; spots by the same and what made them.
_CURVES: WeightedLru[Hashable, Timeline] = WeightedLru(MAX_CURVES_BYTES)
_SPOTS: WeightedLru[Hashable, Spots] = WeightedLru(MAX_SPOTS)

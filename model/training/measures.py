"""What validations of a run are measured by, and what its weights are chosen by."""

from collections.abc import Mapping

from model.checkpoint.spotting_options import LabelOptions, SpottingOptions
from model.evaluation.metrics import (
    LabelledMatch,
    average_precision,
    labels_of,
    labels_that_count,
)
from model.evaluation.timed import TimedMatch, spotted

# While training runs, spots are found with fixed options; `touchline
# calibrate` chooses better at the end.
WINDOW_S = 0.5
FLOOR = 0.05

CHOICE = "choice"
AP = "AP/"


def measures(
    matches: list[TimedMatch], labels: tuple[str, ...], *, tolerance_s: float
) -> dict[str, float]:
    """Give each label's AP at a tolerance, their mean, and what weights are chosen by.

    That is the mean over the labels with enough events to tell weights apart; over all
    where none has enough.
    """
    found = spots_of(matches, labels)
    present = [label for label in labels if label in labels_of(found)]
    scores = {
        label: average_precision(found, label, tolerance_s=tolerance_s)
        for label in present
    }
    counted = [scores[label] for label in labels_that_count(found) if label in scores]
    return {
        CHOICE: _mean(counted or list(scores.values())),
        "mAP": _mean(list(scores.values())),
        **{f"{AP}{label}": value for label, value in scores.items()},
    }


def is_better(scores: Mapping[str, float], best: float) -> bool:
    """Say whether weights are to be kept rather than those that measured `best`.

    Where nothing happened in a validation it tells none apart: the newest are kept.
    """
    is_blind = not any(name.startswith(AP) for name in scores)
    return is_blind or scores[CHOICE] > best


def spots_of(matches: list[TimedMatch], labels: tuple[str, ...]) -> list[LabelledMatch]:
    """Find the spots of a validation, however low their score."""
    options = SpottingOptions({label: LabelOptions(0.5, WINDOW_S) for label in labels})
    return spotted(matches, options, min_score=FLOOR)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0

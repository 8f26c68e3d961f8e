"""Out-of-fold spots: what each match gets from a network not trained on it.

Kept in a file for each fold; all folds together give measures that no training match
had a part in, and the false alarms that training can learn from.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from model.errors import TrainingFailed
from model.evaluation.matching import Scored, pair_by_score
from model.evaluation.metrics import (
    LabelledMatch,
    average_precision,
    best_f1,
    counts_at,
    labels_of,
)
from model.training.false_alarms import FalseAlarm
from model.training.files import write_at_once

FORMAT = "touchline-out-of-fold"

# Less is no belief that training should be told is wrong.
ALARM_FLOOR = 0.1


@dataclass(frozen=True, slots=True)
class FoldScores:
    """Measures of one label over all folds.

    Attributes:
        label: the class.
        events: how many there are.
        ap: average precision of out-of-fold spots.
        f1: at the threshold of the other folds, fold by fold.
        best_f1: at the best threshold for all folds together, so in sample.
    """

    label: str
    events: int
    ap: float
    f1: float
    best_f1: float


def write_fold(path: Path, matches: Sequence[LabelledMatch]) -> None:
    """Write the spots and events of a fold's matches, replacing the file at once."""
    rows = [
        {
            "name": match.name,
            "spots": {
                label: [[spot.time_s, spot.score] for spot in spots]
                for label, spots in match.spots.items()
            },
            "events": {label: list(at) for label, at in match.events.items()},
        }
        for match in matches
    ]
    write_json(path, {"format": FORMAT, "matches": rows})


def read_fold(path: Path, names: Sequence[str]) -> list[LabelledMatch]:
    """Read what `write_fold` wrote.

    Args:
        path: of the file.
        names: of the matches that must be in it.

    Raises:
        TrainingFailed: it is damaged, or of other matches.
    """
    try:
        raw: Any = json.loads(path.read_text(encoding="utf-8"))
        found = [_match_of(row) for row in raw["matches"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        raise TrainingFailed(
            f"{path} is damaged ({exc}): remove it, and its fold is trained again."
        ) from exc
    if sorted(match.name for match in found) != sorted(names):
        raise TrainingFailed(
            f"{path} is of other matches than the data has now: begin anew "
            "with --force."
        )
    return found


def _match_of(row: Any) -> LabelledMatch:
    spots = {
        label: [Scored(float(time_s), float(score)) for time_s, score in listed]
        for label, listed in row["spots"].items()
    }
    return LabelledMatch(str(row["name"]), spots, dict(row["events"]))


def write_json(path: Path, raw: object) -> None:
    """Write a JSON file, replacing it at once."""
    write_at_once(path, (json.dumps(raw, indent=1) + "\n").encode())


def fold_scores(
    folds: Sequence[Sequence[LabelledMatch]],
    *,
    tolerance_s: float,
    f1_tolerance_s: float,
) -> list[FoldScores]:
    """Measure all folds together, label by label.

    Args:
        folds: the matches of each.
        tolerance_s: of the average precision.
        f1_tolerance_s: of F1.
    """
    everything = [match for fold in folds for match in fold]
    found = []
    for label in labels_of(everything):
        best, _ = best_f1(everything, label, tolerance_s=f1_tolerance_s)
        found.append(
            FoldScores(
                label=label,
                events=sum(len(match.events.get(label, ())) for match in everything),
                ap=average_precision(everything, label, tolerance_s=tolerance_s),
                f1=_held_out_f1(folds, label, tolerance_s=f1_tolerance_s),
                best_f1=best,
            )
        )
    return found


def _held_out_f1(
    folds: Sequence[Sequence[LabelledMatch]], label: str, *, tolerance_s: float
) -> float:
    """Give F1 where each fold has the threshold that is best for the others."""
    hits = wrong = missed = 0
    for held_out, fold in enumerate(folds):
        others = [
            m for index, each in enumerate(folds) if index != held_out for m in each
        ]
        _, threshold = best_f1(others, label, tolerance_s=tolerance_s)
        counts = counts_at(fold, label, tolerance_s=tolerance_s, threshold=threshold)
        hits += counts.hits
        wrong += counts.false_alarms
        missed += counts.misses
    total = 2 * hits + wrong + missed
    return 2 * hits / total if total else 0.0


def false_alarms_in(
    matches: Sequence[LabelledMatch], *, tolerance_s: float
) -> list[FalseAlarm]:
    """List the spots that meet no event of their label, the surest first."""
    found = []
    for match in matches:
        for label, spots in match.spots.items():
            kept = [spot for spot in spots if spot.score >= ALARM_FLOOR]
            events = match.events.get(label, ())
            pairing = pair_by_score(kept, events, tolerance_s=tolerance_s)
            met = {int(index) for index in pairing.spot_of if index >= 0}
            found += [
                FalseAlarm(match.name, label, spot.time_s, spot.score)
                for index, spot in enumerate(kept)
                if index not in met
            ]
    return sorted(found, key=lambda alarm: -alarm.score)


def scores_object(scores: Sequence[FoldScores]) -> list[dict[str, Any]]:
    """Give the scores as JSON values."""
    return [asdict(one) for one in scores]

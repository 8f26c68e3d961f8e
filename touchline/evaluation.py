"""How good a checkpoint, or anybody's predictions, are against labels."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from model.data.formats.provenance import is_within
from model.data.label_files import read_labels as read_label_file
from model.data.labels import Event as LabelledEvent
from model.data.labels import MatchLabels
from model.data.matches import find_matches
from model.errors import BadAnnotations
from model.evaluation.matching import Scored
from model.evaluation.metrics import (
    LabelledMatch,
    average_precision,
    best_f1,
    counts_at,
)
from touchline.models import Device, Model, load
from touchline.predictions import read_predictions
from touchline.results import Event, Result

# Lowest score on the curves that AP is read from.
CURVE_FLOOR = 0.01

_PREDICTION_SUFFIXES = (".csv", ".json")


@dataclass(frozen=True, slots=True)
class LabelScores:
    """How well one label is spotted.

    Attributes:
        events: how many there are.
        ap: average precision over all scores, 0 to 1; NaN where nothing happened.
        precision: of the predicted events, 0 to 1.
        recall: likewise.
        f1: likewise.
        best_f1: the highest F1 that any threshold gives, chosen on these very labels.
        best_threshold: the threshold that gives it.
    """

    events: int
    ap: float
    precision: float
    recall: float
    f1: float
    best_f1: float
    best_threshold: float


def read_labels(path: str | Path, video: str | None = None) -> list[LabelledEvent]:
    """Read the labels of a video, in any format that `touchline convert` reads.

    Args:
        path: the file.
        video: whose labels, where a file (E2E-Spot's) has those of several.

    Returns:
        Events with `label` and `time_s`, earliest first.

    Raises:
        BadAnnotations: the file cannot be read; the message says what is wrong.
    """
    return list(_labels_of(Path(path), video).events)


def _labels_of(path: Path, video: str | None = None) -> MatchLabels:
    matches = {match.name: match for match in read_label_file(path)}
    if video is None and len(matches) == 1:
        (video,) = matches
    if video is None or video not in matches:
        told = "has labels of" if video is None else f"has no labels of {video}, but of"
        raise BadAnnotations(f"{path} {told} {', '.join(matches)}: name one as `video`")
    return matches[video]


def evaluate(
    predictions: Model | Result | Iterable[Event] | str | Path,
    labels: Iterable[LabelledEvent] | str | Path,
    *,
    tolerance_s: float = 1.0,
    ap_tolerance_s: float = 0.5,
    device: Device = "auto",
    progress: bool = True,
) -> dict[str, LabelScores]:
    """Measure predictions against labels, label by label.

    Args:
        predictions: a checkpoint (loaded, or its name or path) that is run on every
            labelled match of a folder, as serving runs it; or what was predicted for
            one video: a `Result`, events, or a file that `to_csv` or `to_soccernet`
            wrote.
        labels: for a checkpoint the folder (see `touchline data check`); else the
            label file of the video, or its events.
        tolerance_s: how far a hit may lie to either side, for precision, recall, F1.
        ap_tolerance_s: the same for AP.
        device: where a checkpoint that is named runs (see `load`).
        progress: tell which match was spotted.

    Raises:
        BadAnnotations: labels or predictions cannot be read.
        ModelError: see `Model.spot`.
    """
    if not (tolerance_s >= 0 and ap_tolerance_s >= 0):
        raise ValueError("tolerances must be >= 0")
    if isinstance(predictions, str | Path):
        if Path(predictions).suffix.lower() in _PREDICTION_SUFFIXES:
            predictions = read_predictions(Path(predictions))
        else:
            predictions = load(predictions, device)
    names: Sequence[str] = ()
    if isinstance(predictions, Model):
        names = predictions.labels
        curves, chosen = _spotted(predictions, labels, progress=progress)
    else:
        if isinstance(predictions, Result):
            names = predictions.manifest.labels
        curves, chosen = _of_one_video(predictions, labels)
    return {
        label: _scores_of(curves, chosen, label, tolerance_s, ap_tolerance_s)
        for label in _all_labels(names, curves)
    }


def _of_one_video(
    predictions: Result | Iterable[Event], labels: Iterable[LabelledEvent] | str | Path
) -> tuple[list[LabelledMatch], list[LabelledMatch]]:
    """Give what was predicted at any score, and what was chosen of it."""
    reviewed: tuple[tuple[float, float], ...] | None = None
    if isinstance(labels, str | Path):
        read = _labels_of(Path(labels))
        if isinstance(predictions, Result):
            decoded = predictions.timeline
            read = read.at_frames(decoded.frame, decoded.time_s)
        labels, reviewed = read.events, read.reviewed
    truth: dict[str, list[float]] = {}
    for event in labels:
        truth.setdefault(event.label, []).append(event.time_s)
    if isinstance(predictions, Result):
        chosen, at_any = predictions.events, predictions.at(CURVE_FLOOR).events
    else:
        chosen = at_any = list(predictions)
    found = [
        LabelledMatch(
            "", _scored(e for e in events if is_within(e.time_s, reviewed)), truth
        )
        for events in (at_any, chosen)
    ]
    return found[:1], found[1:]


def _spotted(
    model: Model, labels: Iterable[LabelledEvent] | str | Path, *, progress: bool
) -> tuple[list[LabelledMatch], list[LabelledMatch]]:
    """Run a checkpoint over a folder: its spots at any score, and those it chooses."""
    from model.evaluation.timed import spotted, timelines

    if not isinstance(labels, str | Path) or not Path(labels).is_dir():
        raise BadAnnotations(
            f"{labels!r:.120} is no folder: a checkpoint is measured on a folder of "
            "videos with their labels. To measure one video, spot it and give the "
            "result."
        )
    timed = timelines(
        model.predictor,
        find_matches(Path(labels)),
        log=_tell if progress else _tell_nothing,
    )
    options = model.predictor.manifest.spotting
    return (
        spotted(timed, options, min_score=CURVE_FLOOR),
        spotted(timed, options, min_score=None),
    )


def _scores_of(
    curves: Sequence[LabelledMatch],
    chosen: Sequence[LabelledMatch],
    label: str,
    tolerance_s: float,
    ap_tolerance_s: float,
) -> LabelScores:
    counts = counts_at(chosen, label, tolerance_s=tolerance_s, threshold=0.0)
    highest, threshold = best_f1(curves, label, tolerance_s=tolerance_s)
    return LabelScores(
        events=counts.hits + counts.misses,
        ap=average_precision(curves, label, tolerance_s=ap_tolerance_s),
        precision=counts.precision,
        recall=counts.recall,
        f1=counts.f1,
        best_f1=highest,
        best_threshold=threshold,
    )


def _all_labels(
    names: Sequence[str], matches: Sequence[LabelledMatch]
) -> tuple[str, ...]:
    """Name the checkpoint's labels in its order, then others by name."""
    seen = {label for match in matches for label in (*match.spots, *match.events)}
    return (*names, *sorted(seen - set(names)))


def _scored(events: Iterable[Event]) -> Mapping[str, Sequence[Scored]]:
    found: dict[str, list[Scored]] = {}
    for event in events:
        found.setdefault(event.label, []).append(Scored(event.time_s, event.score))
    return found


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _tell_nothing(_: str) -> None:
    pass

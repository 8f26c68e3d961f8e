"""Measure a checkpoint on labelled matches, through the very path that serves."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from model.checkpoint.archive import Checkpoint
from model.checkpoint.manifest import Manifest
from model.data.labels import Match
from model.evaluation.breakdown import Breakdown, break_down, reliability
from model.evaluation.intervals import Interval, interval
from model.evaluation.metrics import (
    LOOSE_S,
    TIGHT_S,
    Counts,
    LabelledMatch,
    average_precision,
    best_f1,
    best_f1_of,
    counts_at,
    exact_ap,
    labels_that_count,
    match_predictions,
    mean_over_frames,
    precision_recall,
    soccernet_ap,
    soccernet_average_map,
)
from model.evaluation.team import team_ap, team_hits
from model.evaluation.timed import Log, OnCorrupt, TimedMatch, spotted, timelines
from model.spotting.predictor import (
    EngineName,
    Precision,
    Predictor,
    Windowing,
    load_predictor,
)

AP_TOLERANCES_S = (0.1, 0.2, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class LabelReport:
    """How well one label is spotted.

    Attributes:
        label: the class.
        events: how many there are.
        ap: E2E-Spot's exact AP by tolerance (+- seconds).
        soccernet_ap: SoccerNet's AP@1 (within half a second).
        ap_interval: of the exact AP within half a second, 95%.
        at_threshold: counts at the checkpoint's own threshold.
        best_f1: over all thresholds, and the threshold that gives it.
        f1_interval: of the best F1, 95%.
        breakdown: what went wrong, at the checkpoint's threshold.
        curve: points (recall, precision) for a plot, at most a few hundred.
        team_ap: SoccerNet's AP@1 where a hit must name the side, too; NaN where sides
            are not told or not labelled.
        team_hits: hits at the threshold whose event has a side, and those of them
            that name it.
    """

    label: str
    events: int
    ap: Mapping[float, float]
    soccernet_ap: float
    ap_interval: Interval
    at_threshold: Counts
    best_f1: tuple[float, float]
    f1_interval: Interval
    breakdown: Breakdown
    curve: tuple[tuple[float, float], ...]
    team_ap: float = float("nan")
    team_hits: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Report:
    """How good a checkpoint is on some matches.

    Attributes:
        manifest: of the checkpoint.
        engine: what ran it.
        matches: how many, and `minutes` of them.
        tolerance_s: of precision, recall and F1.
        labels: one report each, in the order of the checkpoint.
        over_frames: E2E-Spot's mAP, averaged over 0, 1, 2 and 4 of the network's
            frames.
        soccernet_tight: SoccerNet's average mAP over 1 to 5 s.
        soccernet_loose: the same over 5 to 60 s.
        reliability: bins of (mean score, share that are hits, count).
        frames_per_s: frames of video a second, decoding included.
        parameters: of the network.
    """

    manifest: Manifest
    engine: str
    matches: int
    minutes: float
    tolerance_s: float
    labels: tuple[LabelReport, ...]
    over_frames: float
    soccernet_tight: float
    soccernet_loose: float
    reliability: tuple[tuple[float, float, int], ...]
    frames_per_s: float
    parameters: int

    def mean_ap(self, tolerance_s: float) -> float:
        """Average the exact AP over the labels that occur."""
        values = [label.ap[tolerance_s] for label in self.labels if label.events]
        return sum(values) / len(values) if values else float("nan")

    @property
    def team_map(self) -> float:
        """Average SoccerNet's team AP@1 over the labels that have one."""
        values = [x.team_ap for x in self.labels if not math.isnan(x.team_ap)]
        return sum(values) / len(values) if values else float("nan")

    @property
    def team_accuracy(self) -> float:
        """Share of all labels' hits that name the right side; NaN if none can."""
        known = sum(label.team_hits[0] for label in self.labels)
        right = sum(label.team_hits[1] for label in self.labels)
        return right / known if known else float("nan")


def evaluate_checkpoint(
    path: Path,
    matches: Sequence[Match],
    *,
    tolerance_s: float = 1.0,
    engine: EngineName = "auto",
    precision: Precision = "auto",
    windows: Windowing = "auto",
    on_corrupt: OnCorrupt = "stop",
    log: Log,
) -> Report:
    """Spot every match as serving does, and measure.

    Raises:
        BadCheckpoint, EngineUnavailable: see `load_predictor`.
        BadAnnotations: see `timelines`.
    """
    predictor = load_predictor(
        path, engine=engine, precision=precision, windows=windows
    )
    started = time.perf_counter()
    timed = timelines(predictor, matches, on_corrupt=on_corrupt, log=log)
    seconds = time.perf_counter() - started
    weights = Checkpoint.open(path).read_weights()
    return measure(
        timed,
        predictor.manifest,
        engine=predictor.engine,
        tolerance_s=tolerance_s,
        seconds=seconds,
        parameters=sum(
            weight.size for key, weight in weights.items() if _is_parameter(key)
        ),
    )


def mean_ap(
    predictor: Predictor,
    matches: Sequence[Match],
    *,
    tolerance_s: float = 0.5,
    log: Log,
) -> float:
    """Give the mean AP of the labels that count, through the path that serves.

    See `labels_that_count`: a label with few events takes no part.
    """
    timed = timelines(predictor, matches, log=log)
    found = spotted(timed, predictor.manifest.spotting)
    values = [
        average_precision(found, label, tolerance_s=tolerance_s)
        for label in labels_that_count(found)
        if label in predictor.manifest.labels
    ]
    return sum(values) / max(1, len(values))


def measure(
    timed: Sequence[TimedMatch],
    manifest: Manifest,
    *,
    engine: str,
    tolerance_s: float,
    seconds: float,
    parameters: int,
) -> Report:
    """Measure timelines under the checkpoint's own options."""
    sides = manifest.sides
    curves = spotted(timed, manifest.spotting, sides=sides)
    chosen = spotted(timed, manifest.spotting, min_score=None, sides=sides)
    spans_s = [_span_s(match) for match in timed]
    frames = sum(int(m.timeline.frame[-1]) + 1 for m in timed if len(m.timeline))
    return Report(
        manifest=manifest,
        engine=engine,
        matches=len(timed),
        minutes=sum(match.known_s for match in timed) / 60,
        tolerance_s=tolerance_s,
        labels=tuple(
            _label_report(label, curves, chosen, manifest, spans_s, tolerance_s)
            for label in manifest.labels
        ),
        over_frames=mean_over_frames(curves, fps=manifest.frame_spec.fps),
        soccernet_tight=soccernet_average_map(
            curves, manifest.labels, deltas_s=TIGHT_S
        ),
        soccernet_loose=soccernet_average_map(
            curves, manifest.labels, deltas_s=LOOSE_S
        ),
        reliability=reliability(curves, manifest.labels, tolerance_s=tolerance_s),
        frames_per_s=frames / max(seconds, 1e-9),
        parameters=parameters,
    )


def _label_report(
    label: str,
    curves: Sequence[LabelledMatch],
    chosen: Sequence[LabelledMatch],
    manifest: Manifest,
    spans_s: Sequence[float],
    tolerance_s: float,
) -> LabelReport:
    threshold = manifest.spotting.labels[label].threshold
    ranked = match_predictions(curves, label, tolerance_s=tolerance_s)
    precision, recall = precision_recall(ranked)
    keep = slice(None, None, max(1, len(recall) // 300))
    points = zip(recall[keep].tolist(), precision[keep].tolist(), strict=True)
    return LabelReport(
        label=label,
        events=ranked.events,
        ap={
            tolerance: average_precision(curves, label, tolerance_s=tolerance)
            for tolerance in AP_TOLERANCES_S
        },
        soccernet_ap=soccernet_ap(curves, label, delta_s=1.0),
        ap_interval=interval(curves, label, spans_s, exact_ap, tolerance_s=0.5),
        at_threshold=counts_at(
            chosen, label, tolerance_s=tolerance_s, threshold=threshold
        ),
        best_f1=best_f1(curves, label, tolerance_s=tolerance_s),
        f1_interval=interval(
            curves,
            label,
            spans_s,
            lambda ranked: best_f1_of(ranked)[0],
            tolerance_s=tolerance_s,
        ),
        breakdown=break_down(chosen, label, tolerance_s=tolerance_s),
        curve=tuple(points),
        team_ap=team_ap(curves, label),
        team_hits=team_hits(chosen, label, tolerance_s=tolerance_s),
    )


def _span_s(match: TimedMatch) -> float:
    times = match.timeline.time_s
    return float(times[-1]) if len(times) else 0.0


def _is_parameter(key: str) -> bool:
    """Whether a tensor is learnt, not counted (a norm's running figures)."""
    return not key.endswith(("running_mean", "running_var", "num_batches_tracked"))

"""How much the head's windows matter: AP by overlap, phase and way to vote.

    python -m benchmarks.windows arena/val --features features/ [--model arena-rny002]

The trunk runs once over each match and its features are kept in a folder; the head is
then run over windows that begin at each of several phases. Two ways to vote: uniform
(each step of a window counts alike, as E2E-Spot has it, first window at a phase) and
the middle half (`model.spotting.windows`; a phase moves all windows by so many steps).
AP is E2E-Spot's within +-0.5 s, spots by greedy NMS of 0.5 s.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.checkpoint.library import find_checkpoint
from model.checkpoint.spotting_options import LabelOptions, SpottingOptions
from model.data.labels import Match
from model.data.matches import find_matches
from model.evaluation.metrics import average_precision
from model.evaluation.timed import TimedMatch, spotted
from model.spotting.inference import stream_features
from model.spotting.predictor import EnginePredictor, load_predictor
from model.spotting.timeline import Timeline
from model.spotting.windows import Windows
from model.video.decode import decode_in_child

Floats = NDArray[np.float32]
SHARES = (0.5, 0.75, 0.875, 0.9375)
PHASES = 6


def main() -> None:
    """Print a row for each overlap and way to vote: mean, least and most."""
    options = _parse_options()
    predictor = load_predictor(find_checkpoint(options.model), engine="openvino")
    assert isinstance(predictor, EnginePredictor)
    matches = find_matches(options.matches)
    kept = [trunk_features(predictor, match, options.features) for match in matches]
    labels = predictor.manifest.labels
    print(f"{'overlap':>8}  {'votes':<8}", *(f"{name:>21}" for name in labels))
    for share in SHARES:
        windows = Windows.with_share(predictor.manifest.config.clip_len, share)
        for way in ("uniform", "middle"):
            found = []
            for number in range(PHASES):
                phase = number * windows.hop // PHASES
                timed = [
                    _timed(predictor, match, arrays, windows, phase, way)
                    for match, arrays in zip(matches, kept, strict=True)
                ]
                found.append(_aps(timed, labels))
            cells = [
                f"{np.mean(ap):.3f} ({min(ap):.3f}-{max(ap):.3f})"
                for ap in zip(*found, strict=True)
            ]
            print(
                f"{share:8g}  {way:<8}", *(f"{cell:>21}" for cell in cells), flush=True
            )


def trunk_features(
    predictor: EnginePredictor, match: Match, folder: Path
) -> dict[str, NDArray[Any]]:
    """Run the trunk over a match, unless that was done before.

    Returns:
        `features` (T, D), and of each step `time_s`, `frame` and `pts`, (T,).
    """
    path = folder / f"{match.name}.npz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        rows = []
        with decode_in_child(match.video, predictor.manifest.frame_spec) as steps:

            def images() -> Any:
                for step in steps:
                    rows.append((step.time_s, step.frame, step.pts))
                    yield step.image

            features = list(stream_features(images(), predictor.runtime))
        columns = np.array(rows)
        np.savez(
            path,
            features=np.concatenate(features),
            time_s=columns[:, 0],
            frame=columns[:, 1].astype(np.int64),
            pts=columns[:, 2].astype(np.int64),
        )
    with np.load(path) as arrays:
        return dict(arrays)


def _timed(
    predictor: EnginePredictor,
    match: Match,
    arrays: dict[str, NDArray[Any]],
    windows: Windows,
    phase: int,
    way: str,
) -> TimedMatch:
    scores = _scores(predictor, arrays["features"], windows, phase, way)
    timeline = Timeline(
        predictor.manifest.labels,
        scores,
        arrays["time_s"],
        arrays["frame"],
        arrays["pts"],
    )
    return TimedMatch(match.name, timeline, match.labels.events)


def _scores(
    predictor: EnginePredictor,
    features: Floats,
    windows: Windows,
    phase: int,
    way: str,
) -> Floats:
    """Run every window by itself and add up the votes."""
    steps, length = len(features), windows.clip_len
    margin = windows.margin if way == "middle" else 0
    total = np.zeros((steps, len(predictor.manifest.labels) + 1), np.float32)
    support = np.zeros((steps, 1), np.float32)
    first = -5 if way == "uniform" else -margin - (length // windows.hop) * windows.hop
    for start in range(first - phase, steps, windows.hop):
        seen = slice(max(start, 0), min(start + length, steps))
        low, high = max(start + margin, 0), min(start + length - margin, steps)
        if high <= low:
            continue
        scores = predictor.runtime.head(features[None, seen])["scores"]
        total[low:high] += scores[0][low - seen.start : high - seen.start]
        support[low:high] += 1
    return total / support


def _aps(timed: Sequence[TimedMatch], labels: Sequence[str]) -> list[float]:
    options = SpottingOptions(dict.fromkeys(labels, LabelOptions(0.5, 0.5)))
    found = spotted(timed, options)
    return [average_precision(found, label, tolerance_s=0.5) for label in labels]


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("matches", type=Path, help="folder of labelled matches")
    parser.add_argument("--features", type=Path, required=True, help="where to keep")
    parser.add_argument("--model", default="arena-rny002")
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""The last stages: thresholds, engines, and the figures of what came of it."""

import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from model.checkpoint.spotting_options import LabelOptions
from model.errors import Canceled, NoRoom, TrainingPaused
from model.evaluation.calibrate import Calibration
from model.evaluation.timed import TimedMatch
from model.teaching.engines import add_int8, add_openvino
from model.teaching.lesson import Lesson, as_json
from model.teaching.matches import count_events
from model.teaching.measure import ap_draws, interval_of
from model.teaching.needs import CurvePoint, needs_of
from model.teaching.run import Run, is_full
from model.teaching.thresholds import choose_thresholds

T = TypeVar("T")


def calibrate(lesson: Lesson) -> None:
    """Choose thresholds on the hold-out and write the checkpoint."""
    run = lesson.run
    if "calibrated" in run.results and lesson.made.is_file():
        return
    run.at("calibrate", 0.0)
    # Cached features are those of the trunk before it was tuned.
    is_tuned = run.results["tuned"]["is_kept"]
    timed = (
        lesson.timed_frames(lesson.network, lesson.tuned)
        if is_tuned
        else lesson.timed_plain(lesson.network)
    )
    run.at("calibrate", 0.5)
    found, scarce = choose_thresholds(
        timed,
        [stretch.owner for stretch in lesson.material.holdout],
        before=_base_options(lesson),
        overlap=lesson.overlap,
        few=run.recipe.few_events,
    )
    if unjudged := [label for label in lesson.plan.taught if label in scarce]:
        run.note_of_stage(
            f"{' and '.join(unjudged)}: under {run.recipe.few_events} events on the "
            "hold-out, or none of them found: no threshold is chosen, and how good the "
            "network is there cannot be judged"
        )
    lesson.save(lesson.network, lesson.made, found.options)
    run.results.pop("engines", None)
    run.once("calibrated", lambda: _types(lesson, found, timed, scarce))
    run.progress("calibrate", 1.0)


def add_engines(lesson: Lesson) -> None:
    """Attach the CPU's forms; one that cannot be made is left out, with a warning."""
    run = lesson.run
    if "engines" in run.results:
        return
    run.at("engines", 0.0)
    spec, train = lesson.base.frame_spec, lesson.material.train
    exported = _made(
        run,
        "no-cpu-form",
        "The CPU form (OpenVINO)",
        lambda: add_openvino(lesson.made, train[0], spec),
    )
    run.at("engines", 0.3)
    line = "no 8-bit form: there was no time for it"
    if exported is None:
        line = "no 8-bit form: it is made of the CPU form, and there is none"
    elif run.recipe.has_int8 and run.left_s > 0:
        holdout = [stretch.match() for stretch in lesson.material.holdout]
        line = (
            _made(
                run,
                "no-8-bit-form",
                "The 8-bit form",
                lambda: add_int8(lesson.made, train, holdout, spec, look=run.look),
            )
            or "no 8-bit form: it could not be made"
        )
    run.watch.report(line)
    run.once("engines", lambda: line)
    run.progress("engines", 1.0)


def _made(run: Run, code: str, what: str, make: Callable[[], T]) -> T | None:
    """Make a form; what fails costs the form, not the checkpoint, which has all else.

    Raises:
        Canceled, TrainingPaused: see the watch.
        NoRoom, OSError: the disk is full, so that nothing else could be written either.
    """
    try:
        return make()
    except (Canceled, TrainingPaused, NoRoom):
        raise
    except Exception as exc:  # whatever a runtime's library raises
        if is_full(exc):
            raise
        run.warn(
            code,
            f"{what} could not be made, and is left out ({type(exc).__name__}: {exc}). "
            "The model runs in PyTorch; `touchline export` makes the form later.",
        )
        return None


def figures_of(lesson: Lesson) -> dict[str, Any]:
    """Give what is known of the finished network, as JSON values."""
    results = lesson.run.results
    types, curve = results["calibrated"], results.get("curve", [])
    known = [row["ap"] for row in types.values() if row["ap"] is not None]
    return {
        "types": types,
        "mean_ap": round(sum(known) / len(known), 4) if known else None,
        "tuned": results["tuned"],
        "int8": results["engines"],
        "learning": [
            {
                "share": point["share"],
                "events": point["events"],
                "values": {label: of[0] for label, of in point["ap"].items()},
            }
            for point in curve
        ],
        "needs": _needs(lesson, curve),
    }


def _base_options(lesson: Lesson) -> dict[str, LabelOptions]:
    """Give the options of types whose rows were kept."""
    checkpoint = lesson.base.checkpoint
    if checkpoint is None:
        return {}
    options = checkpoint.manifest.spotting.labels
    return {label: options[label] for label in lesson.base.labels}


def _types(
    lesson: Lesson,
    found: Calibration,
    timed: list[TimedMatch],
    scarce: tuple[str, ...],
) -> dict[str, Any]:
    trained = count_events(lesson.data.train)
    draws = ap_draws(timed, lesson.plan.labels, found.options)
    rows = {}
    for label, outcome in found.labels.items():
        low, high = interval_of(draws[label][1:])
        rows[label] = {
            "ap": as_json(draws[label][0]),
            "ap_low": as_json(low),
            "ap_high": as_json(high),
            "f1": as_json(outcome.out_of_fold),
            "events": outcome.events,
            "trained_on": trained.get(label, 0),
            "threshold": found.options.labels[label].threshold,
            "is_judged": label not in scarce,
        }
    return rows


def _needs(lesson: Lesson, curve: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not curve:
        return []
    points = [
        CurvePoint(
            point["share"],
            point["events"],
            {
                label: np.array([math.nan if value is None else value for value in of])
                for label, of in point["ap"].items()
            },
        )
        for point in curve
    ]
    types = lesson.run.results["calibrated"]
    held_out = {label: row["events"] for label, row in types.items()}
    few = lesson.run.recipe.few_events
    return needs_of(points, lesson.plan.taught, few=few, held_out=held_out)

"""Training by folds: each match is scored by a network that was not trained on it.

The matches of `train` are divided; those of `val` take no part. A fold's weights are
its last, not its best: choosing by the held-out matches would favour them.
"""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch.utilities import rank_zero_only

from model.data.labels import Match, label_names
from model.data.splits import assign_folds
from model.errors import TrainingFailed
from model.evaluation.metrics import LabelledMatch
from model.reporter import Reporter
from model.training.config import TrainConfig
from model.training.false_alarms import write_false_alarms
from model.training.files import RESUME
from model.training.measures import spots_of
from model.training.out_of_fold import (
    FoldScores,
    false_alarms_in,
    fold_scores,
    read_fold,
    scores_object,
    write_fold,
    write_json,
)
from model.training.processes import Launch, first_of_machine_first
from model.training.subsets import find_subsets
from model.training.train import is_first_process, train
from model.training.training_data import TrainingData, prepare_data

FOLD = "out_of_fold.json"
SCORES = "scores.json"
FALSE_ALARMS = "false_alarms.json"
F1_TOLERANCE_S = 1.0


def train_folds(
    config: TrainConfig,
    folder: Path,
    count: int,
    *,
    report: Reporter,
    is_resumed: bool = False,
    start_from: Path | None = None,
    may_replace: bool = False,
) -> list[FoldScores]:
    """Train `count` networks by folds and measure them out of fold.

    Args:
        config: the run; its `val` takes no part.
        folder: takes a folder for each fold, `scores.json` and `false_alarms.json`.
        count: of folds, >= 2.
        report: takes lines for the user.
        is_resumed: leave finished folds alone and go on with the others.
        start_from: a checkpoint whose weights each fold begins with. It must not have
            been trained on these matches, else nothing is out of fold.
        may_replace: begin anew over earlier folds.

    Raises:
        BadAnnotations: the data does not fit together, or has too few matches.
        TrainingFailed: there are folds already, or they are of other matches; or a
            fold fails.
        TrainingStopped: see `train`.
    """
    launch = Launch.read(config.run.devices)
    is_resumed = is_resumed or launch.restarts > 0
    # The other processes of a run begin when the first has written already.
    if not is_resumed and is_first_process():
        _begin_anew(folder, may_replace=may_replace)
    report = rank_zero_only(report)
    matches, _ = find_subsets(config.data)
    folds = assign_folds(matches, count, seed=config.run.seed)
    settings = replace(
        config,
        labels=config.labels or label_names(matches),
        run=replace(config.run, validate_steps=config.optimiser.steps),
    )
    # Decoded before the first fold, while there is one process: two would collide.
    mapped = replace(settings, data=replace(settings.data, in_memory=False))
    with first_of_machine_first(launch):
        for index in range(count):
            _prepared(mapped, folds, index, report)
    found = [
        _fold(settings, folds, index, folder, report, is_resumed, start_from)
        for index in range(count)
    ]
    return _measured(found, folder, config, report)


def _begin_anew(folder: Path, *, may_replace: bool) -> None:
    earlier = list(folder.glob("fold_*"))
    if earlier and not may_replace:
        raise TrainingFailed(
            f"{folder} holds folds already: go on with --resume, begin anew with "
            "--force, or name another folder."
        )
    for old in earlier:
        shutil.rmtree(old)
    (folder / SCORES).unlink(missing_ok=True)


def _fold(
    config: TrainConfig,
    folds: Sequence[list[Match]],
    index: int,
    folder: Path,
    report: Reporter,
    is_resumed: bool,
    start_from: Path | None,
) -> list[LabelledMatch]:
    """Train one fold, unless it is there, and give its matches' spots."""
    own = folder / f"fold_{index + 1}"
    names = [match.name for match in folds[index]]
    name = f"fold {index + 1} of {len(folds)}"
    if is_resumed and (own / FOLD).is_file():
        report(f"{name} is there already")
        return read_fold(own / FOLD, names)
    report(f"{name}: held out are {', '.join(names)}")
    data = _prepared(config, folds, index, report)
    keep = _KeepSpots()
    copied_to = config.run.checkpoints_to
    train(
        replace(
            config,
            run=replace(
                config.run,
                checkpoints_to=copied_to and f"{copied_to.rstrip('/')}/{own.name}",
            ),
        ),
        own,
        report=report,
        is_resumed=is_resumed and (own / RESUME).is_file(),
        start_from=start_from,
        may_replace=True,
        data=data,
        callbacks=[keep],
    )
    if is_first_process():
        write_fold(own / FOLD, keep.found)
    return keep.found


def _prepared(
    config: TrainConfig, folds: Sequence[list[Match]], index: int, report: Reporter
) -> TrainingData:
    others = [m for at, fold in enumerate(folds) if at != index for m in fold]
    return prepare_data(
        config, others, folds[index], val_store="held_out", report=report
    )


class _KeepSpots(lightning.Callback):
    """Keeps the spots of the latest validation, which all processes know."""

    def __init__(self) -> None:
        self.found: list[LabelledMatch] = []

    def on_validation_end(self, _trainer: Any, pl_module: Any) -> None:
        """Take them from the module."""
        self.found = spots_of(pl_module.timed, pl_module.labels)


def _measured(
    folds: Sequence[list[LabelledMatch]],
    folder: Path,
    config: TrainConfig,
    report: Reporter,
) -> list[FoldScores]:
    tolerance_s = config.run.tolerance_s
    scores = fold_scores(folds, tolerance_s=tolerance_s, f1_tolerance_s=F1_TOLERANCE_S)
    everything = [match for fold in folds for match in fold]
    alarms = false_alarms_in(everything, tolerance_s=F1_TOLERANCE_S)
    if is_first_process():
        write_json(
            folder / SCORES,
            {
                "folds": len(folds),
                "ap_tolerance_s": tolerance_s,
                "f1_tolerance_s": F1_TOLERANCE_S,
                "labels": scores_object(scores),
            },
        )
        write_false_alarms(folder / FALSE_ALARMS, alarms)
    for one in scores:
        report(
            f"out of fold  {one.label}  {one.events} events  "
            f"AP +-{tolerance_s:g} s {one.ap:.3f}  "
            f"F1 +-{F1_TOLERANCE_S:g} s {one.f1:.3f} (in sample {one.best_f1:.3f})"
        )
    report(f"{len(alarms)} false alarms in {folder / FALSE_ALARMS}")
    return scores

"""The matches of a run, checked and prepared."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.data.frame_store import StoredMatch
from model.data.labels import Match, case_twins, label_names, team_names
from model.data.set_checks import leaks, missing_labels
from model.errors import BadAnnotations
from model.reporter import Reporter
from model.training.config import TrainConfig
from model.training.false_alarms import FalseAlarm, read_false_alarms
from model.training.prepare import prepared
from model.training.subsets import find_subsets


@dataclass(frozen=True, slots=True)
class TrainingData:
    """The matches of a run, prepared.

    Attributes:
        labels: in the order of the network's outputs.
        train: to train on.
        val: to choose by.
        hard_negatives: false alarms in the training matches.
        curves: a teacher's scores of the training matches, by name; None without one.
    """

    labels: tuple[str, ...]
    train: tuple[StoredMatch, ...]
    val: tuple[StoredMatch, ...]
    hard_negatives: tuple[FalseAlarm, ...] = ()
    curves: Mapping[str, NDArray[np.float32]] | None = None


def load_data(config: TrainConfig, *, report: Reporter) -> TrainingData:
    """Find, check and prepare the matches of a run; raises as `prepare_data`."""
    train_set, val_set = find_subsets(config.data)
    return prepare_data(config, train_set, val_set, report=report)


def prepare_data(
    config: TrainConfig,
    train_set: list[Match],
    val_set: list[Match],
    *,
    val_store: str = "val",
    report: Reporter,
) -> TrainingData:
    """Check and prepare the matches of a run.

    Args:
        config: the run.
        train_set: to train on.
        val_set: to choose by.
        val_store: folder of the latter in the store.
        report: takes lines for the user.

    Raises:
        BadAnnotations: a match on both sides, a label in val that train lacks, a
            label of the config that never occurs, labels without the teams that are
            to be trained, a video that is corrupt or cut off (unless they are to be
            skipped), a file of hard negatives that does not fit.
    """
    found = leaks(train_set, val_set, parts=("train", "val"))
    if found:
        raise BadAnnotations(f"{found[0].match} {found[0].text}")
    labels = _labels_of(config, train_set, val_set)
    if "team" in config.output_options:
        _check_teams(config, train_set, report)
    hard_negatives = _hard_negatives(config, train_set)
    store = Path(config.data.store)
    return TrainingData(
        labels=labels,
        train=prepared(
            train_set, store / "train", config, spec=config.store_spec, report=report
        ),
        val=prepared(
            val_set, store / val_store, config, spec=config.input, report=report
        ),
        hard_negatives=hard_negatives,
    )


def _labels_of(
    config: TrainConfig, train_set: list[Match], val_set: list[Match]
) -> tuple[str, ...]:
    if config.labels is None and (twins := case_twins(label_names(train_set))):
        rare, usual = next(iter(twins.items()))
        raise BadAnnotations(
            f"The labels {rare!r} and {usual!r} differ in case alone: make them one "
            f"with `touchline data rename FOLDER '{rare}={usual}'`, or list the labels "
            "to learn in the config."
        )
    labels = config.labels or label_names(train_set)
    if not labels:
        raise BadAnnotations("The training matches have no event: nothing to learn.")
    absent = sorted(set(labels) - set(label_names(train_set)))
    if absent:
        raise BadAnnotations(f"No training match has an event of {absent}.")
    unknown = missing_labels(train_set, val_set)
    if unknown and config.labels is None:
        raise BadAnnotations(
            f"{unknown[0].match} {unknown[0].text} by listing the labels to learn in "
            "the config."
        )
    return labels


def _check_teams(config: TrainConfig, train_set: list[Match], report: Reporter) -> None:
    """Refuse labels without the teams to train; report what is left out."""
    options: Any = config.output_options["team"]
    sides, named = options.sides, team_names(train_set)
    if not set(sides) & set(named):
        raise BadAnnotations(
            f"No training label names a team of network.outputs.team.sides "
            f"({', '.join(sides)}); the labels name {', '.join(named) or 'none'}."
        )
    if others := sorted(set(named) - set(sides)):
        report(f"teams {', '.join(others)} of the labels are neither side: left out")
    without = [m.name for m in train_set if not set(sides) & set(team_names([m]))]
    if without:
        report(f"no team is trained from {', '.join(without)}: their labels have none")


def _hard_negatives(
    config: TrainConfig, train_set: list[Match]
) -> tuple[FalseAlarm, ...]:
    if config.data.hard_negatives is None:
        return ()
    names = {match.name for match in train_set}
    alarms = read_false_alarms(Path(config.data.hard_negatives))
    known = tuple(alarm for alarm in alarms if alarm.match in names)
    if not known:
        raise BadAnnotations(
            f"{config.data.hard_negatives} names no false alarm in a training match: "
            "it comes from other matches, or they have other names there."
        )
    return known

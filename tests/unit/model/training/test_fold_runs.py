"""Runs by folds: trained, resumed, and what they leave to be sampled more often."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from model.errors import BadAnnotations, TrainingFailed
from model.training.false_alarms import (
    FalseAlarm,
    read_false_alarms,
    write_false_alarms,
)
from model.training.folds import train_folds
from model.training.train import train
from tests.unit.model.training.toys import toy_config, toy_match

pytestmark = pytest.mark.slow


@pytest.mark.nightly
def test_folds_are_trained_resumed_and_give_hard_negatives(tmp_path: Path) -> None:
    for seed in range(3):
        toy_match(tmp_path / "train" / f"match_{seed}", seed=seed, seconds=6)
    toy_match(tmp_path / "val" / "match_9", seed=9, seconds=6)
    config = toy_config(tmp_path, optimiser={"steps": 2, "warmup_steps": 0})
    folder, lines = tmp_path / "folds", list[str]()

    scores = train_folds(config, folder, 3, report=lines.append)

    assert {one.label for one in scores} == {"DRIBBLE", "BASKET"}
    saved = json.loads((folder / "scores.json").read_text())
    assert [row["label"] for row in saved["labels"]] == [one.label for one in scores]
    held_out = [
        row["name"]
        for path in sorted(folder.glob("fold_*/out_of_fold.json"))
        for row in json.loads(path.read_text())["matches"]
    ]
    assert sorted(held_out) == ["match_0", "match_1", "match_2"]
    with pytest.raises(TrainingFailed, match="holds folds already"):
        train_folds(config, folder, 3, report=lines.append)

    # As if it had been killed in the last fold.
    (folder / "fold_3" / "out_of_fold.json").unlink()
    (folder / "scores.json").unlink()
    lines.clear()
    again = train_folds(config, folder, 3, report=lines.append, is_resumed=True)

    assert [line for line in lines if "is there already" in line] == [
        "fold 1 of 3 is there already",
        "fold 2 of 3 is there already",
    ]
    assert again == scores

    alarms = folder / "false_alarms.json"
    if not read_false_alarms(alarms):  # What two steps teach may be silent.
        write_false_alarms(alarms, [FalseAlarm("match_0", "BASKET", 3.0, 0.5)])
    harder = replace(config, data=replace(config.data, hard_negatives=str(alarms)))
    assert train(harder, tmp_path / "run", report=print).is_file()
    write_false_alarms(alarms, [FalseAlarm("match_9", "BASKET", 3.0, 0.5)])
    with pytest.raises(BadAnnotations, match="no false alarm in a training match"):
        train(harder, tmp_path / "other", report=print)

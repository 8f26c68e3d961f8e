"""Training by folds: spots out of fold, their measures, and false alarms."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from model.data.labels import Event, Match, MatchLabels
from model.data.splits import assign_folds
from model.errors import BadAnnotations, TrainingFailed
from model.evaluation.matching import Scored
from model.evaluation.metrics import LabelledMatch
from model.training.false_alarms import (
    FalseAlarm,
    read_false_alarms,
    write_false_alarms,
)
from model.training.folds import train_folds
from model.training.out_of_fold import (
    false_alarms_in,
    fold_scores,
    read_fold,
    write_fold,
)
from model.training.train import train
from tests.unit.model.training.toys import toy_config, toy_match


def match_of(name: str, passes: int) -> Match:
    """A match of so many passes."""
    events = tuple(Event("PASS", float(k)) for k in range(passes))
    return Match(name, Path("x"), MatchLabels(name, events, Path("x")))


def test_folds_hold_every_match_once_and_share_the_events() -> None:
    matches = [match_of(f"m{k}", passes) for k, passes in enumerate((9, 9, 9, 1, 1, 1))]

    folds = assign_folds(matches, 3, seed=1)

    names = sorted(match.name for fold in folds for match in fold)
    assert names == [f"m{k}" for k in range(6)]
    assert [sum(len(m.labels.events) for m in fold) for fold in folds] == [10, 10, 10]
    assert folds == assign_folds(matches, 3, seed=1)


@pytest.mark.parametrize("count", [1, 3])
def test_there_must_be_a_match_for_each_of_two_folds_at_least(count: int) -> None:
    with pytest.raises(BadAnnotations, match=f"cannot make {count} folds"):
        assign_folds([match_of("a", 1), match_of("b", 1)], count)


def found(name: str, *spots: tuple[float, float]) -> LabelledMatch:
    """A match with passes at 1 and 5 s and these spots."""
    scored = [Scored(time_s, score) for time_s, score in spots]
    return LabelledMatch(name, {"PASS": scored}, {"PASS": [1.0, 5.0]})


def test_a_fold_has_the_threshold_that_is_best_for_the_others() -> None:
    first = [found("a", (1.0, 0.9), (5.0, 0.8), (9.0, 0.7))]
    second = [found("b", (1.0, 0.4), (5.0, 0.3), (9.0, 0.2))]

    (score,) = fold_scores([first, second], tolerance_s=0.5, f1_tolerance_s=1.0)

    # At 0.3 the first fold has a false alarm; at 0.8 the second has no spot at all.
    assert score.f1 == pytest.approx(2 * 2 / (2 * 2 + 1 + 2))
    assert score.f1 < score.best_f1
    assert score.events == 4


def test_false_alarms_are_spots_that_meet_no_event() -> None:
    spots = ((1.2, 0.5), (1.4, 0.9), (9.0, 0.6), (12.0, 0.05))

    alarms = false_alarms_in([found("a", *spots)], tolerance_s=1.0)

    assert alarms == [
        FalseAlarm("a", "PASS", 9.0, 0.6),
        FalseAlarm("a", "PASS", 1.2, 0.5),
    ]


def test_a_fold_is_read_back_and_must_be_of_the_same_matches(tmp_path: Path) -> None:
    path = tmp_path / "fold.json"
    write_fold(path, [found("a", (1.0, 0.5))])

    (match,) = read_fold(path, ["a"])

    assert match == found("a", (1.0, 0.5))
    with pytest.raises(TrainingFailed, match="other matches"):
        read_fold(path, ["b"])
    path.write_text("{}")
    with pytest.raises(TrainingFailed, match="is damaged"):
        read_fold(path, ["a"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nothing", "cannot be read as false alarms"),
        ("{}", "not what `touchline train --folds` writes"),
        (
            '{"format": "touchline-false-alarms", "false_alarms": '
            '[{"match": "a", "label": "PASS", "time_s": -1, "score": 0.5}]}',
            r"false_alarms.0.time_s: must be greater than or equal to 0, got -1",
        ),
    ],
)
def test_a_file_that_holds_no_false_alarms_says_what_is_wrong(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "alarms.json"
    path.write_text(text)

    with pytest.raises(BadAnnotations, match=message):
        read_false_alarms(path)


@pytest.mark.slow
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

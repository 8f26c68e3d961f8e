"""Folds: spots out of fold, their measures, and false alarms."""

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
)
from model.training.out_of_fold import (
    false_alarms_in,
    fold_scores,
    read_fold,
    write_fold,
)


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

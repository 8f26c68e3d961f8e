"""Which types are told, and which rows they start from."""

from pathlib import Path

import pytest

from model.data.labels import Event, Match, MatchLabels
from model.errors import BadAnnotations
from model.teaching.options import TeachOptions
from model.teaching.types import plan_types

BASE = ("PASS", "DRIVE", "SHOT")


def match_with(*labels: str) -> Match:
    """Give a match with an event of each of these types."""
    events = tuple(Event(label, float(at)) for at, label in enumerate(labels))
    return Match("m", Path("m.mp4"), MatchLabels("m", events, Path("m.json")))


def asked(**options: object) -> TeachOptions:
    """Ask for a teaching from some base."""
    return TeachOptions("hall", Path("base.touchline"), **options)  # type: ignore[arg-type] # as tests name them


def test_types_of_the_base_come_first_and_new_ones_start_from_noise() -> None:
    plan = plan_types(asked(), BASE, [match_with("CORNER", "PASS", "DRIVE", "SHOT")])

    assert plan.labels == ("PASS", "DRIVE", "SHOT", "CORNER")
    assert plan.rows["PASS"] == ("PASS",)
    assert plan.rows["CORNER"] == ()
    assert plan.carried == ()


def test_a_merged_type_starts_from_its_own_row_or_from_the_mean() -> None:
    into_own = plan_types(
        asked(mapping={"DRIVE": "PASS"}), BASE, [match_with("PASS", "SHOT")]
    )
    into_new = plan_types(
        asked(mapping={"DRIVE": "MOVE", "PASS": "MOVE"}), BASE, [match_with("MOVE")]
    )

    assert into_own.labels == ("PASS", "SHOT")
    assert into_own.rows["PASS"] == ("PASS",)
    assert into_own.notes[0] == "PASS starts from its own row; DRIVE joins it"
    assert into_new.rows["MOVE"] == ("PASS", "DRIVE")
    assert into_new.notes[0] == "MOVE starts from the mean of PASS and DRIVE"


def test_a_removed_type_is_gone_and_what_nothing_teaches_is_carried() -> None:
    plan = plan_types(asked(mapping={"SHOT": None}), BASE, [match_with("PASS")])

    assert plan.labels == ("PASS", "DRIVE")
    assert plan.carried == ("DRIVE",)
    assert plan.taught == ("PASS",)
    assert "DRIVE" in plan.notes[0]


def test_types_that_nobody_has_and_data_without_events_are_refused() -> None:
    with pytest.raises(BadAnnotations, match="GOAL: neither the training data nor"):
        plan_types(asked(types=("PASS", "GOAL")), BASE, [match_with("PASS")])
    with pytest.raises(BadAnnotations, match="nothing to teach"):
        plan_types(asked(), BASE, [match_with()])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"start": "nowhere"}, "must be one of base, trunk"),
        ({"minutes": 0}, "must be above 0"),
        ({"minutes": float("nan")}, "must be above 0"),
        ({"types": ()}, "types must be named"),
        ({"mapping": {"A": "B", "B": "C"}}, "A is mapped to B, which is itself mapped"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    options: dict[str, object], text: str
) -> None:
    with pytest.raises(BadAnnotations, match=text):
        asked(**options)


def test_a_start_from_a_base_needs_one() -> None:
    with pytest.raises(BadAnnotations, match="no base is named"):
        TeachOptions("hall", None)

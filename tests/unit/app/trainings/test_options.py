"""What a training is asked for, to a row and back."""

import json

import pytest

from app.trainings.options import Holdout, TrainingOptions
from app.trainings.request_schemas import NewTraining
from app.trainings.service import finite

VIDEO = "01980c1e-7a54-7c3e-9d1f-2f6f3a8b1c55"


@pytest.mark.parametrize(
    "options",
    [
        TrainingOptions(),
        TrainingOptions(holdout=Holdout(share=0.2)),
        TrainingOptions(
            start="trunk",
            types=("PASS",),
            mapping={"DRIVE": "PASS", "SHOT": None},
            videos=(VIDEO,),
            minutes=5.5,
            holdout=Holdout(videos=(VIDEO,)),
            seed=7,
        ),
    ],
)
def test_options_are_the_same_after_they_were_stored(options: TrainingOptions) -> None:
    stored = json.loads(json.dumps(options.stored()))

    assert TrainingOptions.read(stored) == options


def test_a_request_in_full_becomes_the_options() -> None:
    wanted = NewTraining.model_validate(
        {
            "name": "hall",
            "start": "trunk",
            "types": [" PASS "],
            "mapping": {"DRIVE": "PASS", "SHOT": None},
            "videos": [VIDEO, VIDEO],
            "minutes": 5.5,
            "holdout": {"videos": [VIDEO, VIDEO]},
            "seed": 7,
        }
    )

    assert wanted.options == TrainingOptions(
        start="trunk",
        types=("PASS",),
        mapping={"DRIVE": "PASS", "SHOT": None},
        videos=(VIDEO,),
        minutes=5.5,
        holdout=Holdout(videos=(VIDEO,)),
        seed=7,
    )


def test_what_is_no_finite_number_becomes_null() -> None:
    found = finite({"a": [1.5, float("nan"), (float("inf"), 2)], "b": {"c": True}})

    assert found == {"a": [1.5, None, [None, 2]], "b": {"c": True}}

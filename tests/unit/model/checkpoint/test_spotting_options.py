"""Spotting options: bounds, and the trip through a manifest."""

import json

import pytest

from model.checkpoint.spotting_options import LabelOptions, SpottingOptions
from model.errors import BadCheckpoint


def test_options_survive_the_trip_through_json() -> None:
    options = SpottingOptions(
        labels={
            "PASS": LabelOptions(0.31, 0.5, "soft"),
            "DRIVE": LabelOptions(0.2, 1.25),
        },
        temperature=1.7,
        overlap=0.25,
    )

    again = SpottingOptions.from_dict(json.loads(json.dumps(options.to_dict())))

    assert again == options


def test_an_older_manifest_with_gaps_loads_without_them_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    drive = {"threshold": 0.5, "gap_before_s": 0.233, "gap_after_s": 1.433}
    labels = {"PASS": {"threshold": 0.3}, "DRIVE": drive}

    options = SpottingOptions.from_dict({"labels": labels})

    assert options.labels == {"PASS": LabelOptions(0.3), "DRIVE": LabelOptions(0.5)}
    (record,) = caplog.records
    assert "keeps DRIVE away from other labels" in record.getMessage()
    assert "touchline calibrate" in record.getMessage()
    again = options.to_dict()["labels"]["DRIVE"]
    assert set(again) == {"threshold", "window_s", "nms"}


def test_what_a_manifest_leaves_out_has_a_default() -> None:
    options = SpottingOptions.from_dict({"labels": {"PASS": {"threshold": 0.4}}})

    assert options == SpottingOptions(labels={"PASS": LabelOptions(threshold=0.4)})


def test_an_older_manifest_has_one_kind_of_nms_for_all_labels() -> None:
    labels = {"PASS": {"threshold": 0.4}, "SHOT": {"threshold": 0.4, "nms": "greedy"}}

    options = SpottingOptions.from_dict({"labels": labels, "nms": "soft"})

    assert options.labels["PASS"] == LabelOptions(0.4, nms="soft")
    assert options.labels["SHOT"] == LabelOptions(0.4, nms="greedy")


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"labels": ["PASS"]},
        {"labels": {"PASS": {"threshold": 1.5}}},
        {"labels": {"PASS": {"window_s": 1.0}}},
        {"labels": {"PASS": {"threshold": "high"}}},
        {"labels": {"PASS": {"treshold": 0.5}}},
        {"labels": {"PASS": {"window_s": -1}}},
        {"labels": {"PASS": {"threshold": 0.5, "gap": 0.1}}},
        {"labels": {"PASS": 0.5}},
        {"labels": {"PASS": {"window_s": float("nan")}}},
        {"labels": {}, "nms": "hard"},
        {"labels": {"PASS": {"threshold": 0.5, "nms": "hard"}}},
        {"labels": {"PASS": {"threshold": 0.5, "nms": ["soft"]}}},
        {"labels": {}, "temperature": 0},
        {"labels": {}, "overlap": 1},
        {"labels": {}, "windows": 3},
    ],
)
def test_a_manifest_with_bad_options_is_a_bad_checkpoint(
    data: dict[str, object],
) -> None:
    with pytest.raises(BadCheckpoint, match="spotting options"):
        SpottingOptions.from_dict(data)


def test_default_options_cover_every_label() -> None:
    assert set(SpottingOptions.default(["PASS", "SHOT"]).labels) == {"PASS", "SHOT"}

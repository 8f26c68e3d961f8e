"""The picture a network is fed, as its checkpoint states it."""

from typing import Any

import pytest

from model.errors import BadCheckpoint
from model.video.frame_spec import FrameSpec


def test_a_spec_survives_its_json_form() -> None:
    spec = FrameSpec(width=398, height=224, crop=(87, 0, 224, 224), fps=25.0)

    assert FrameSpec.from_dict(spec.to_dict()) == spec


def test_the_network_sees_the_crop() -> None:
    spec = FrameSpec(width=398, height=224, crop=(87, 2, 200, 100))

    assert (spec.out_width, spec.out_height) == (200, 100)
    assert spec.step_bytes == 200 * 100 * 3


def test_without_a_crop_the_network_sees_the_whole_picture() -> None:
    spec = FrameSpec(width=398, height=224)

    assert (spec.out_width, spec.out_height) == (398, 224)


@pytest.mark.parametrize(
    "wrong",
    [
        {"width": 0},
        {"height": 100_000},
        {"fps": 0.0},
        {"fps": float("nan")},
        {"crop": (0, 0, 101, 50)},
        {"crop": (-1, 0, 50, 50)},
        {"crop": (0, 0, 0, 50)},
    ],
)
def test_a_spec_out_of_range_is_refused(wrong: dict[str, Any]) -> None:
    fields: dict[str, Any] = {"width": 100, "height": 50, **wrong}

    with pytest.raises(ValueError):
        FrameSpec(**fields)


@pytest.mark.parametrize(
    "data",
    [
        {"width": 100},
        {"width": 100, "height": 50, "depth": 3},
        {"width": "100", "height": 50},
        {"width": 100, "height": 50, "crop": [1, 2, 3]},
        {"width": 100, "height": 50, "fps": "fast"},
    ],
)
def test_a_damaged_json_form_is_a_bad_checkpoint(data: dict[str, Any]) -> None:
    with pytest.raises(BadCheckpoint):
        FrameSpec.from_dict(data)

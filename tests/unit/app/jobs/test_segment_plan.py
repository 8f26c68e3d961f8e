"""Into how many segments a video is cut."""

import pytest
from pydantic import ValidationError

from app.core.settings import Settings
from app.jobs.segment_plan import (
    LEAST_AUTO_S,
    MOST_AUTO,
    SegmentSetting,
    Workers,
    parts_by_length,
    parts_wanted,
)

HALF_S = 45 * 60.0


@pytest.mark.parametrize(
    ("wanted", "duration_s", "idle", "waiting", "parts"),
    [
        pytest.param(4, HALF_S, 0, 9, 4, id="a number, whoever is there"),
        pytest.param(1, HALF_S, 8, 0, 1, id="one is no split"),
        pytest.param(0, HALF_S, 8, 0, 1, id="off"),
        pytest.param("auto", HALF_S, 0, 0, 1, id="no other worker"),
        pytest.param("auto", HALF_S, 3, 0, 4, id="three others that idle"),
        pytest.param("auto", HALF_S, 3, 1, 3, id="one of them is waited for"),
        pytest.param("auto", HALF_S, 3, 5, 1, id="all of them are waited for"),
        pytest.param("auto", 2 * LEAST_AUTO_S - 1, 3, 0, 1, id="too short for two"),
        pytest.param("auto", 2 * LEAST_AUTO_S, 3, 0, 2, id="just long enough"),
        pytest.param("auto", 0.0, 3, 0, 1, id="of no length"),
        pytest.param("auto", 1e6, 99, 0, MOST_AUTO, id="a fleet"),
    ],
)
def test_parts_wanted(
    wanted: SegmentSetting, duration_s: float, idle: int, waiting: int, parts: int
) -> None:
    workers = Workers(idle, waiting)
    assert parts_wanted(wanted, duration_s=duration_s, workers=workers) == parts


@pytest.mark.parametrize(
    ("duration_s", "longest_group_s", "at_most", "parts"),
    [
        pytest.param(HALF_S, 2.0, 4, 4, id="key frames everywhere"),
        pytest.param(HALF_S, HALF_S, 4, 1, id="one key frame"),
        pytest.param(100.0, 10.0, 8, 5, id="segments of two groups"),
        pytest.param(100.0, 0.0, 8, 1, id="no time at all"),
    ],
)
def test_no_segment_is_shorter_than_two_groups(
    duration_s: float, longest_group_s: float, at_most: int, parts: int
) -> None:
    assert parts_by_length(duration_s, longest_group_s, at_most=at_most) == parts


@pytest.mark.parametrize(("said", "wanted"), [("", 0), ("4", 4), ("auto", "auto")])
def test_the_setting(
    said: str, wanted: SegmentSetting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOUCHLINE_SEGMENTS", said)
    assert Settings().segments == wanted


@pytest.mark.parametrize("said", ["-1", "65", "many", "1.5"])
def test_a_setting_that_means_nothing_is_refused(
    said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOUCHLINE_SEGMENTS", said)
    with pytest.raises(ValidationError):
        Settings()

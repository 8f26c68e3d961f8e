"""The review view shows the very frame it names: each picture tells its own number."""

from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page

from tests.acceptance.page_service import wait_until
from tests.acceptance.review_service import (
    FPS,
    FRAMES,
    ReviewService,
    go_to,
    open_review,
    settle,
    shown_frame,
    told_frame,
)

SEEKS = 40


def _variable_times() -> list[int]:
    """Draw times in ms with steps of 15 to 90 ms."""
    steps = np.random.default_rng(5).integers(15, 90, FRAMES - 1)
    return [0, *np.cumsum(steps).tolist()]


VARIABLE_MS = _variable_times()
MATCHES: dict[str, dict[str, Any]] = {
    "even": {},
    "b_frames": {"b_frames": 2, "fps": 29.97},
    "late": {"start_ms": 10_000},
    "variable": {"times_ms": VARIABLE_MS},
}


@pytest.mark.costly
@pytest.mark.parametrize("name", MATCHES)
def test_every_seek_shows_the_frame_that_is_named(
    reviewer: Page, review: ReviewService, name: str
) -> None:
    options = MATCHES[name]
    video_id = review.upload(review.draw(name, **options))
    fps = options.get("fps", FPS)
    even = [frame / fps for frame in range(FRAMES)]
    times = [ms / 1000 for ms in options.get("times_ms", [])] or even
    review.analyse(video_id, times_s=times)
    open_review(reviewer, video_id)
    wanted = np.random.default_rng(7).choice(FRAMES, SEEKS, replace=False).tolist()

    for frame in [*wanted, 0, FRAMES - 1]:
        go_to(reviewer, frame)


@pytest.mark.costly
def test_keys_step_by_frames_and_seconds(reviewer: Page, review: ReviewService) -> None:
    open_review(reviewer, review.match())
    go_to(reviewer, 100)

    walk = [(".", 101), (".", 102), (",", 101), ("ArrowRight", 131)]
    walk += [("ArrowLeft", 101), ("Home", 0), (",", 0), ("End", FRAMES - 1), (".", 599)]
    for key, frame in walk:
        reviewer.keyboard.press(key)
        settle(reviewer, frame)


@pytest.mark.costly
def test_a_key_that_is_held_down_loses_no_frame(
    reviewer: Page, review: ReviewService
) -> None:
    open_review(reviewer, review.match())
    go_to(reviewer, 200)

    for _ in range(30):
        reviewer.keyboard.press(".")
    settle(reviewer, 230)
    for _ in range(12):
        reviewer.keyboard.press(",")
    settle(reviewer, 218)


@pytest.mark.costly
def test_the_number_follows_the_picture_while_it_plays(
    reviewer: Page, review: ReviewService
) -> None:
    open_review(reviewer, review.match())

    reviewer.keyboard.press("Space")
    wait_until(reviewer, lambda: told_frame(reviewer) > 20)
    reviewer.keyboard.press("k")

    assert reviewer.evaluate("document.querySelector('video').paused")
    wait_until(reviewer, lambda: told_frame(reviewer) == shown_frame(reviewer))
    reviewer.wait_for_timeout(300)
    assert told_frame(reviewer) == shown_frame(reviewer)


@pytest.mark.costly
def test_shuttle_plays_both_ways_and_faster(
    reviewer: Page, review: ReviewService
) -> None:
    open_review(reviewer, review.match())
    go_to(reviewer, 300)

    reviewer.keyboard.press("j")
    wait_until(reviewer, lambda: told_frame(reviewer) < 290)
    reviewer.keyboard.press("k")
    settle(reviewer, told_frame(reviewer))
    stopped = told_frame(reviewer)
    reviewer.keyboard.press("l")
    reviewer.keyboard.press("l")
    rate = reviewer.evaluate("document.querySelector('video').playbackRate")
    wait_until(reviewer, lambda: told_frame(reviewer) > stopped + 10)

    assert rate == 2
    assert reviewer.locator("[data-is=speed]").input_value() == "2"


@pytest.mark.costly
def test_speeds_go_from_a_quarter_to_four(
    reviewer: Page, review: ReviewService
) -> None:
    open_review(reviewer, review.match())
    speeds = []

    for key in ["<"] * 5 + [">"] * 9:
        reviewer.keyboard.press(key)
        speeds.append(reviewer.evaluate("document.querySelector('video').playbackRate"))

    assert min(speeds) == 0.25
    assert max(speeds) == 4


def test_timecode_and_match_clock_are_told(
    reviewer: Page, review: ReviewService
) -> None:
    video_id = review.match()
    halves = [{"start_s": 2}, {"start_s": 12, "clock_start_s": 1200}]
    review.api.client.patch(f"/videos/{video_id}", json={"halves": halves})
    open_review(reviewer, video_id)

    go_to(reviewer, 15 * FPS)

    assert reviewer.locator("[data-is=time]").input_value() == "0:15.000"
    assert reviewer.locator("[data-is=clock]").inner_text() == "2H 20:03"
    reviewer.locator("[data-is=time]").fill("0:03.5")
    reviewer.locator("[data-is=time]").press("Enter")
    settle(reviewer, 105)
    assert reviewer.locator("[data-is=clock]").inner_text() == "1H 00:01"

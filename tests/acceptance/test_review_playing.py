"""Reviewing while the video plays: lead, loop, going on, tagging."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.acceptance.page_service import wait_until
from tests.acceptance.review_service import (
    ReviewService,
    open_context,
    open_review,
    select,
    told_frame,
)


def play_slowly(page: Page) -> None:
    """Let a busy page miss less of what it plays."""
    for _ in range(3):
        page.keyboard.press("<")
    assert page.evaluate("document.querySelector('video').playbackRate") == 0.25


def test_a_decision_goes_on_and_the_next_is_played_from_before_it(
    browser: Browser, review: ReviewService
) -> None:
    review.api.forget_all()
    context = open_context(browser, review.api.url, prefs="")
    page = context.new_page()
    open_review(page, review.match())
    play_slowly(page)
    page.keyboard.press("g")
    page.keyboard.press("n")
    wait_until(
        page, lambda: not page.evaluate("document.querySelector('video').paused")
    )
    assert told_frame(page) < 45

    page.keyboard.press("Enter")

    row = page.locator("[data-is=events] [aria-selected=true]")
    expect(row).to_have_attribute("data-frame", "100")
    wait_until(page, lambda: 55 <= told_frame(page) <= 100)
    context.close()


@pytest.mark.costly
def test_a_loop_plays_the_stretch_around_an_event(
    browser: Browser, review: ReviewService
) -> None:
    review.api.forget_all()
    prefs = '{"lead": 0.3, "tail": 0.3, "loops": true}'
    context = open_context(browser, review.api.url, prefs=prefs)
    page = context.new_page()
    open_review(page, review.match())
    play_slowly(page)
    page.locator("[data-is=events] [data-frame='300']").click()
    page.keyboard.press("r")  # off
    page.keyboard.press("r")
    seen: set[int] = set()
    turns = 0
    last = 0

    while turns < 2:
        now = told_frame(page)
        turns += now < last - 5
        last = now
        seen.add(now)
        page.wait_for_timeout(30)

    assert min(seen) >= 285
    assert max(seen) <= 315
    context.close()


def test_tagging_takes_off_the_reaction_time_at_any_speed(
    reviewer: Page, review: ReviewService
) -> None:
    video_id = review.match()
    reviewer.goto("/")
    reviewer.evaluate(
        "localStorage.setItem('touchline_reaction', '{\"set\": 0.5, \"samples\": []}')"
    )
    open_review(reviewer, video_id)
    reviewer.locator("[data-is=speed]").select_option("2")
    reviewer.keyboard.press("Space")
    wait_until(reviewer, lambda: told_frame(reviewer) > 150)
    before = told_frame(reviewer)

    reviewer.keyboard.press("3")
    after = told_frame(reviewer)
    reviewer.keyboard.press("Space")

    def added() -> list[int]:
        events = review.events(video_id, state="added")
        return [one["frame"] for one in events]

    wait_until(reviewer, lambda: bool(added()))
    (frame,) = added()
    assert before - 31 <= frame <= after - 29  # 0.5 s at twice the speed


def test_a_match_that_is_opened_again_is_sought_as_at_first(
    reviewer: Page, review: ReviewService
) -> None:
    video_id = review.match()
    open_review(reviewer, video_id)
    # A busy page gets to its effects late, and the file is there before them.
    reviewer.evaluate(
        "() => { for (const name of ['requestAnimationFrame', 'setTimeout']) {"
        " const own = window[name];"
        " const later = setTimeout;"
        " window[name] = (does, ms) => (name === 'setTimeout' && ms > 100)"
        " ? own(does, ms) : later(() => own(does, ms), 700); } }"
    )

    reviewer.evaluate("location.hash = '#/'")
    expect(reviewer.locator("#videos li")).to_have_count(1)
    open_review(reviewer, video_id)

    select(reviewer, 220)

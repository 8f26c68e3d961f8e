"""What is marked as reviewed, and unmarked, by hand."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.acceptance.page_service import wait_until
from tests.acceptance.review_service import (
    ReviewService,
    eventually,
    go_to,
    open_context,
    open_review,
    told_frame,
)

pytestmark = pytest.mark.costly


def test_what_was_unmarked_is_not_marked_again(
    browser: Browser, review: ReviewService
) -> None:
    review.api.forget_all()
    video_id = review.match()
    for one in review.events(video_id):
        review.api.client.patch(
            f"/videos/{video_id}/events/{one['id']}",
            json={"state": "accepted"},
            headers={"if-match": f'"{one["version"]}"'},
        )
    context = open_context(
        browser, review.api.url, prefs='{"plays": false, "advances": false}'
    )
    page = context.new_page()
    open_review(page, video_id)

    def marked() -> object:
        answer = review.api.client.get(f"/videos/{video_id}/reviewed").json()
        return bool(answer["intervals"])

    go_to(page, 45)
    page.keyboard.press("Space")
    wait_until(page, lambda: told_frame(page) > 120)
    page.keyboard.press("Space")
    page.keyboard.press("v")
    eventually(page, marked, True)
    page.keyboard.press("v")
    eventually(page, marked, False)
    page.evaluate("location.hash = '#/'")  # what was seen is told when one leaves
    expect(page.locator("#videos li")).to_have_count(1)
    page.wait_for_timeout(1000)

    assert marked() is False
    context.close()


def test_a_stretch_is_marked_and_unmarked_at_once(
    reviewer: Page, review: ReviewService
) -> None:
    video_id = review.match()
    open_review(reviewer, video_id)

    reviewer.keyboard.press("v")
    reviewer.keyboard.press("v")
    expect(reviewer.locator("#news")).to_contain_text("no longer")
    expect(reviewer.locator("[data-is=unsent]")).to_have_text("All saved")
    reviewer.wait_for_timeout(500)

    answer = review.api.client.get(f"/videos/{video_id}/reviewed").json()
    assert answer["intervals"] == []

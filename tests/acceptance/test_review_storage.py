"""A browser that keeps nothing, or has no room: the review works all the same."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.acceptance.review_service import (
    ReviewService,
    eventually,
    open_review,
    select,
)

pytestmark = pytest.mark.costly


def test_a_review_works_where_the_browser_keeps_nothing(
    browser: Browser, review: ReviewService
) -> None:
    review.api.forget_all()
    video_id = review.match()
    context = browser.new_context(
        base_url=review.api.url, viewport={"width": 1280, "height": 800}
    )
    context.add_init_script(
        "for (const name of ['localStorage', 'sessionStorage'])"
        " Object.defineProperty(window, name, {get() {"
        " throw new DOMException('The operation is insecure.', 'SecurityError'); }});"
    )
    page = context.new_page()
    open_review(page, video_id)

    page.locator("[data-is=events] [data-frame='100']").click()
    page.keyboard.press("x")

    eventually(page, lambda: review.states(video_id)[100], "rejected")
    expect(page.locator("#trouble")).to_be_hidden()
    page.goto("/#/")
    expect(page.locator("#file")).to_be_attached()
    context.close()


def test_what_is_decided_is_sent_though_the_storage_is_full(
    reviewer: Page, review: ReviewService
) -> None:
    video_id = review.match()
    open_review(reviewer, video_id)
    reviewer.evaluate(
        "() => { Storage.prototype.setItem = () => {"
        " throw new DOMException('full', 'QuotaExceededError'); }; }"
    )
    select(reviewer, 100)

    reviewer.keyboard.press("x")
    eventually(reviewer, lambda: review.states(video_id)[100], "rejected")
    select(reviewer, 300)
    reviewer.keyboard.press("Enter")

    eventually(reviewer, lambda: review.states(video_id)[300], "accepted")
    expect(reviewer.locator("#trouble")).to_be_hidden()

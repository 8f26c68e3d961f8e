"""A browser's camera through `touchline serve`: sent, spotted, seen and kept."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from model.video.probe import probe_in_child
from tests.acceptance.page_service import PATIENCE_MS, wait_until
from tests.acceptance.running import RunningService
from tests.acceptance.test_live import playlist_of, service
from tests.acceptance.test_live_page import TIME, browser

__all__ = ["browser", "service"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PICTURES = os.environ.get("TOUCHLINE_TEST_PICTURES")  # a folder, to look at the page


@pytest.fixture
def page(browser: Browser, service: RunningService) -> Iterator[Page]:
    """A page of the service, whose camera may be used."""
    context = browser.new_context(base_url=str(service.client.base_url))
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=str(Path(PICTURES, f"{name}.png")))


@pytest.mark.nightly
def test_a_camera_is_seen_and_becomes_a_video(
    page: Page, service: RunningService, tmp_path: Path
) -> None:
    page.goto("/#/live")
    page.get_by_label("This device's camera").check()
    page.get_by_label("Name").fill("Training")
    page.get_by_role("button", name="Start").click()
    row = page.locator(".streams li", has_text="Training")
    expect(row.locator("[data-is=camera]")).to_have_attribute("data-state", "sending")
    expect(row.locator("[data-is=state]")).to_have_text("live", timeout=PATIENCE_MS)
    video_id = str(row.get_attribute("data-id"))
    address = f"/live/{video_id}"
    picture(page, "camera-list")

    # The page must stay open: the review is another one.
    review = page.context.new_page()
    review.goto(f"/#/videos/{video_id}")
    service.wait_until(lambda: ".mp4" in playlist_of(service, address), "a segment")
    expect(review.locator("[data-is=live-bar][data-edge=true]")).to_be_visible(
        timeout=PATIENCE_MS
    )
    wait_until(review, lambda: review.evaluate(TIME) > 1)
    before_s = review.evaluate(TIME)
    wait_until(review, lambda: review.evaluate(TIME) > before_s + 3)
    review.keyboard.press("1")
    service.wait_until(
        lambda: service.get(f"/videos/{video_id}/events")["items"], "a tag"
    )
    picture(review, "camera-review")
    stream = service.get(address)
    assert stream["facts"]["codec"] in ("vp8", "vp9", "h264")
    assert stream["steps"] > 30
    assert stream["gaps"] == []

    # What was sent until then is seen: the stream ends with its last picture.
    row.get_by_role("button", name="Stop Training").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    expect(row.locator("[data-is=state]")).to_have_text("ended", timeout=PATIENCE_MS)
    picture(page, "camera-ended")
    file = tmp_path / "camera.mp4"
    file.write_bytes(service.client.get(f"/videos/{video_id}/file").content)
    facts = probe_in_child(file)
    assert facts.duration_s == pytest.approx(stream["edge_s"], abs=15)
    assert facts.duration_s > 5

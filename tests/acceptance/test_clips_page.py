"""Clips on the page: events ticked and cut in a review, then watched in the list."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Page, expect

from app.jobs.tables import JobStatus
from tests.acceptance.review_service import (
    FPS,
    SUGGESTED,
    ReviewService,
    open_context,
    open_review,
    select,
)
from tests.acceptance.test_review_view import AXE, NARROW, RUN_AXE, WIDE
from tests.integration.rendering import media_worker, run
from tests.services import missing

pytestmark = pytest.mark.costly

PLAYED = """async (player) => {
  player.muted = true;
  await player.play();
  await new Promise((resolve, reject) => {
    player.onended = resolve;
    player.onerror = () => reject(new Error(player.error.message));
  });
  return [player.duration, player.videoWidth, player.error];
}"""


def render(review: ReviewService, clip: dict[str, Any]) -> JobStatus | None:
    """Do what a media worker does."""
    service = review.api.service
    worker = media_worker(
        service.settings, service.sessions, service.storage, service.notifier
    )
    # Playwright runs a loop of asyncio in this thread.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run, UUID(clip["job_id"]), worker).result()


def newest(review: ReviewService) -> dict[str, Any]:
    clip: dict[str, Any] = review.api.client.get("/clips").json()["items"][0]
    return clip


def test_ticked_events_are_cut_played_and_deleted(
    reviewer: Page, review: ReviewService
) -> None:
    open_review(reviewer, review.match())
    rows = reviewer.locator(".event-row")

    select(reviewer, SUGGESTED[0])
    reviewer.keyboard.press("m")
    rows.nth(4).locator(".tick").click()
    rows.nth(1).locator(".tick").click()
    rows.nth(1).locator(".tick").click()
    ticked = [rows.nth(n).get_attribute("aria-checked") for n in range(5)]
    assert ticked == ["true", "false", "false", "false", "true"]
    reviewer.get_by_role("button", name="Cut clips (2)").click()
    dialog = reviewer.locator("#cut-dialog")
    expect(dialog.get_by_role("status")).to_have_text("2 events")
    dialog.get_by_label("Seconds before").fill("-1")
    dialog.get_by_role("button", name="Cut", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("from 0 to 600")
    dialog.get_by_label("Seconds before").fill("0,5")
    dialog.get_by_label("Seconds after").fill("1")
    dialog.locator("[name=mode]").select_option("smart")
    dialog.get_by_role("button", name="Cut", exact=True).click()
    dialog.get_by_role("link", name="Show all clips").click()

    row = reviewer.locator(".clip-row")
    expect(row).to_contain_text("Cup final")
    expect(row).to_contain_text("Waiting")
    expect(row.get_by_role("button", name="Cancel")).to_be_visible()
    assert render(review, newest(review)) is JobStatus.SUCCEEDED
    expect(row).to_contain_text("Ready")
    expect(row).to_contain_text("borders encoded")
    clip = newest(review)
    assert [one["type"] for cut in clip["cuts"] for one in cut["events"]] == [
        *("PASS", "SHOT")
    ]
    with reviewer.expect_download() as downloaded:
        row.get_by_role("link", name="Download").click()
    assert downloaded.value.path().read_bytes()[4:8] == b"ftyp"
    row.get_by_role("button", name="Play").click()
    length_s, width, error = reviewer.locator("dialog video").evaluate(PLAYED)
    assert length_s == pytest.approx(clip["length_s"], abs=0.1)
    assert clip["length_s"] == pytest.approx(2 * (1.5 + 1 / FPS), abs=0.01)
    assert (width, error) == (clip["file"]["width"], None)
    reviewer.get_by_role("button", name="Close").click()
    row.get_by_role("button", name="Delete").click()
    reviewer.locator("dialog").get_by_role("button", name="Delete").click()
    expect(reviewer.get_by_text("There are no clips yet.")).to_be_visible()


@pytest.mark.parametrize(
    ("scheme", "size"),
    [("light", WIDE), ("dark", NARROW)],
    ids=["light-wide", "dark-narrow"],
)
def test_axe_finds_nothing_and_all_of_it_fits(
    browser: Browser, review: ReviewService, scheme: Any, size: Any
) -> None:
    if not AXE.exists():
        missing("axe-core is not installed: sh scripts/node.sh")
    review.api.forget_all()
    context = open_context(browser, review.api.url, viewport=size, color_scheme=scheme)
    page = context.new_page()
    video_id = review.match()
    open_review(page, video_id)
    page.evaluate(AXE.read_text())
    overflow = "document.documentElement.scrollWidth - innerWidth"

    select(page, SUGGESTED[0])
    page.keyboard.press("m")
    assert page.evaluate(RUN_AXE) == []
    page.locator("[data-is=cut]").click()
    assert page.evaluate(RUN_AXE) == []
    assert page.evaluate(overflow) <= 0
    page.locator("#cut-dialog").get_by_role("button", name="Cut", exact=True).click()
    expect(page.get_by_role("link", name="Show all clips")).to_be_visible()
    assert page.evaluate(RUN_AXE) == []
    done = newest(review)
    render(review, done)
    address = f"/videos/{video_id}/clips"
    review.api.client.post(address, json={"form": "zip"})
    review.api.client.post(f"/jobs/{newest(review)['job_id']}/cancel")
    review.api.client.post(address, json={})
    page.get_by_role("link", name="Show all clips").click()
    expect(page.locator(".clip-row")).to_have_count(3)
    assert page.evaluate(RUN_AXE) == []
    assert page.evaluate(overflow) <= 0
    page.get_by_role("button", name="Play").click()
    assert page.evaluate(RUN_AXE) == []
    context.close()

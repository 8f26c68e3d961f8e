"""The served playlist in the player that most web pages use: hls.js, in Chromium."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.acceptance.live_service import FPS
from tests.acceptance.page_service import wait_until
from tests.acceptance.review_service import ReviewService, shown_frame
from tests.acceptance.test_live_page import HISTORY_S, TIME, browser, live, playing
from tests.services import missing

__all__ = ["browser", "live"]

pytestmark = [pytest.mark.slow, pytest.mark.costly]

HLS_JS = Path(__file__).resolve().parents[2] / "node_modules/hls.js/dist/hls.min.js"
HOLE_S = 10.0

PLAY = """(address) => {
  document.body.innerHTML = '<video muted></video>';
  const player = document.querySelector('video');
  globalThis.problems = [];
  globalThis.player = new globalThis.Hls({ enableWorker: false });
  globalThis.player.on(globalThis.Hls.Events.ERROR, (_, told) => {
    if (told.fatal) globalThis.problems.push(told.details);
  });
  globalThis.player.loadSource(address);
  globalThis.player.attachMedia(player);
}"""
SEEK = "(time) => { document.querySelector('video').currentTime = time; }"
LEVEL = "globalThis.player.levels[0]?.details"


@pytest.fixture
def hls(live: Page) -> Page:
    """A page with hls.js and nothing of ours."""
    if not HLS_JS.is_file():
        missing("hls.js is not installed: sh scripts/node.sh")
    live.goto("/#/live")
    live.evaluate(HLS_JS.read_text())
    return live


def told(page: Page, name: str) -> Any:
    """Read what the player knows of the playlist."""
    return page.evaluate(f"{LEVEL}?.{name}")


def goes_to(page: Page, time_s: float, frame: int) -> None:
    """Seek, and wait until that frame is shown."""
    page.evaluate(SEEK, time_s)
    wait_until(page, lambda: shown_frame(page) == frame)


def test_hls_js_plays_a_recording_that_grows_at_the_times_of_events(
    hls: Page, review: ReviewService
) -> None:
    with playing(review) as match:
        match.miss(HOLE_S, "reconnected")
        match.go_on(HISTORY_S + HOLE_S + 8)
        hls.evaluate(PLAY, f"/live/{match.video_id}/hls/index.m3u8")
        wait_until(hls, lambda: bool(told(hls, "live")))
        before_s = told(hls, "totalduration")

        # It would begin in the hole, and stay there for good.
        wait_until(hls, lambda: shown_frame(hls) >= 30 * FPS)
        goes_to(hls, 3.02, round(3 * FPS))
        hls.evaluate(SEEK, 25.0)
        hls.wait_for_timeout(300)
        goes_to(hls, 35.02, round(35 * FPS))
        match.go_on(HISTORY_S + HOLE_S + 16)
        wait_until(hls, lambda: told(hls, "totalduration") >= before_s + 8)
        goes_to(hls, 44.02, round(44 * FPS))
        wall = hls.evaluate("globalThis.player.playingDate?.toISOString()")

    began_at = review.api.client.get(f"/live/{match.video_id}").json()["began_at"]
    assert wall is not None
    assert began_at is not None
    wait_until(hls, lambda: told(hls, "live") is False)  # ENDLIST
    assert hls.evaluate("globalThis.problems") == []
    assert hls.evaluate(TIME) == pytest.approx(44.02, abs=0.05)

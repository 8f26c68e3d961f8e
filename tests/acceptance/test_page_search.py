"""The search over all matches in a browser: by keys, to the very frame."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Download, Page, expect

from tests.acceptance.page_service import SHOWN_FRAME, wait_until
from tests.acceptance.review_service import ReviewService, open_context, told_frame
from tests.videos import COLUMNS, ROWS

MARGINS = {"lead": 1.0, "lag": 0.5}
# Notes which frame is on screen whenever the page begins to play.
NOTE_STARTS = f"""
window.starts = [];
const play = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () {{
  window.starts.push(({SHOWN_FRAME})([{COLUMNS}, {ROWS}]));
  return play.call(this);
}};
if (location.protocol === 'http:') {{
  localStorage.setItem('touchline_search_margins', '{json.dumps(MARGINS)}');
}}
"""


PLAY_SLOWLY = """() => {
  const { play } = HTMLMediaElement.prototype;
  HTMLMediaElement.prototype.play = function () {
    this.playbackRate = 0.1;
    return play.call(this);
  };
}"""


@pytest.fixture(scope="module")
def matches(review: ReviewService) -> list[UUID]:
    """Two matches with the same events, the first first; nothing else is there."""
    review.api.forget_all()
    return [review.match(title=title) for title in ("Semi final", "Cup final")]


@pytest.fixture
def page(
    browser: Browser, review: ReviewService, matches: list[UUID]
) -> Iterator[Page]:
    """A page that notes what it plays; an error of a script fails the test."""
    assert len(matches) == 2
    context = open_context(browser, review.api.url)
    context.add_init_script(NOTE_STARTS)
    errors: list[str] = []
    context.on("weberror", lambda error: errors.append(str(error.error)))
    yield context.new_page()
    context.close()
    assert errors == []


def test_hits_are_played_one_after_another_each_from_its_first_frame(
    page: Page,
) -> None:
    page.goto("/#/search")
    expect(page.locator("#hits li")).to_have_count(10)
    page.get_by_label("Type", exact=True).fill("SHOT")
    page.keyboard.press("Enter")
    expect(page.locator("#hits li")).to_have_count(2)
    expect(page.locator("#hits li").first).to_contain_text("Cup final")
    page.locator("h1").click()  # The keys are the page's, not the field's.

    page.keyboard.press("n")

    wait_until(page, lambda: page.evaluate("window.starts.length") == 2)
    assert page.evaluate("window.starts") == [270, 270]  # a second before frame 300
    expect(page.locator("[data-is=place]")).to_have_text("2 of 2")
    expect(page.locator("#hits li").last).to_have_class("is-played")
    page.locator("#hits button").last.click()  # The keys stay the player's.
    page.evaluate(PLAY_SLOWLY)  # so that it is not over before the key is pressed
    page.keyboard.press("p")
    expect(page.locator("[data-is=place]")).to_have_text("1 of 2")
    wait_until(
        page, lambda: not page.evaluate("document.querySelector('video').paused")
    )
    page.keyboard.press("Space")
    wait_until(page, lambda: page.evaluate("document.querySelector('video').paused"))
    assert set(page.evaluate("window.starts")) == {270}
    expect(page.locator("[data-is=place]")).to_have_text("1 of 2")


@pytest.mark.costly
def test_single_keys_that_are_switched_off_are_off_here_too(page: Page) -> None:
    page.add_init_script("localStorage.setItem('touchline_keys', '{\"isOn\": false}')")
    page.goto("/#/search")
    expect(page.locator("#hits li")).to_have_count(10)

    page.keyboard.press("n")
    page.keyboard.press("Space")
    page.wait_for_timeout(300)

    expect(page.locator("[data-is=place]")).to_have_text("")
    page.get_by_role("button", name="Next hit (N)").click()
    expect(page.locator("[data-is=place]")).to_have_text("1 of 10")


@pytest.mark.costly
def test_a_sequence_is_built_saved_handed_on_and_deleted(
    page: Page, review: ReviewService
) -> None:
    page.goto("/#/search")
    page.get_by_label("A sequence").check()
    steps = page.get_by_label("Types, one after another", exact=True)
    steps.focus()
    page.keyboard.type("PASS")
    page.keyboard.press("Enter")
    expect(page.get_by_text("A sequence has two types at least")).to_be_visible()
    page.keyboard.type("SHOT")
    page.keyboard.press("Enter")
    expect(page.locator("#hits li")).to_have_count(2)
    expect(page.locator("#hits li").first).to_contain_text("PASS → SHOT")

    page.locator("#save-search").click()
    expect(page.get_by_role("textbox", name="Name")).to_be_focused()
    page.keyboard.type("Shots")
    page.keyboard.press("Enter")
    expect(page.locator("#saved li")).to_have_text(["Shots⋯"])
    rows = list(csv.reader(io.StringIO(loaded(page, "Export CSV").read_text())))
    assert [row[6] for row in rows] == ["type", *(["PASS", "SHOT"] * 2)]
    playlist = loaded(page, "Playlist").read_text().splitlines()
    assert sum(line.startswith("#EXTINF") for line in playlist) == 2

    page.get_by_role("button", name="Cut reel").click()
    dialog = page.locator("#cut-dialog")
    expect(dialog).to_contain_text("2 sequences, each shown whole")
    expect(dialog.get_by_label("Seconds before")).to_have_value("1")  # as MARGINS
    expect(dialog.get_by_label("Seconds after")).to_have_value("0.5")
    dialog.get_by_role("button", name="Cut", exact=True).click()
    expect(dialog.get_by_role("link").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    (clip,) = review.api.client.get("/clips").json()["items"]
    shown = [[event["type"] for event in cut["events"]] for cut in clip["cuts"]]
    assert shown == [["PASS", "SHOT"]] * 2

    page.get_by_label("Within").fill("2")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing is found.")).to_be_visible()
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_role("button", name="Save changes")).to_have_count(0)
    page.goto("/#/search?")
    expect(page.locator("#hits li")).to_have_count(10)
    page.get_by_role("button", name="Shots", exact=True).click()
    expect(page.get_by_text("Nothing is found.")).to_be_visible()
    expect(page.get_by_label("Within")).to_have_value("2")
    choose(page, "Rename")
    page.get_by_role("textbox", name="Name").fill("Quick shots")
    page.keyboard.press("Enter")
    expect(page.locator("#saved li")).to_have_text(["Quick shots⋯"])
    choose(page, "Delete")
    page.locator("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator("#saved li")).to_have_count(0)


def loaded(page: Page, name: str) -> Path:
    """Press a button that saves a file, and give the file."""
    with page.expect_download() as waiting:
        page.get_by_role("button", name=name).click()
    download: Download = waiting.value
    return Path(download.path())


def choose(page: Page, name: str) -> None:
    page.locator("#saved .menu > button").click()
    page.locator("#saved .menu li").get_by_role("button", name=name).click()


def test_a_hit_is_opened_in_review_at_its_frame(
    page: Page, matches: list[UUID]
) -> None:
    page.goto("/#/search?type=SHOT&order=asc")

    page.locator("#hits li").first.get_by_role("link").click()

    expect(page.locator(".review[data-ready=true]")).to_be_visible()
    assert str(matches[0]) in page.url
    wait_until(page, lambda: told_frame(page) == 300)
    wait_until(page, lambda: _shown(page) == 300)


def _shown(page: Page) -> Any:
    return page.evaluate(SHOWN_FRAME, [COLUMNS, ROWS])

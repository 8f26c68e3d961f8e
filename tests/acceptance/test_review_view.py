"""The review view as a whole: layout, accessibility, lanes, thresholds, the list."""

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.acceptance.page_service import wait_until
from tests.acceptance.review_service import (
    FPS,
    GHOST,
    LABELS,
    SUGGESTED,
    ReviewService,
    eventually,
    go_to,
    open_context,
    open_review,
    select,
    told_frame,
)
from tests.services import missing

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
RUN_AXE = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ['violations'] });
  const places = (one) => one.nodes.map((node) => node.html.slice(0, 120));
  return violations.map((one) => `${one.id}: ${places(one).join(' | ')}`);
}"""
WIDE = {"width": 1280, "height": 800}
NARROW = {"width": 380, "height": 800}


@pytest.mark.parametrize(
    ("size", "scheme"),
    [
        pytest.param(WIDE, "light", id="wide-light"),
        pytest.param(NARROW, "dark", id="narrow-dark"),
        pytest.param(WIDE, "dark", id="wide-dark", marks=pytest.mark.nightly),
        pytest.param(NARROW, "light", id="narrow-light", marks=pytest.mark.nightly),
    ],
)
def test_axe_finds_nothing(
    browser: Browser, review: ReviewService, scheme: Any, size: Any
) -> None:
    if not AXE.exists():
        missing("axe-core is not installed: sh scripts/node.sh")
    review.api.forget_all()
    context = open_context(browser, review.api.url, viewport=size, color_scheme=scheme)
    page = context.new_page()
    open_review(page, review.match())
    page.evaluate(AXE.read_text())
    select(page, 100)
    page.keyboard.press("Enter")

    for tab in ("events", "check", "thresholds", "options"):
        page.locator(f"#tab-{tab}").click()
        page.wait_for_timeout(200)
        assert page.evaluate(RUN_AXE) == [], tab
    page.keyboard.press("?")
    expect(page.locator("#keys-dialog")).to_be_visible()
    assert page.evaluate(RUN_AXE) == []
    context.close()


@pytest.mark.costly
def test_player_lanes_and_list_are_on_one_screen(
    reviewer: Page, review: ReviewService
) -> None:
    open_review(reviewer, review.match())

    for name in ("[data-is=player]", "[data-is=lanes]", "[data-is=minimap]", ".rows"):
        box = reviewer.locator(name).bounding_box()
        assert box is not None
        assert box["height"] > 30
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= WIDE["height"] + 1, name
    overflow = "document.documentElement.scrollHeight - innerHeight"
    assert reviewer.evaluate(overflow) <= 0


@pytest.mark.costly
def test_a_narrow_page_has_everything_and_no_sideways_scrolling(
    browser: Browser, review: ReviewService
) -> None:
    review.api.forget_all()
    context = open_context(browser, review.api.url, viewport=NARROW)
    page = context.new_page()
    open_review(page, review.match())
    select(page, 45)

    page.locator(".inspector [data-action=accept]").click()

    expect(page.locator("[data-is=state]")).to_have_text("Accepted")
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    context.close()


@pytest.mark.costly
def test_a_title_with_html_in_it_is_text(reviewer: Page, review: ReviewService) -> None:
    title = '<img src=x onerror="document.title = 1">Final & <b>more</b>'
    open_review(reviewer, review.match(title=title))

    expect(reviewer.locator("[data-is=title]")).to_have_text(title)
    assert reviewer.locator("[data-is=title] *").count() == 0


def _lane_point(page: Page, lane: int, frame: int) -> tuple[float, float]:
    """Find where an event of a frame is in a lane, with the whole match shown."""
    box = page.locator("[data-is=lanes]").bounding_box()
    assert box is not None
    count = len(LABELS)
    height = (box["height"] - 20) / count
    duration = 600 / FPS
    x = box["x"] + box["width"] * (frame / FPS) / duration
    return x, box["y"] + 20 + height * (lane + 0.5)


@pytest.mark.costly
def test_dragging_moves_an_event_and_a_click_selects_or_seeks(
    reviewer: Page, review: ReviewService
) -> None:
    video_id = review.match()
    open_review(reviewer, video_id)
    x, y = _lane_point(reviewer, LABELS.index("SHOT"), 300)

    reviewer.mouse.click(x, y)
    expect(reviewer.locator("#event-frame")).to_have_value("300")
    reviewer.mouse.move(x, y)
    reviewer.mouse.down()
    reviewer.mouse.move(x + 20, y, steps=5)
    reviewer.mouse.move(x + 40, y, steps=5)
    reviewer.mouse.up()

    def shots() -> list[int]:
        events = review.events(video_id)
        return [one["frame"] for one in events if one["type"] == "SHOT"]

    wait_until(reviewer, lambda: shots() != [300])
    (moved,) = shots()
    assert 315 <= moved <= 355
    assert told_frame(reviewer) == moved
    x, y = _lane_point(reviewer, LABELS.index("DRIVE"), 500)
    reviewer.mouse.click(x, y)
    wait_until(reviewer, lambda: abs(told_frame(reviewer) - 500) <= 2)


@pytest.mark.costly
def test_buttons_and_fields_do_what_dragging_does(
    reviewer: Page, review: ReviewService
) -> None:
    video_id = review.match()
    open_review(reviewer, video_id)
    select(reviewer, 300)
    field = reviewer.locator("#event-frame")

    reviewer.locator(".frame-set [data-action=nudge-forward]").click()
    expect(field).to_have_value("301")
    field.fill("333")
    field.press("Enter")
    eventually(reviewer, lambda: review.states(video_id).get(333), "edited")
    go_to(reviewer, 340)
    reviewer.locator("[data-action=move-here]").click()

    eventually(reviewer, lambda: review.states(video_id).get(340), "edited")


@pytest.mark.costly
def test_a_threshold_is_seen_at_once_and_can_be_saved(
    reviewer: Page, review: ReviewService
) -> None:
    video_id = review.match()
    open_review(reviewer, video_id)
    title = reviewer.locator("[data-is=events-title]")
    expect(title).to_have_text(f"{len(SUGGESTED)} events, 1 ghost")
    reviewer.locator("#tab-thresholds").click()

    reviewer.locator("input[data-type=SHOT]").fill("0.2")
    reviewer.locator("input[data-type=PASS]").fill("0.6")
    reviewer.locator("#tab-events").click()
    expect(title).to_have_text(f"{len(SUGGESTED)} events, 1 ghost")
    ghost = reviewer.locator("[data-is=events] [data-state=ghost]")
    expect(ghost).to_have_attribute("data-frame", "220")
    assert GHOST not in review.states(video_id)
    reviewer.locator("#tab-thresholds").click()
    reviewer.locator("[data-is=save-thresholds]").click()

    eventually(reviewer, lambda: review.states(video_id).get(GHOST), "suggested")
    assert 220 not in review.states(video_id)


@pytest.mark.costly
def test_what_was_played_with_its_decisions_made_is_reviewed(
    browser: Browser, review: ReviewService
) -> None:
    review.api.forget_all()
    prefs = '{"plays": false, "advances": false}'
    context = open_context(browser, review.api.url, prefs=prefs)
    page = context.new_page()
    video_id = review.match()
    open_review(page, video_id)
    select(page, 45)
    page.keyboard.press("Enter")
    page.keyboard.press("Home")
    # A busy page shows few frames of a second: of these, those of a slow play are near
    # enough to one another for all between them to count as seen. Nor is it told
    # meanwhile what was seen, as every ten seconds.
    page.locator("[data-is=speed]").select_option("0.25")
    page.evaluate("performance.now = () => 0")

    page.keyboard.press("Space")
    wait_until(page, lambda: told_frame(page) > 105)
    page.keyboard.press("Space")
    select(page, 300)
    page.keyboard.press("x")

    def reviewed() -> list[Any]:
        answer = review.api.client.get(f"/videos/{video_id}/reviewed").json()
        return [(one["from_s"], one["to_s"]) for one in answer["intervals"]]

    wait_until(page, lambda: bool(reviewed()))
    ((start, end),) = reviewed()
    assert start < 0.5
    assert end == pytest.approx(1.5, abs=0.1)  # the event at 100 is not decided
    context.close()


@pytest.mark.costly
def test_a_stretch_can_be_marked_as_reviewed_by_hand(
    reviewer: Page, review: ReviewService
) -> None:
    video_id = review.match()
    open_review(reviewer, video_id)

    reviewer.locator("[data-action=reviewed]").click()

    def share() -> float:
        answer = review.api.client.get(f"/videos/{video_id}/reviewed").json()
        return float(sum(one["to_s"] - one["from_s"] for one in answer["intervals"]))

    wait_until(reviewer, lambda: share() > 19)
    reviewer.locator("[data-action=reviewed]").click()
    wait_until(reviewer, lambda: share() == 0)


@pytest.mark.costly
def test_tagging_from_nothing(reviewer: Page, review: ReviewService) -> None:
    types = [{"name": "TACKLE", "key": "4"}, {"name": "SAVE", "key": "7"}]
    review.api.client.put("/types", json={"items": types}).raise_for_status()
    with review.draw().open("rb") as file:
        answer = review.api.client.post(
            "/videos", files={"file": file}, data={"model": "none"}
        )
    video_id = answer.json()["id"]
    review.probe(video_id)
    open_review(reviewer, video_id)

    for frame, key in ((40, "4"), (90, "7")):
        go_to(reviewer, frame)
        reviewer.keyboard.press(key)

    def added() -> list[tuple[str, int]]:
        return [(one["type"], one["frame"]) for one in review.events(video_id)]

    eventually(reviewer, added, [("TACKLE", 40), ("SAVE", 90)])
    review.api.client.put("/types", json={"items": []})


@pytest.mark.costly
def test_a_long_match_keeps_few_rows_and_finds_each(
    reviewer: Page, review: ReviewService
) -> None:
    video_id = review.upload(review.draw())
    spots = [(frame, LABELS[frame % 3], 0.6) for frame in range(5, 595, 1)]
    review.analyse(video_id, spots)
    open_review(reviewer, video_id)
    rows = reviewer.locator("[data-is=events] [role=option]")
    count = len(review.events(video_id, limit=1000))

    expect(rows.first).to_have_attribute("aria-setsize", str(count))
    assert rows.count() < 60
    reviewer.locator("[data-is=events]").evaluate("list => list.scrollTop = 1e7")

    last = reviewer.locator(f"[data-is=events] [aria-posinset='{count}']")
    expect(last).to_be_visible()
    assert rows.count() < 60


def test_timings_are_kept_only_if_wanted(reviewer: Page, review: ReviewService) -> None:
    video_id = review.match()
    open_review(reviewer, video_id)
    select(reviewer, 45)
    reviewer.keyboard.press("Enter")
    stored = "JSON.parse(localStorage.getItem('touchline_timings') ?? '{}')"
    before = reviewer.evaluate(stored)

    reviewer.locator("#tab-options").click()
    reviewer.locator("[data-is=timings]").check()
    reviewer.locator("#tab-events").click()
    for frame in (100, 220):
        select(reviewer, frame)
        reviewer.keyboard.press("x")

    after = reviewer.evaluate(stored)
    assert before.get("decisions", 0) == 0
    assert after["decisions"] == 2
    assert len(after["lastS"]) == 1
    assert json.dumps(after)

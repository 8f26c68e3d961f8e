"""What a reviewer sets: thresholds that others set, too, the target, reaction time."""

import shutil
from pathlib import Path
from uuid import UUID

import pytest
from playwright.sync_api import Page, Request, expect

from model.checkpoint.archive import Checkpoint
from tests.acceptance.page_service import wait_until
from tests.acceptance.review_service import (
    ReviewService,
    apart,
    eventually,
    go_to,
    keep_streams_out,
    open_review,
    select,
)

pytestmark = pytest.mark.costly

LATE_FRAMES = 9


def test_thresholds_that_a_colleague_saved_are_shown_before_they_are_replaced(
    reviewer: Page, review: ReviewService
) -> None:
    video_id = review.match()
    path = f"/videos/{video_id}/thresholds"
    keep_streams_out(reviewer)
    open_review(reviewer, video_id)
    reviewer.locator("#tab-thresholds").click()
    shot = reviewer.locator("input[data-type=SHOT]")
    shot.fill("0.2")
    save = reviewer.locator("[data-is=save-thresholds]")
    with apart(reviewer, video_id):
        theirs = review.api.client.put(path, json={"thresholds": {"PASS": 0.6}})
        assert theirs.status_code == 200

        save.click()

        said = reviewer.get_by_text("Somebody else saved thresholds meanwhile")
        expect(said.first).to_be_visible()
    expect(reviewer.locator("input[data-type=PASS]")).to_have_value("0.6")
    expect(shot).to_have_value("0.2")
    assert _saved(review, path) == {"PASS": 0.6}
    save.click()
    eventually(reviewer, lambda: _saved(review, path), {"PASS": 0.6, "SHOT": 0.2})


def test_thresholds_of_a_video_are_forgotten_by_a_double_click_once(
    reviewer: Page, review: ReviewService
) -> None:
    video_id = review.match()
    path = f"/videos/{video_id}/thresholds"
    review.api.client.put(path, json={"thresholds": {"PASS": 0.6}})
    open_review(reviewer, video_id)
    reviewer.locator("#tab-thresholds").click()
    asked: list[Request] = []
    reviewer.on("request", lambda one: asked.append(one))

    reviewer.get_by_role("button", name="Forget this video's").dblclick()
    eventually(reviewer, lambda: _saved(review, path), {})
    reviewer.wait_for_timeout(300)

    assert [one.method for one in asked].count("PUT") == 1
    expect(reviewer.locator("#trouble")).to_be_hidden()


def test_thresholds_are_saved_for_the_model_and_all_its_videos(
    reviewer: Page, review: ReviewService, checkpoint: Path
) -> None:
    models = review.api.data_dir / "models"
    models.mkdir(exist_ok=True)
    installed = shutil.copy(checkpoint, models / "drawn.touchline")
    files = Checkpoint.open(Path(installed)).manifest.files
    weights = files["weights.safetensors"].sha256
    video_id = review.match(weights=weights)
    other = review.match(weights=weights, title="Another match")
    open_review(reviewer, video_id)
    reviewer.locator("#tab-thresholds").click()

    reviewer.locator("input[data-type=PASS]").fill("0.8")
    reviewer.locator(".thresholds select").select_option("model")
    reviewer.locator("[data-is=save-thresholds]").click()

    eventually(
        reviewer,
        lambda: _saved(review, f"/videos/{other}/thresholds", of="model"),
        {"PASS": 0.8},
    )
    assert _saved(review, f"/videos/{video_id}/thresholds") == {}


def test_another_target_gives_another_estimate_of_the_work(
    reviewer: Page, review: ReviewService
) -> None:
    open_review(reviewer, review.match())
    reviewer.locator("#tab-check").click()
    minutes = reviewer.locator("[data-is=minutes]")
    target = reviewer.locator("[data-is=target]")

    target.fill("50")
    target.press("Enter")
    expect(minutes).to_contain_text("reached")
    target.fill("100")
    target.press("Enter")

    expect(minutes).not_to_contain_text("reached")
    reviewer.reload()
    reviewer.locator("#tab-check").click()
    expect(target).to_have_value("100")


def test_the_reaction_time_is_learnt_from_events_that_are_nudged(
    reviewer: Page, review: ReviewService
) -> None:
    """Five events are tagged while the video plays, each moved back by nine frames."""
    video_id = review.match()
    open_review(reviewer, video_id)
    for moment in (20, 170, 250, 350, 480):
        _tag_late(reviewer, review, video_id, moment)
    reviewer.locator("#tab-options").click()
    learnt = reviewer.get_by_text("Learnt from")
    go_to(reviewer, 30)
    reviewer.keyboard.press("1")  # the last of them has been moved by now

    expect(learnt).to_be_visible()


def _tag_late(page: Page, review: ReviewService, video_id: UUID, moment: int) -> None:
    before = set(review.states(video_id))
    go_to(page, moment)
    page.keyboard.press("Space")
    page.wait_for_timeout(200)
    page.keyboard.press("1")
    page.keyboard.press("Space")
    wait_until(page, lambda: len(set(review.states(video_id)) - before) == 1)
    (tagged,) = set(review.states(video_id)) - before
    select(page, tagged)
    for _ in range(LATE_FRAMES):
        page.keyboard.press("[")
    wait_until(page, lambda: tagged - LATE_FRAMES in review.states(video_id))


def _saved(review: ReviewService, path: str, *, of: str = "video") -> dict[str, float]:
    types = review.api.client.get(path).json()["types"]
    return {one["type"]: one[of] for one in types if one[of] is not None}


def test_the_way_back_is_the_browsers_on_a_tab_of_panels_too(
    reviewer: Page, review: ReviewService
) -> None:
    open_review(reviewer, review.match())
    tab = reviewer.locator("#tab-events")
    tab.focus()

    taken = reviewer.evaluate(
        "() => !document.activeElement.dispatchEvent(new KeyboardEvent('keydown',"
        " {key: 'ArrowLeft', altKey: true, bubbles: true, cancelable: true}))"
    )

    assert taken is False
    expect(tab).to_have_attribute("aria-selected", "true")
    reviewer.keyboard.press("ArrowLeft")
    expect(reviewer.locator("#tab-options")).to_have_attribute("aria-selected", "true")


def test_enter_that_chooses_a_word_of_an_input_method_leaves_the_field_open(
    reviewer: Page, review: ReviewService
) -> None:
    open_review(reviewer, review.match())
    select(reviewer, 100)
    field = reviewer.locator("#event-player")
    field.fill("みな")

    field.evaluate(
        "field => field.dispatchEvent(new KeyboardEvent('keydown',"
        " {key: 'Enter', isComposing: true, bubbles: true}))"
    )

    expect(field).to_be_focused()

"""What a person writes or presses while the page changes under their hands."""

from uuid import UUID

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.acceptance.page_service import wait_until
from tests.acceptance.review_service import (
    SUGGESTED,
    ReviewService,
    apart,
    eventually,
    go_to,
    keep_streams_out,
    open_context,
    open_review,
    select,
    settle,
    told_frame,
)

PLAYING = '{"lead": 0.5, "advances": false, "marks": false}'


def _player(review: ReviewService, video_id: UUID, frame: int) -> object:
    found = [
        one for one in review.events(video_id, state="all") if one["frame"] == frame
    ]
    return found[0]["attributes"].get("player") if found else None


def test_a_player_is_written_while_the_event_is_on_its_way(
    reviewer: Page, review: ReviewService
) -> None:
    video_id = review.match()
    held: list[Route] = []

    def hold(route: Route) -> None:
        if route.request.method == "POST":
            held.append(route)
        else:
            route.continue_()

    reviewer.route("**/videos/*/events", hold)
    open_review(reviewer, video_id)
    go_to(reviewer, 350)

    reviewer.keyboard.press("1")
    reviewer.keyboard.press("e")
    reviewer.keyboard.type("Nor")
    wait_until(reviewer, lambda: bool(held))
    held.pop().continue_()
    eventually(reviewer, lambda: review.states(video_id).get(350), "added")
    expect(reviewer.locator("[data-is=unsent]")).to_have_text("All saved")
    reviewer.keyboard.type("a12")
    reviewer.keyboard.press("Enter")

    eventually(reviewer, lambda: _player(review, video_id, 350), "Nora12")
    assert [one["type"] for one in review.events(video_id, state="added")] == ["PASS"]


@pytest.mark.costly
def test_a_player_is_written_while_the_match_plays_on(
    browser: Browser, review: ReviewService
) -> None:
    review.api.forget_all()
    video_id = review.match()
    context = open_context(browser, review.api.url, prefs=PLAYING)
    page = context.new_page()
    open_review(page, video_id)

    page.keyboard.press("n")
    page.keyboard.press("e")
    page.keyboard.type("Nor")
    wait_until(page, lambda: told_frame(page) > SUGGESTED[1] + 5)
    page.keyboard.type("a12")
    page.keyboard.press("Enter")

    eventually(page, lambda: _player(review, video_id, SUGGESTED[0]), "Nora12")
    assert _player(review, video_id, SUGGESTED[1]) is None
    assert review.events(video_id, state="added") == []
    context.close()


@pytest.mark.costly
@pytest.mark.parametrize("is_on_button", [False, True], ids=["anywhere", "on-button"])
def test_a_key_that_is_held_decides_once(
    reviewer: Page, review: ReviewService, *, is_on_button: bool
) -> None:
    video_id = review.match()
    reviewer.add_init_script(
        "localStorage.setItem('touchline_review',"
        ' \'{"plays": false, "advances": true, "marks": false}\')'
    )
    open_review(reviewer, video_id)
    select(reviewer, SUGGESTED[0])
    if is_on_button:
        reviewer.get_by_role("button", name="Accept", exact=True).focus()

    for _ in range(4):  # the second and later ones are the keyboard's own
        reviewer.keyboard.down("Enter")
    reviewer.keyboard.up("Enter")
    settle(reviewer, SUGGESTED[1])
    for _ in range(3):
        reviewer.keyboard.down(".")
    reviewer.keyboard.up(".")
    settle(reviewer, SUGGESTED[1] + 3)

    eventually(reviewer, lambda: review.states(video_id)[SUGGESTED[0]], "accepted")
    assert review.states(video_id)[SUGGESTED[1]] == "suggested"


@pytest.mark.costly
def test_enter_pressed_on_does_not_answer_which_word_counts(
    browser: Browser, review: ReviewService
) -> None:
    review.api.forget_all()
    video_id = review.match()
    context = open_context(browser, review.api.url)
    page = context.new_page()
    keep_streams_out(page)
    open_review(page, video_id)
    event = next(one for one in review.events(video_id) if one["frame"] == 100)
    with apart(page, video_id):
        answer = review.api.client.patch(
            f"/videos/{video_id}/events/{event['id']}",
            json={"frame": 101},
            headers={"if-match": f'"{event["version"]}"'},
        )
        assert answer.status_code == 200

        page.locator("[data-is=events] [data-frame='100']").click()
        page.keyboard.press("x")
        dialog = page.locator("#conflict-dialog")
        expect(dialog).to_be_visible()
    page.keyboard.press("Enter")
    page.keyboard.press("Space")

    expect(dialog).to_be_visible()
    page.keyboard.press("Tab")
    assert (
        page.evaluate("document.activeElement.closest('dialog')?.id")
        == "conflict-dialog"
    )
    dialog.locator("[data-is=keep-mine]").click()
    eventually(page, lambda: review.states(video_id).get(101), "rejected")
    context.close()


def test_after_a_choice_with_the_mouse_keys_are_the_reviews(
    reviewer: Page, review: ReviewService
) -> None:
    video_id = review.match()
    open_review(reviewer, video_id)
    select(reviewer, 100)
    types = reviewer.locator("[data-is=type]")

    types.dispatch_event("pointerdown")
    types.focus()
    types.select_option("SHOT")
    expect(types).not_to_be_focused()
    reviewer.keyboard.press("p")
    settle(reviewer, SUGGESTED[0])

    eventually(reviewer, lambda: review.states(video_id)[100], "edited")
    types.focus()
    reviewer.keyboard.press("ArrowDown")  # who chooses by keys goes on with them
    expect(types).to_be_focused()


def test_what_is_being_written_is_kept_when_the_page_is_left(
    reviewer: Page, review: ReviewService
) -> None:
    video_id = review.match()
    open_review(reviewer, video_id)
    select(reviewer, 100)
    reviewer.keyboard.press("e")
    reviewer.keyboard.type("Nora")

    reviewer.evaluate("location.hash = '#/'")
    eventually(reviewer, lambda: _player(review, video_id, 100), "Nora")
    open_review(reviewer, video_id)
    select(reviewer, 220)
    reviewer.keyboard.press("e")
    reviewer.keyboard.type("Ida")
    reviewer.reload()

    eventually(reviewer, lambda: _player(review, video_id, 220), "Ida")

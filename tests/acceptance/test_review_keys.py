"""What the keys of the review view do, on a real service."""

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.review_service import (
    GHOST,
    SUGGESTED,
    ReviewService,
    eventually,
    go_to,
    open_review,
    select,
    settle,
    told_frame,
)


def test_n_and_p_go_from_event_to_event(reviewer: Page, review: ReviewService) -> None:
    open_review(reviewer, review.match())
    reviewer.keyboard.press("g")  # without ghosts

    for key, at in (("n", 0), ("ArrowDown", 1), ("n", 2), ("p", 1), ("ArrowUp", 0)):
        reviewer.keyboard.press(key)
        settle(reviewer, SUGGESTED[at])
    row = reviewer.locator("[data-is=events] [aria-selected=true]")
    expect(row).to_have_attribute("data-frame", str(SUGGESTED[0]))


@pytest.mark.costly
def test_enter_accepts_and_x_rejects(reviewer: Page, review: ReviewService) -> None:
    video_id = review.match()
    open_review(reviewer, video_id)
    select(reviewer, 100)

    reviewer.keyboard.press("Enter")
    eventually(reviewer, lambda: review.states(video_id)[100], "accepted")
    select(reviewer, 220)
    reviewer.keyboard.press("x")

    eventually(reviewer, lambda: review.states(video_id)[220], "rejected")
    row = reviewer.locator("[data-is=events] [data-frame='220']")
    expect(row).to_have_count(0)
    assert review.states(video_id)[45] == "suggested"


@pytest.mark.costly
def test_enter_accepts_a_ghost(reviewer: Page, review: ReviewService) -> None:
    video_id = review.match()
    open_review(reviewer, video_id)
    row = reviewer.locator(f"[data-is=events] [data-frame='{GHOST}']")
    expect(row).to_have_attribute("data-state", "ghost")
    select(reviewer, GHOST)

    reviewer.keyboard.press("Enter")

    eventually(reviewer, lambda: review.states(video_id).get(GHOST), "accepted")
    expect(row).to_have_attribute("data-state", "accepted")


@pytest.mark.costly
def test_brackets_nudge_and_the_picture_follows(
    reviewer: Page, review: ReviewService
) -> None:
    video_id = review.match()
    open_review(reviewer, video_id)
    select(reviewer, 300)

    for key, frame in (
        ("]", 301),
        ("]", 302),
        ("[", 301),
        ("Shift+BracketRight", 306),
        ("Shift+BracketLeft", 301),
    ):
        reviewer.keyboard.press(key)
        settle(reviewer, frame)

    eventually(reviewer, lambda: review.states(video_id).get(301), "edited")
    assert 300 not in review.states(video_id)


@pytest.mark.costly
def test_a_digit_sets_the_type_of_the_event_at_the_playhead_or_adds_one(
    reviewer: Page, review: ReviewService
) -> None:
    video_id = review.match()
    open_review(reviewer, video_id)

    select(reviewer, 300)
    reviewer.keyboard.press("1")
    state = reviewer.locator("[data-is=state]")
    expect(state).to_have_text("Edited")
    go_to(reviewer, 350)
    reviewer.keyboard.press("2")
    expect(state).to_have_text("Added")

    def types() -> dict[int, str]:
        return {one["frame"]: one["type"] for one in review.events(video_id)}

    eventually(reviewer, lambda: types().get(350), "DRIVE")
    assert types()[300] == "PASS"
    assert types()[420] == "DRIVE"  # the nearest others stay as they were


@pytest.mark.costly
def test_t_goes_through_the_teams(reviewer: Page, review: ReviewService) -> None:
    video_id = review.match()
    teams = [{"name": "Arena", "side": "left"}, {"name": "Harbour", "side": "right"}]
    review.api.client.patch(f"/videos/{video_id}", json={"teams": teams})
    open_review(reviewer, video_id)
    select(reviewer, 300)
    field = reviewer.locator("[data-is=team]")
    seen = []

    row = reviewer.locator(".event-row[aria-selected=true] .team")
    for wanted, name in (("left", "Arena"), ("right", "Harbour"), ("", "")):
        reviewer.keyboard.press("t")
        expect(field).to_have_value(wanted)
        expect(row).to_have_text(name)
        seen.append(field.locator("option:checked").inner_text())

    assert seen == ["Arena", "Harbour", "none"]


@pytest.mark.costly
def test_undo_and_redo_walk_through_what_was_decided(
    reviewer: Page, review: ReviewService
) -> None:
    video_id = review.match()
    open_review(reviewer, video_id)
    select(reviewer, 45)
    reviewer.keyboard.press("Enter")
    go_to(reviewer, 350)
    reviewer.keyboard.press("2")
    eventually(reviewer, lambda: review.states(video_id).get(350), "added")

    reviewer.keyboard.press("Control+z")
    eventually(reviewer, lambda: review.states(video_id).get(350), None)
    row = reviewer.locator("[data-is=events] [data-frame='350']")
    expect(row).to_have_count(0)
    reviewer.keyboard.press("Control+z")
    eventually(reviewer, lambda: review.states(video_id)[45], "suggested")
    reviewer.keyboard.press("Control+Shift+z")
    reviewer.keyboard.press("Control+Shift+z")

    eventually(reviewer, lambda: review.states(video_id).get(350), "added")
    assert review.states(video_id)[45] == "accepted"
    expect(row).to_have_count(1)


@pytest.mark.costly
def test_u_goes_to_the_most_doubtful_first(
    reviewer: Page, review: ReviewService
) -> None:
    video_id = review.match()
    plan = review.api.client.get(f"/videos/{video_id}/review").json()
    open_review(reviewer, video_id)
    reviewer.locator("#tab-check").click()
    expect(reviewer.locator("[data-is=precision]")).to_contain_text("%")

    for item in plan["items"]:
        reviewer.keyboard.press("u")
        settle(reviewer, item["frame"])


@pytest.mark.costly
def test_keys_are_listed_and_can_be_changed_and_switched_off(
    reviewer: Page, review: ReviewService
) -> None:
    video_id = review.match()
    open_review(reviewer, video_id)
    reviewer.keyboard.press("?")
    dialog = reviewer.locator("#keys-dialog")
    expect(dialog).to_be_visible()

    accept = dialog.locator("[data-action=accept]")
    expect(accept.locator("kbd")).to_have_text(["Enter"])
    accept.get_by_role("button", name="Change").click()
    reviewer.keyboard.press("q")
    expect(accept.locator("kbd")).to_have_text(["Q"])
    reviewer.keyboard.press("Escape")
    reviewer.reload()
    open_review(reviewer, video_id)
    select(reviewer, 45)
    reviewer.keyboard.press("Enter")
    reviewer.keyboard.press("q")
    eventually(reviewer, lambda: review.states(video_id)[45], "accepted")

    reviewer.keyboard.press("?")
    dialog.locator("[data-is=keys-on]").uncheck()
    reviewer.keyboard.press("Escape")
    select(reviewer, 100)
    reviewer.keyboard.press("x")
    reviewer.keyboard.press(".")
    reviewer.wait_for_timeout(300)

    assert told_frame(reviewer) == 100
    assert review.states(video_id)[100] == "suggested"
    reviewer.locator(".inspector [data-action=reject]").click()
    eventually(reviewer, lambda: review.states(video_id)[100], "rejected")


@pytest.mark.costly
def test_keys_are_letters_in_a_field(reviewer: Page, review: ReviewService) -> None:
    video_id = review.match()
    open_review(reviewer, video_id)
    select(reviewer, 45)
    reviewer.keyboard.press("e")

    reviewer.keyboard.type("x1 next")
    reviewer.keyboard.press("Enter")

    def player() -> object:
        (event,) = [one for one in review.events(video_id) if one["frame"] == 45]
        return event["attributes"].get("player")

    eventually(reviewer, player, "x1 next")
    assert review.states(video_id)[45] == "edited"


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_a_button_with_the_focus_keeps_its_own_keys(
    reviewer: Page, review: ReviewService, key: str
) -> None:
    video_id = review.match()
    open_review(reviewer, video_id)
    select(reviewer, 45)

    reviewer.locator("[data-action=frame-forward]").focus()
    reviewer.keyboard.press(key)

    settle(reviewer, 46)
    assert review.states(video_id)[45] == "suggested"

"""Two pages of one match, a lost connection, a deleted match: nothing said is lost."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.acceptance.page_service import asked_for, wait_until
from tests.acceptance.review_service import (
    ReviewService,
    apart,
    eventually,
    go_to,
    keep_streams_out,
    open_context,
    open_review,
    select,
)


@pytest.fixture
def colleague(browser: Browser, review: ReviewService) -> Iterator[Page]:
    """Another person with a browser of their own, who has told a name."""
    context = open_context(browser, review.api.url)
    context.add_init_script(
        "if (location.protocol === 'http:')"
        " localStorage.setItem('touchline_reviewer', JSON.stringify('Ann Öz'))"
    )
    yield context.new_page()
    context.close()


def row(page: Page, frame: int) -> object:
    """Read the state of the event at a frame, as the list shows it; None: none."""
    found = page.locator(f"[data-is=events] [data-frame='{frame}']")
    # At once: a row that was counted may be gone when it is asked.
    return found.evaluate_all("rows => rows[0]?.dataset.state ?? null")


def test_two_pages_stay_in_step_without_polling(
    reviewer: Page, colleague: Page, review: ReviewService
) -> None:
    video_id = review.match()
    open_review(reviewer, video_id)
    open_review(colleague, video_id)
    polls = asked_for(colleague, f"/videos/{video_id}")

    select(reviewer, 100)
    reviewer.keyboard.press("Enter")
    eventually(colleague, lambda: row(colleague, 100), "accepted")
    reviewer.keyboard.press("]")
    eventually(colleague, lambda: row(colleague, 101), "edited")
    assert row(colleague, 100) is None
    go_to(reviewer, 350)
    reviewer.keyboard.press("3")
    eventually(colleague, lambda: row(colleague, 350), "added")
    reviewer.keyboard.press("Control+z")
    eventually(colleague, lambda: row(colleague, 350), None)
    colleague.wait_for_timeout(6000)

    assert polls == []


@pytest.mark.costly
def test_pages_stay_in_step_by_polling_where_streams_do_not_come_through(
    reviewer: Page, colleague: Page, review: ReviewService
) -> None:
    video_id = review.match()
    colleague.route("**/videos/*/stream*", lambda route: route.abort())
    open_review(reviewer, video_id)
    open_review(colleague, video_id)

    select(reviewer, 100)
    reviewer.keyboard.press("Enter")

    eventually(colleague, lambda: row(colleague, 100), "accepted")


@pytest.mark.costly
@pytest.mark.parametrize("choice", ["keep-mine", "keep-theirs"])
def test_the_second_of_two_decisions_is_asked_about(
    reviewer: Page, colleague: Page, review: ReviewService, choice: str
) -> None:
    video_id = review.match()
    keep_streams_out(colleague)
    open_review(reviewer, video_id)
    open_review(colleague, video_id)
    with apart(colleague, video_id):
        select(reviewer, 100)
        reviewer.keyboard.press("]")
        eventually(reviewer, lambda: review.states(video_id).get(101), "edited")

        colleague.locator("[data-is=events] [data-frame='100']").click()
        colleague.keyboard.press("x")
        dialog = colleague.locator("#conflict-dialog")
        expect(dialog).to_be_visible()
    told = dialog.inner_text()
    dialog.locator(f"[data-is={choice}]").click()

    wanted = "rejected" if choice == "keep-mine" else "edited"
    eventually(colleague, lambda: review.states(video_id).get(101), wanted)
    assert "local" in told
    assert "Frame\t101\t100" in told
    assert "Rejected" in told
    expect(colleague.locator("[data-is=unsent]")).to_have_text("All saved")


@pytest.mark.costly
def test_who_leaves_before_saying_which_word_counts_is_asked_again(
    reviewer: Page, review: ReviewService
) -> None:
    video_id = review.match()
    keep_streams_out(reviewer)
    open_review(reviewer, video_id)
    event = next(one for one in review.events(video_id) if one["frame"] == 100)
    with apart(reviewer, video_id):
        answer = review.api.client.patch(
            f"/videos/{video_id}/events/{event['id']}",
            json={"frame": 101},
            headers={"if-match": f'"{event["version"]}"'},
        )
        assert answer.status_code == 200
        reviewer.locator("[data-is=events] [data-frame='100']").click()
        reviewer.keyboard.press("x")
        dialog = reviewer.locator("#conflict-dialog")
        expect(dialog).to_be_visible()

    reviewer.evaluate("location.hash = '#/'")
    expect(reviewer.locator("#videos li")).to_have_count(1)
    reviewer.evaluate("history.back()")
    expect(dialog).to_be_visible()
    reviewer.reload()
    expect(dialog).to_be_visible()
    assert review.states(video_id)[101] == "edited"
    dialog.locator("[data-is=keep-mine]").click()

    eventually(reviewer, lambda: review.states(video_id).get(101), "rejected")
    expect(reviewer.locator("[data-is=unsent]")).to_have_text("All saved")


@pytest.mark.costly
def test_decisions_without_a_connection_are_kept_and_sent_in_order(
    reviewer: Page, review: ReviewService
) -> None:
    video_id = review.match()
    open_review(reviewer, video_id)
    select(reviewer, 45)
    reviewer.context.set_offline(True)

    reviewer.keyboard.press("Enter")
    reviewer.keyboard.press("]")
    reviewer.keyboard.press("]")
    go_to(reviewer, 100)
    reviewer.keyboard.press("3")
    reviewer.keyboard.press("]")
    unsent = reviewer.locator("[data-is=unsent]")
    expect(unsent).to_contain_text("5 unsent")
    assert review.states(video_id)[45] == "suggested"
    assert row(reviewer, 47) == "edited"
    reviewer.context.set_offline(False)

    expect(unsent).to_have_text("All saved")
    states = review.states(video_id)
    assert states[47] == "edited"
    assert states[101] == "added"
    added = review.events(video_id, state="added")
    (history,) = [_history(review, video_id, one["id"]) for one in added]
    assert history == ["add", "edit"]


def _history(review: ReviewService, video_id: UUID, event_id: str) -> list[str]:
    path = f"/videos/{video_id}/events/{event_id}/history"
    return [one["action"] for one in review.api.client.get(path).json()["items"]]


@pytest.mark.costly
def test_unsent_decisions_outlive_a_reload(
    reviewer: Page, review: ReviewService
) -> None:
    video_id = review.match()

    def refuse(route: Route) -> None:
        if route.request.method == "GET":
            route.continue_()
        else:
            route.abort()

    reviewer.route("**/videos/**", refuse)
    open_review(reviewer, video_id)
    select(reviewer, 100)
    reviewer.keyboard.press("x")
    go_to(reviewer, 350)
    reviewer.keyboard.press("1")
    unsent = reviewer.locator("[data-is=unsent]")
    expect(unsent).to_contain_text("2 unsent")

    reviewer.reload()
    open_review(reviewer, video_id)
    expect(unsent).to_contain_text("2 unsent")
    eventually(reviewer, lambda: row(reviewer, 350), "added")
    assert row(reviewer, 100) is None
    reviewer.unroute("**/videos/**")

    expect(unsent).to_have_text("All saved")
    assert review.states(video_id)[100] == "rejected"
    assert review.states(video_id)[350] == "added"


@pytest.mark.costly
def test_an_answer_that_is_lost_does_not_add_twice(
    reviewer: Page, review: ReviewService
) -> None:
    video_id = review.match()
    lost: list[str] = []

    def lose(route: Route) -> None:
        if route.request.method == "POST" and not lost:
            lost.append(route.request.url)
            route.fetch()
            route.abort()
        else:
            route.continue_()

    reviewer.route("**/videos/*/events", lose)
    open_review(reviewer, video_id)
    go_to(reviewer, 350)
    reviewer.keyboard.press("1")
    wait_until(reviewer, lambda: bool(lost))

    expect(reviewer.locator("[data-is=unsent]")).to_have_text("All saved")
    assert [one["frame"] for one in review.events(video_id, state="added")] == [350]


@pytest.mark.costly
def test_undo_takes_back_what_was_not_sent_yet(
    reviewer: Page, review: ReviewService
) -> None:
    video_id = review.match()
    open_review(reviewer, video_id)
    select(reviewer, 45)
    reviewer.context.set_offline(True)
    reviewer.keyboard.press("Enter")
    reviewer.wait_for_timeout(200)
    reviewer.keyboard.press("]")
    reviewer.keyboard.press("]")

    reviewer.keyboard.press("Control+z")
    eventually(reviewer, lambda: row(reviewer, 46), "edited")
    reviewer.context.set_offline(False)

    expect(reviewer.locator("[data-is=unsent]")).to_have_text("All saved")
    assert review.states(video_id)[46] == "edited"


@pytest.mark.costly
def test_a_match_that_is_deleted_meanwhile_is_told(
    reviewer: Page, review: ReviewService
) -> None:
    video_id = review.match()
    open_review(reviewer, video_id)

    review.api.client.delete(f"/videos/{video_id}")

    expect(reviewer.locator(".review-gone")).to_contain_text("deleted")


def test_a_match_that_could_not_be_read_at_first_is_read_again(
    reviewer: Page, review: ReviewService
) -> None:
    video_id = review.match()
    failed: list[str] = []

    def fail(route: Route) -> None:
        if len(failed) < 2:
            failed.append(route.request.url)
            route.fulfill(status=503, json={"title": "Not ready", "status": 503})
        else:
            route.continue_()

    reviewer.route("**/videos/*/thresholds", fail)

    open_review(reviewer, video_id)

    assert len(failed) == 2
    expect(reviewer.locator("#trouble")).to_be_hidden()
    select(reviewer, 100)

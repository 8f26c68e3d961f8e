"""The page in a real browser: the library, what it asks for, and what it tells."""

import re
from uuid import UUID

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from app.core.db.base import utc_now
from app.jobs.tables import JobStatus
from tests.acceptance.page_service import (
    PageService,
    asked_for,
    is_marked_focused,
    mark_focused,
    wait_until,
)

HIDE = """isHidden => {
  const hidden = { configurable: true, get: () => isHidden };
  Object.defineProperty(document, 'hidden', hidden);
  document.dispatchEvent(new Event('visibilitychange'));
}"""


def row_of(page: Page, title: str) -> Locator:
    """Find a video's row in the library."""
    return page.locator("#videos li", has_text=title)


def choose_action(page: Page, title: str, action: str) -> None:
    """Choose what to do with a video of the library."""
    page.get_by_role("button", name=f"Actions for {title}").click()
    page.locator(".menu li").get_by_role("button", name=action, exact=True).click()


def test_the_focus_stays_on_a_video_while_its_job_runs(
    page: Page, page_service: PageService
) -> None:
    page_service.upload("Older")
    video_id = page_service.upload("Cup final")
    page_service.set_job(video_id, status=JobStatus.RUNNING, stage="spot", progress=0.1)
    page.goto("/")
    link = page.locator("#videos li > a", has_text="Cup final")
    link.focus()
    mark_focused(page)

    for progress in (0.2, 0.3, 0.4):  # Each is told anew.
        page_service.set_job(video_id, progress=progress)
        expect(link.locator(".badge")).to_have_text(f"{progress * 100:.0f} %")
        assert is_marked_focused(page)
    page_service.upload("Newest")
    page.evaluate("dispatchEvent(new Event('online'))")  # Do not wait for the poll.

    expect(page.locator("#videos li")).to_have_count(3)
    assert page.locator("#videos strong").all_inner_texts()[0] == "Newest"
    assert is_marked_focused(page)


@pytest.mark.costly
def test_progress_comes_by_the_stream_without_asking(
    page: Page, page_service: PageService
) -> None:
    video_id = page_service.upload("Cup final")
    with page.expect_response("**/stream"):
        page.goto("/")
    badge = page.locator("#videos .badge")
    page_service.set_job(video_id, status=JobStatus.RUNNING, stage="spot", progress=0.1)
    expect(badge).to_have_text("10 %")
    page.wait_for_load_state("load")
    polls = asked_for(page, "/videos")

    for progress in (0.2, 0.3):
        page_service.set_job(video_id, progress=progress)
        expect(badge).to_have_text(f"{progress * 100:.0f} %")
    assert polls == []

    page_service.set_job(video_id, status=JobStatus.CANCELED, finished_at=utc_now())
    expect(badge).to_have_text("canceled")


@pytest.mark.costly
def test_an_empty_library_offers_the_sample_match(
    page: Page, page_service: PageService
) -> None:
    page.goto("/")

    page.get_by_role("button", name="Try the sample match").click()

    expect(page).to_have_url(re.compile("#/videos/[0-9a-f-]{36}$"))
    (video,) = page_service.api.client.get("/videos").json()["items"]
    assert page.url.endswith(video["id"])


def test_a_title_with_html_is_a_title(page: Page, page_service: PageService) -> None:
    title = "<img src=x onerror=alert(1)> & <b>Cup</b>"
    page_service.upload(title)
    page.goto("/")

    expect(page.locator("#videos strong")).to_have_text(title)
    assert page.locator("#videos strong *").count() == 0


@pytest.mark.costly
def test_a_video_is_opened_from_its_row_by_keyboard(
    page: Page, page_service: PageService
) -> None:
    video_id = page_service.upload("Cup final")
    page.goto("/")
    page.locator("#videos li > a").focus()

    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile(f"#/videos/{video_id}$"))
    expect(page.locator(".view-video h1")).to_be_visible()


@pytest.mark.costly
def test_a_running_job_is_canceled_and_a_video_analysed_again(
    page: Page, page_service: PageService
) -> None:
    video_id = page_service.upload("Cup final")
    page.goto("/")
    expect(row_of(page, "Cup final").locator(".badge")).to_have_text("queued")

    choose_action(page, "Cup final", "Cancel analysis")
    expect(row_of(page, "Cup final").locator(".badge")).to_have_text("canceled")
    choose_action(page, "Cup final", "Analyse again")
    page.get_by_role("dialog").get_by_role("button", name="Analyse").click()

    expect(row_of(page, "Cup final").locator(".badge")).to_have_text("queued")
    assert statuses_of(page_service, video_id) == ["queued", "canceled"]


@pytest.mark.costly
def test_a_video_is_deleted_only_after_a_second_thought(
    page: Page, page_service: PageService
) -> None:
    page_service.upload("Cup final")
    page_service.upload("Semi-final")
    page.goto("/")

    choose_action(page, "Cup final", "Delete")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("“Cup final” goes with its file")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.locator("#videos li")).to_have_count(2)

    choose_action(page, "Cup final", "Delete")
    dialog.get_by_role("button", name="Delete").click()

    expect(page.locator("#videos li")).to_have_count(1)
    expect(page.locator("#videos strong")).to_have_text("Semi-final")


@pytest.mark.costly
def test_older_videos_come_when_they_are_asked_for(
    page: Page, page_service: PageService
) -> None:
    for number in range(31):  # One more than the page shows.
        page_service.upload(f"Match {number}")
    page.goto("/")
    expect(page.locator("#videos li")).to_have_count(30)

    page.locator("#more-videos").click()

    expect(page.locator("#videos li")).to_have_count(31)
    expect(page.locator("#more-videos")).to_be_hidden()


def test_a_server_that_is_away_is_told_and_its_return_clears_it(
    page: Page, page_service: PageService
) -> None:
    page_service.upload("Cup final")
    page.goto("/")
    expect(page.locator("#videos li")).to_have_count(1)
    trouble = page.locator("#stale")

    page.context.set_offline(True)
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(trouble).to_have_text(
        re.compile(r"^The server cannot be reached\. Trying again in \d+ s\.$")
    )
    page.context.set_offline(False)

    expect(trouble).to_be_hidden()
    expect(page.locator("#videos li")).to_have_count(1)


def test_polls_never_overlap_and_one_without_an_answer_is_given_up(
    page: Page, page_service: PageService
) -> None:
    page.clock.install()
    polls = asked_for(page, "/videos")
    page.route("**/videos?*", lambda _: None)  # It hears, and does not answer.

    page.goto("/")
    wait_until(page, lambda: len(polls) == 1)
    page.clock.run_for(20_000)
    page.evaluate("dispatchEvent(new Event('online'))")

    assert len(polls) == 1
    page.clock.run_for(11_000)
    expect(page.locator("#stale")).to_contain_text("The server does not answer.")


def test_a_hidden_tab_asks_for_nothing_until_it_is_seen_again(
    page: Page, page_service: PageService
) -> None:
    page.clock.install()
    page.goto("/")
    expect(page.locator("#no-videos")).to_be_visible()

    page.evaluate(HIDE, True)
    polls, readiness = asked_for(page, "/videos"), asked_for(page, "/readyz")
    page.clock.run_for(120_000)
    assert polls == readiness == []

    page.evaluate(HIDE, False)
    wait_until(page, lambda: bool(polls and readiness))


def test_a_poster_comes_into_the_list_and_nothing_moves(
    page: Page, page_service: PageService
) -> None:
    video_id = page_service.upload("Cup final")
    page.goto("/")
    row = page.locator("#videos li")
    still = row.locator("img")
    expect(row).to_contain_text("Cup final")
    expect(still).to_be_hidden()
    before = row.bounding_box()

    page_service.draw_poster(video_id)

    expect(still).to_be_visible()
    expect(still).to_have_js_property("naturalWidth", 640)
    expect(still).to_have_attribute("alt", "Still from the video")
    expect(still).to_have_attribute("loading", "lazy")
    assert row.bounding_box() == before


@pytest.mark.costly
def test_a_poster_that_cannot_be_loaded_leaves_the_place_empty(
    page: Page, page_service: PageService
) -> None:
    video_id = page_service.upload("Cup final")
    page_service.draw_poster(video_id, data=b"no picture")
    page.goto("/")

    expect(page.locator("#videos li")).to_contain_text("Cup final")
    expect(page.locator("#videos img")).to_have_attribute(
        "src", f"/videos/{video_id}/poster"
    )
    expect(page.locator("#videos img")).to_be_hidden()


@pytest.mark.costly
@pytest.mark.parametrize("choice", ["light", "dark"])
def test_the_theme_that_was_chosen_stays(page: Page, choice: str) -> None:
    page.emulate_media(color_scheme="light" if choice == "dark" else "dark")
    page.goto("/#/settings")

    page.get_by_label(choice.capitalize(), exact=True).check()
    page.reload()

    expect(page.get_by_label(choice.capitalize(), exact=True)).to_be_checked()
    expect(page.locator("html")).to_have_attribute("data-theme", choice)


def test_who_reviews_is_told_with_every_request(visit: BrowserContext) -> None:
    page = visit.new_page()
    page.goto("/#/settings")

    page.locator("#reviewer").fill("Zoë Müller")
    with page.expect_request("**/videos?*") as asked:
        page.goto("/#/")

    author = asked.value.headers["touchline-author"]
    assert author == "Zo%C3%AB%20M%C3%BCller"


@pytest.mark.costly
def test_a_key_of_the_review_is_changed_in_the_settings_and_stays(page: Page) -> None:
    page.goto("/#/settings")
    row = page.locator("[data-action=next-event]")
    expect(row.locator("kbd").first).to_have_text("N")

    row.get_by_role("button", name="Change").click()
    page.keyboard.press("w")

    expect(row.locator("kbd")).to_have_text(["W"])
    page.reload()
    expect(row.locator("kbd")).to_have_text(["W"])


def test_nothing_is_asked_of_another_host(
    visit: BrowserContext, page_service: PageService
) -> None:
    page_service.upload("Cup final")
    page = visit.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: asked.append(f"csp: {message.text}"))

    for place in ("", "types", "settings"):
        page.goto(f"/#/{place}")
        expect(page.locator("h1")).to_be_visible()
        page.wait_for_load_state("networkidle")

    assert asked
    refused = [text for text in asked if "Content Security Policy" in text]
    assert refused == []
    elsewhere = [
        url for url in asked if not url.startswith((page_service.api.url, "csp: "))
    ]
    assert elsewhere == []


def statuses_of(page_service: PageService, video_id: UUID) -> list[str]:
    """List the states of a video's jobs, the newest first."""
    answer = page_service.api.client.get(f"/videos/{video_id}/jobs")
    return [job["status"] for job in answer.json()["items"]]
